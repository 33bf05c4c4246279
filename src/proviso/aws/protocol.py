"""The seams to AWS: who we are there, and what carries a request."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from msgspec import Struct

from proviso.errors import Unavailable


class NoCredentials(Unavailable):
    """There is nothing to sign with, or it cannot be renewed."""

    code = "no_credentials"


class TransportFailed(Unavailable):
    """A request got no whole response. `sent`: whether the other side may have acted on it (and charge for it)."""

    code = "transport_failed"

    def __init__(self, message: str, *, sent: bool, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.sent = sent


class TimedOut(TransportFailed):
    """The other side was silent for too long."""

    code = "transport_timed_out"


class TransportFull(TransportFailed):
    """Every connection that may be open is in use: nothing was sent, and nothing is known of the other side."""

    code = "transport_full"


class BrokenStream(Unavailable):
    """An event stream that is damaged, or that was cut inside a frame."""

    code = "stream_broken"


class Keys(Struct, frozen=True):
    """An access key. `expires` is seconds of UTC since the epoch, None for one that does not expire.

    `source`: what of AWS's chain has it, such as `env` or `shared-credentials-file`; empty where it was given.
    """

    access_key: str
    secret_key: str
    token: str = ""
    expires: float | None = None
    source: str = ""

    def __repr__(self) -> str:
        return f"Keys({self.access_key!r}, …)"


class Bearer(Struct, frozen=True):
    """A Bedrock API key."""

    key: str
    expires: float | None = None

    def __repr__(self) -> str:
        return "Bearer(…)"


class CredentialSource(Protocol):
    """Anything that says who we are at AWS."""

    async def current(self, refused: Keys | Bearer | None = None) -> Keys | Bearer:
        """Return credentials that are valid now; at once when they are known. Raises `NoCredentials`.

        `refused`: what AWS has just called expired. Others are looked for; the same come back where there are none.
        """
        ...


class HttpRequest(Struct, frozen=True):
    """A request as it goes on the wire. `path` is encoded; `headers` has no Host, no Content-Length."""

    method: str
    origin: str  # `https://bedrock-runtime.eu-central-1.amazonaws.com`, without a path
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


class HttpResponse(Protocol):
    """A response whose head is there."""

    @property
    def status(self) -> int:
        """The status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, looked up without regard to case."""
        ...

    async def read(self) -> bytes:
        """Return the whole body. Raises `TransportFailed` where it is cut off."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Return the body as it comes. Raises `TransportFailed` where it is cut off, `TimedOut` where it is silent."""
        ...


class Patience(Struct, frozen=True):
    """How many seconds to wait: for a connection, for the head, for more of the body, in all (None: no limit)."""

    connect: float = 3.0
    head: float = 60.0
    idle: float = 30.0
    whole: float | None = None


class Transport(Protocol):
    """Anything that carries requests: pooled connections, no retries, no redirects, no cookies, no decompression."""

    def send(self, request: HttpRequest, patience: Patience) -> AbstractAsyncContextManager[HttpResponse]:
        """Send a request; leaving the context before the body's end closes the connection.

        Raises `TransportFailed`. A connection that the other side had closed while it was idle is no failure: a
        request of which nothing was sent goes on another one.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
