"""Carry requests through aiohttp: pooled connections on the event loop. The only module that knows aiohttp."""

import asyncio
import math
import select
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import aiohttp
from aiohttp.payload import Payload
from yarl import URL

from proviso.aws.protocol import HttpRequest, HttpResponse, Patience, TransportFailed
from proviso.aws.reading import (
    DEFAULTS,
    allow_head,
    failed,
    full,
    refuse_more_than,
    refuse_without_length,
    timed_out,
)
from proviso.aws.signing import host_header

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

_PIECE = 256 * 1024  # bytes of a body written before the socket is waited for


class AiohttpTransport:
    """A `Transport` for one event loop; its session is made at the first request."""

    def __init__(
        self, *, connections: int = 512, keep_alive_s: float = 50.0, tls: ssl.SSLContext | None = None
    ) -> None:
        """Take at most so many connections, each kept idle for so long. `tls`: None for the machine's authorities."""
        self._connections = connections
        self._keep_alive_s = keep_alive_s
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._origins: dict[str, str] = {}
        self._open: set[_Response] = set()
        self._closed = False

    def send(self, request: HttpRequest, patience: Patience) -> AbstractAsyncContextManager[HttpResponse]:
        """See `Transport.send`. What takes the head its time begins with the first byte that is written."""
        if self._closed:
            raise TransportFailed("the transport is closed", sent=False, fix="make another one")
        if self._session is None:
            self._session = self._start()
        origin = self._origins.get(request.origin) or self._normal(request.origin)
        url = URL(origin + request.path, encoded=True)
        return _Exchange(self._session, request, url, patience, self._open)

    async def close(self) -> None:
        """Close every connection; what is under way fails."""
        self._closed = True
        session, self._session = self._session, None
        for response in tuple(self._open):
            response.leave()
        if session is not None:
            await session.close()

    def _start(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=_Pool(
                limit=self._connections,
                keepalive_timeout=self._keep_alive_s,
                ssl=True if self._tls is None else self._tls,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=DEFAULTS,
            timeout=aiohttp.ClientTimeout(),  # none: each exchange keeps its own time
            auto_decompress=False,
            trust_env=False,
        )

    def _normal(self, origin: str) -> str:
        """Return the origin as its host is signed: in lower case, without a usual port."""
        normal = f"{origin.partition('://')[0]}://{host_header(origin)}"
        self._origins[origin] = normal
        return normal


class _Pool(aiohttp.TCPConnector):
    """Gives out no connection that the other side has closed while it was idle.

    aiohttp knows that once the loop has read the end; this looks at the socket itself, just before it is written to.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._known: WeakSet[ResponseHandler] = WeakSet()

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list["Trace"],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  theirs
    ) -> "Connection":
        """Return a connection that is new, or still open and silent."""
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            assert protocol is not None  # until it is released
            if protocol not in self._known:
                self._known.add(protocol)
                return connection
            if not _has_spoken(connection):
                return connection
            connection.close()

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list["Trace"],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  theirs
    ) -> "ResponseHandler":
        if isinstance(req.body, _Body):
            req.body.connecting = True
        return await super()._create_connection(req, traces, timeout)


def _has_spoken(connection: "Connection") -> bool:
    """Tell whether there is something to read where nothing was asked: the end, an error, or a stray answer."""
    socket = connection.transport.get_extra_info("socket") if connection.transport is not None else None
    if socket is None:
        return connection.transport is None
    poll = select.poll()
    poll.register(socket.fileno(), select.POLLIN)
    return bool(poll.poll(0))


class _Body(Payload):
    """A request's bytes, which know whether they were written, and tell when."""

    _value: bytes
    _autoclose = True

    def __init__(self, body: bytes, tell: Callable[[], None]) -> None:
        super().__init__(body)
        self._size = len(body)
        self._tell = tell
        self.connecting = False  # as opposed to waiting for another's connection
        self.sent = False

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._value.decode(encoding, errors)

    async def write(self, writer: "AbstractStreamWriter") -> None:
        """Write head and body: aiohttp holds the head back until then."""
        transport = writer.transport
        if transport is not None and not transport.is_closing():
            self.sent = True
            self._consumed = True  # aiohttp sends no such body again, which it would for a GET
            self._tell()
        if len(self._value) <= _PIECE:
            await writer.write(self._value)
            return
        whole = memoryview(self._value)
        for start in range(0, len(whole), _PIECE):
            await writer.write(whole[start : start + _PIECE])


class _Exchange(AbstractAsyncContextManager[HttpResponse]):
    """One request and its response."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        request: HttpRequest,
        url: URL,
        patience: Patience,
        everyone: "set[_Response]",
    ) -> None:
        self._session = session
        self._everyone = everyone
        self._request = request
        self._url = url
        self._patience = patience
        self._response: _Response | None = None

    async def __aenter__(self) -> HttpResponse:
        patience, origin = self._patience, self._request.origin
        loop = asyncio.get_running_loop()
        ends = math.inf if patience.whole is None else loop.time() + patience.whole
        limit = asyncio.timeout_at(min(loop.time() + patience.connect, ends))
        body = _Body(self._request.body, partial(allow_head, limit, patience.head, ends))
        try:
            async with limit:
                response = await self._ask(body)
        except TimeoutError as error:
            if not (body.sent or body.connecting):
                raise full(origin) from error
            raise timed_out(origin, "answer" if body.sent else "connect", sent=body.sent) from error
        except (
            aiohttp.ClientError,
            OSError,
            ValueError,
        ) as error:  # the last for a header that cannot be sent
            raise failed(origin, error, sent=body.sent) from error
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if not self._session.closed or task is None or task.cancelling():
                raise
            # aiohttp cancels who waits for a connection when it closes; nobody has asked this task to end.
            raise failed(origin, error, sent=body.sent) from None
        self._response = _Response(response, origin, patience.idle, ends)
        self._everyone.add(self._response)
        try:
            refuse_without_length(response.status, response.headers, origin)
        except TransportFailed:
            self._leave()
            raise
        return self._response

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._leave()

    async def _ask(self, body: _Body) -> aiohttp.ClientResponse:
        return await self._session.request(
            self._request.method,
            self._url,
            data=body,
            headers=self._request.headers,
            allow_redirects=False,
        )

    def _leave(self) -> None:
        if self._response is not None:
            self._everyone.discard(self._response)
            self._response.leave()


class _Response(HttpResponse, AsyncIterator[bytes]):
    """A response, and its body as an iterator. One timer watches it, however many pieces come."""

    def __init__(self, response: aiohttp.ClientResponse, origin: str, idle: float, ends: float) -> None:
        self._response = response
        self._origin = origin
        self._idle = idle  # seconds
        self._ends = ends  # when all must be over, of the loop's clock
        self._waiting_since: float | None = None
        self._late = False
        self._size = 0  # bytes of the body so far
        self._loop = loop = asyncio.get_running_loop()
        self._watch = loop.call_at(min(loop.time() + self._idle, self._ends), self._look)

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    async def read(self) -> bytes:
        return b"".join([part async for part in self])

    def chunks(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self._waiting_since = self._loop.time()
        try:
            piece = await self._response.content.readany()
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            if self._late:
                raise timed_out(self._origin, "go on", sent=True) from None
            raise failed(self._origin, error, sent=True) from error
        self._waiting_since = None
        if not piece:
            raise StopAsyncIteration
        self._size += len(piece)
        refuse_more_than(self._size, self._origin)
        return piece

    def leave(self) -> None:
        """End it: the connection is kept if the whole body has come, and else closed at once."""
        self._watch.cancel()
        response = self._response
        if response.closed:
            return
        connection = response.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        response.close()

    def _look(self) -> None:
        """Break off where the other side is silent while somebody waits, or where all has taken too long."""
        now = self._loop.time()
        silent_until = (now if self._waiting_since is None else self._waiting_since) + self._idle
        following = min(silent_until, self._ends)
        if following > now:
            self._watch = self._loop.call_at(following, self._look)
        elif not self._response.closed:
            self._late = True
            self.leave()
