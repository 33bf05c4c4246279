"""E-mail through apprise, the only module that knows it (extra `email`).

apprise talks to the mail server in its caller's thread. A server that hangs must not hold up a process that is
about to end, nor take the threads that others need: each mail gets a daemon thread of its own, and those are counted.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from proviso.errors import NotReady
from proviso.outbox.destination import Email, InvalidDestination, secret
from proviso.outbox.message import DELIVERED, Message, Receipt, failed
from proviso.text import is_loopback

_MOST_THREADS = 8
_STEP_S = 10.0  # each step of the talk with the mail server


class MailTransport:
    """Sends messages as plain text, one mail to each recipient."""

    def __init__(self, email: Email, environ: Mapping[str, str], *, step_s: float = _STEP_S) -> None:
        """Read the server's URL. Raises `NotReady` without apprise, `InvalidDestination` for a URL that is none."""
        self._url = secret(environ, email.server, email.name)
        self._name = email.server
        self._step_s = step_s
        self._threads = threading.Semaphore(_MOST_THREADS)
        for address in email.recipients:
            self._plugin(address, {})

    async def send(self, message: Message) -> Receipt:
        """Send one mail. Cancelled, its thread goes on until the mail server lets go of it."""
        headers = {
            "X-Proviso-Message": message.id,
            "X-Proviso-Topic": message.topic,
            "Auto-Submitted": "auto-generated",  # RFC 3834: no automatic replies, please
        }
        plugin = self._plugin(message.address, headers)
        if not self._threads.acquire(blocking=False):
            return failed(f"the mail server still holds {_MOST_THREADS} earlier mails")
        mailed = _in_thread(
            lambda: bool(plugin.notify(title=message.title, body=message.text)), self._threads.release
        )
        if await asyncio.wrap_future(mailed):
            return Receipt(DELIVERED)
        return failed("the mail server cannot be reached, or it refused the mail or its recipient")

    def _plugin(self, address: str, headers: Mapping[str, str]) -> Any:
        """Return apprise's sender of one mail, in which nothing is left of an earlier one."""
        try:
            from apprise.plugins.email import base  # noqa: PLC0415  an extra, and 0.3 s to import
        except ImportError as error:
            raise NotReady("mail needs apprise", fix="pip install 'proviso[email]'") from error
        mail: Any = base.NotifyEmail
        settings = mail.parse_url(self._url) if self._url.startswith(("mailto:", "mailtos:")) else None
        if not settings:
            raise self._invalid("is no URL of a mail server")
        # The recipients are those of proviso.yaml, whoever else stands in the URL.
        settings |= {"targets": [address], "cc": None, "bcc": None, "format": "text"}
        settings["headers"] = {**settings["headers"], **headers}
        try:
            plugin = mail(**settings)
        except TypeError as error:  # what apprise raises for settings that it does not take
            raise self._invalid("is no URL of a mail server") from error
        if [to for _, to in plugin.targets] != [address]:
            raise InvalidDestination(f"`{address[:200]}` is no mail address", fix="use `name@example.com`")
        if plugin.secure_mode == "insecure" and not is_loopback(plugin.smtp_host):
            raise self._invalid("does not encrypt what it sends")
        plugin.socket_connect_timeout = self._step_s
        return plugin

    def _invalid(self, what: str) -> InvalidDestination:
        fix = "use `mailtos://user:password@smtp.example.com?from=proviso@example.com`"
        return InvalidDestination(f"the environment variable `{self._name}` {what}", fix=fix)


def _in_thread(call: Callable[[], bool], after: Callable[[], None]) -> Future[bool]:
    future: Future[bool] = Future()

    def run() -> None:
        try:
            done = call()
        except BaseException as error:  # noqa: BLE001  passed on to whoever waits
            future.set_exception(error)
        else:
            future.set_result(done)
        finally:
            after()

    future.set_running_or_notify_cancel()  # from here on it cannot be cancelled from outside
    threading.Thread(target=run, name="proviso-mail", daemon=True).start()
    return future
