"""Fetches what a provider publishes: its discovery document and its key set. Blocking: call it in a thread.

urllib's timeout is for each read, and a sender of one byte a second renews it for ever; so a timer ends the
connection when the time for the whole document is up. Redirects are not followed.
"""

import http.client
import socket
import ssl
import threading
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, getproxies

from proviso.access.jwks import IdentityUnavailable
from proviso.access.oidc import OidcProvider
from proviso.access.strict_json import strict_object
from proviso.text import address, is_loopback

TIMEOUT_S = 3.0  # for each document
MOST_BYTES = 256 * 1024
_MOST_KEYS = 100
_WELL_KNOWN = "/.well-known/openid-configuration"


def fetch_keys(provider: OidcProvider, timeout_s: float = TIMEOUT_S) -> list[dict[str, object]]:
    """Return the JSON Web Keys of a provider, unchecked; raise `IdentityUnavailable` that says what is wrong."""
    url = provider.jwks_url or _discover(provider, timeout_s)
    keys = _document(url, timeout_s).get("keys")
    if not isinstance(keys, list) or not keys or len(keys) > _MOST_KEYS:
        raise _wrong(url, "is no set of keys")
    return [key for key in keys if isinstance(key, dict)]


def _discover(provider: OidcProvider, timeout_s: float) -> str:
    """Return where the keys are (OpenID Connect Discovery 1.0, section 4)."""
    url = provider.issuer.rstrip("/") + _WELL_KNOWN
    found = _document(url, timeout_s)
    if found.get("issuer") != provider.issuer:
        raise _wrong(url, "is of another issuer")
    keys_url = found.get("jwks_uri")
    # Only a provider on this machine may send us to this machine over http.
    loopback = is_loopback(urlsplit(provider.issuer).hostname or "")
    if not isinstance(keys_url, str) or address(keys_url, loopback=loopback) is None:
        raise _wrong(url, "has no `jwks_uri` that may be fetched")
    return keys_url


def _document(url: str, timeout_s: float) -> dict[str, object]:
    try:
        with _Deadline(timeout_s) as deadline:
            body = _get(url, deadline, timeout_s)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _wrong(url, f"cannot be fetched ({type(error).__name__})") from None
    if len(body) > MOST_BYTES:
        raise _wrong(url, f"is larger than {MOST_BYTES} bytes")
    try:
        return strict_object(body)
    except ValueError:
        raise _wrong(url, "is no JSON object") from None


def _get(url: str, deadline: "_Deadline", timeout_s: float) -> bytes:
    opener = OpenerDirector()  # with no more than it needs: no files, no FTP, no redirects, no cookies
    opener.add_handler(ProxyHandler({"https": proxy} if (proxy := getproxies().get("https")) else {}))
    opener.add_handler(_Http(deadline) if url.startswith("http:") else _Https(deadline))
    request = Request(url, headers={"Accept": "application/json"})  # noqa: S310  `address` has seen the scheme
    with opener.open(request, timeout=timeout_s) as reply:
        if reply.status != 200:
            raise _wrong(url, f"answers with status {reply.status}")
        body: bytes = reply.read(MOST_BYTES + 1)
    if deadline.over:
        raise TimeoutError
    return body


def _wrong(url: str, what: str) -> IdentityUnavailable:
    return IdentityUnavailable(f"`{url[:200]}` {what}", fix="see the settings of the identity provider")


class _Deadline:
    """Ends the connections of one fetch when its time is up."""

    def __init__(self, seconds: float) -> None:
        self.over = False
        self._lock = threading.Lock()
        self._watched: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for watched in self._watched:
                watched.close()
            self._watched.clear()

    def watch(self, connection: socket.socket) -> None:
        """Have this connection ended. A duplicate is kept: TLS takes the original apart."""
        with self._lock:
            self._watched.append(connection.dup())
            if self.over:
                _hang_up(self._watched[-1])

    def _end(self) -> None:
        with self._lock:
            self.over = True
            for watched in self._watched:
                _hang_up(watched)


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):  # it is gone already
        connection.shutdown(socket.SHUT_RDWR)


class _Plain(http.client.HTTPConnection):
    """A connection that a deadline can end."""

    deadline: _Deadline

    def connect(self) -> None:
        super().connect()
        self.deadline.watch(self.sock)


class _Secure(http.client.HTTPSConnection, _Plain):
    """The same under TLS: the order of its bases has the handshake watched too."""


class _Http(HTTPHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_watched, _Plain, self._deadline), req)


class _Https(HTTPSHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def https_open(self, req: Request) -> http.client.HTTPResponse:
        # The machine's own authorities; SSL_CERT_FILE adds a private one.
        return self.do_open(
            partial(_watched, _Secure, self._deadline), req, context=ssl.create_default_context()
        )


def _watched(kind: type[_Plain], deadline: _Deadline, host: str, **options: object) -> _Plain:
    connection = kind(host, **options)  # type: ignore[arg-type]  # urllib passes what its own class takes
    connection.deadline = deadline
    return connection
