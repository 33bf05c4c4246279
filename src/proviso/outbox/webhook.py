"""A webhook: a signed POST of canonical JSON."""

import email.utils
import ssl
from collections.abc import Callable, Mapping

from proviso import __version__
from proviso.outbox.destination import Webhook, secret, webhook_url
from proviso.outbox.message import DELIVERED, GONE, Message, Receipt, failed
from proviso.outbox.post import Answer, Limits, NotHttp, post
from proviso.outbox.signature import sign, signing_key

_HTTP_GONE = 410
_ASK_FOR_TIME = (429, 503)
_LONGEST_WAIT_S = 86_400


class WebhookTransport:
    """Posts messages to a URL. `now` gives UTC microseconds since the epoch."""

    def __init__(
        self,
        webhook: Webhook,
        environ: Mapping[str, str],
        now: Callable[[], int],
        limits: Limits | None = None,
    ) -> None:
        """Read the secrets; raise `InvalidDestination` for a URL or a secret that cannot be used."""
        self._url = webhook_url(webhook.url)
        self._keys = [signing_key(secret(environ, name, webhook.name), name) for name in webhook.secrets]
        self._tls = ssl.create_default_context() if self._url.scheme == "https" else None
        self._limits = limits or Limits()
        self._now = now

    async def send(self, message: Message) -> Receipt:
        """Post a message once. Anything but 2xx has failed; 410 says that nobody wants it there any more."""
        timestamp = self._now() // 1_000_000
        headers = {
            "content-type": "application/json",
            "user-agent": f"proviso/{__version__}",
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(self._keys, message.id, timestamp, message.body),
        }
        try:
            answer = await post(self._url, headers, message.body, self._tls, self._limits)
        except TimeoutError:
            return failed(f"it did not answer within {self._limits.total_s:g} s")
        except OSError as error:
            return failed(f"it cannot be reached: {error.strerror or type(error).__name__}")
        except NotHttp as error:
            return failed(str(error))
        return self._receipt(answer)

    def _receipt(self, answer: Answer) -> Receipt:
        status = answer.status
        if status < 300:
            return Receipt(DELIVERED)
        if status == _HTTP_GONE:
            return Receipt(GONE, "it answered 410: it is gone")
        if status < 400:
            return failed(f"it answered {status}: redirects are not followed")
        wait = retry_after_s(answer.retry_after, self._now()) if status in _ASK_FOR_TIME else 0
        return failed(f"it answered {status}", wait)


def retry_after_s(value: str, now: int) -> int:
    """Return the seconds that a `Retry-After` asks for (RFC 9110, 10.2.3: seconds or a date), at most a day."""
    if value.isascii() and value.isdigit():
        return min(int(value[:9]), _LONGEST_WAIT_S)
    try:
        at = email.utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return 0
    return max(0, min(int(at - now / 1_000_000), _LONGEST_WAIT_S))
