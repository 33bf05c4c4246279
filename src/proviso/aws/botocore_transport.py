"""Carry requests through botocore's own HTTP session, in a bounded pool of threads.

For those who want what other AWS tools do: the proxies of the environment, and botocore's certificate bundle. It
takes several times the CPU of the other transport. With `chain`, the only module that knows botocore.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
    AWSPreparedRequest,
    AWSResponse,
)
from botocore.exceptions import BotoCoreError, ConnectTimeoutError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies
from urllib3 import Timeout
from urllib3.exceptions import HTTPError

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

T = TypeVar("T")

_PIECE = 64 * 1024  # bytes read at once
_AT_ONCE = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]  # head and body are two packets


class BotocoreTransport:
    """A `Transport` for one event loop. Each exchange has a thread of the pool for as long as it lasts."""

    def __init__(self, *, connections: int = 64, authorities: str = "") -> None:
        """Take at most so many connections, and threads. `authorities`: a file; empty for botocore's own."""
        self._connections = connections
        self._authorities = authorities
        self._room = asyncio.Semaphore(connections)
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="aws")
        self._sessions: dict[str, _Session] = {}
        self._opening = threading.Lock()
        self._open: set[_Ticket] = set()
        self._closed = False

    def send(self, request: HttpRequest, patience: Patience) -> AbstractAsyncContextManager[HttpResponse]:
        """See `Transport.send`. What takes the head its time begins with the first byte that is written."""
        return _Exchange(self, request, patience)

    async def close(self) -> None:
        """Close every connection; what is under way fails."""
        self._closed = True
        for ticket in self._open:
            ticket.abandon()
        await asyncio.to_thread(self._threads.shutdown)
        for session in self._sessions.values():
            session.close()

    async def enter(self, ticket: "_Ticket") -> None:
        """Wait for a thread."""
        await self._room.acquire()
        if self._closed:
            self._room.release()
            raise TransportFailed("the transport is closed", sent=False, fix="make another one")
        self._open.add(ticket)

    def leave(self, ticket: "_Ticket", last: "Future[Any] | None") -> None:
        """Give the thread back, once it is done with its last work."""
        self._open.discard(ticket)
        if last is None or last.done():
            self._room.release()
            return
        loop = asyncio.get_running_loop()

        def release(_: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended before the thread
                loop.call_soon_threadsafe(self._room.release)

        last.add_done_callback(release)

    def submit(self, work: Callable[[], T]) -> "Future[T]":
        """Have a thread do something."""
        try:
            return self._threads.submit(work)
        except RuntimeError:
            raise TransportFailed("the transport is closed", sent=False, fix="make another one") from None

    def session(self, origin: str) -> "_Session":
        """Return the session for an origin, through the proxy that the environment names for it."""
        with self._opening:
            session = self._sessions.get(origin)
            if session is None:
                session = self._sessions[origin] = _Session(
                    verify=self._authorities or True,
                    proxies=get_environ_proxies(origin),
                    max_pool_connections=self._connections,
                    socket_options=_AT_ONCE,
                )
            return session


class _Ticket(bytes):
    """A request's body, which botocore hands on untouched to the connection; so that each knows of the other."""

    lock: threading.Lock
    connection: "_Owned | None"
    abandoned: bool
    sent: bool
    tell: Callable[[], object]  # that it was sent

    @classmethod
    def of(cls, body: bytes) -> "_Ticket":
        ticket = cls(body)
        ticket.lock = threading.Lock()
        ticket.connection = None
        ticket.abandoned = False
        ticket.sent = False
        return ticket

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    def abandon(self) -> None:
        """Break off, from another thread: whoever reads from the connection or writes to it gets an error."""
        with self.lock:
            self.abandoned = True
            if self.connection is not None:
                self.connection.break_off(self)


class _Owned:
    """A connection that knows whose request it carries. Mixed into botocore's two kinds of connection."""

    sock: Any
    _owner: _Ticket | None = None
    _broken = False
    _owning: threading.Lock

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._owning = threading.Lock()

    def request(self, method: str, url: str, body: _Ticket, *arguments: Any, **options: Any) -> None:
        with body.lock:
            if body.abandoned:
                raise TimeoutError("nobody waits for this request any more")
            body.connection = self
            with self._owning:
                self._owner = body
                broken, self._broken = self._broken, False
        if broken:  # by its last owner, who was just done with it
            self.close()  # type: ignore[attr-defined]  # and opened again by the first write
        super().request(method, url, body, *arguments, **options)  # type: ignore[misc]

    def send(self, data: bytes) -> None:
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        if self._owner is not None and not self._owner.sent:
            self._owner.sent = True
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._owner.tell()
        super().send(data)  # type: ignore[misc]

    def break_off(self, owner: _Ticket) -> None:
        """Shut the socket under whoever waits on it, if the connection is still this request's."""
        with self._owning:
            if self._owner is owner and self.sock is not None:
                self._broken = True
                with contextlib.suppress(OSError):  # it is closed already
                    socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class _Connection(_Owned, AWSHTTPConnection):  # type: ignore[misc]
    pass


class _TlsConnection(_Owned, AWSHTTPSConnection):  # type: ignore[misc]
    pass


class _Pool(AWSHTTPConnectionPool):  # type: ignore[misc]
    ConnectionCls = _Connection


class _TlsPool(AWSHTTPSConnectionPool):  # type: ignore[misc]
    ConnectionCls = _TlsConnection


class _Session(URLLib3Session):  # type: ignore[misc]
    """botocore's session, with connections that can be broken off and a time limit for each request."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        self._manager.pool_classes_by_scheme = self._pool_classes_by_scheme

    def _get_request_timeout(self, request: AWSPreparedRequest) -> Timeout:
        patience: Patience = request.context["patience"]
        # The loop keeps the time; this is for a thread that it could not reach while it was connecting.
        return Timeout(connect=patience.connect, read=max(patience.head, patience.idle) + 1.0)


class _Exchange(AbstractAsyncContextManager[HttpResponse]):
    """One request and its response."""

    def __init__(self, transport: BotocoreTransport, request: HttpRequest, patience: Patience) -> None:
        self._transport = transport
        self._request = request
        self._patience = patience
        self._ticket = _Ticket.of(request.body)
        self._working: Future[Any] | None = None
        self._raw: Any = None
        self._entered = False
        self._ends = float("inf")

    async def __aenter__(self) -> HttpResponse:
        patience, origin, ticket = self._patience, self._request.origin, self._ticket
        loop = asyncio.get_running_loop()
        if patience.whole is not None:
            self._ends = loop.time() + patience.whole
        limit = asyncio.timeout_at(min(loop.time() + patience.connect, self._ends))
        ticket.tell = partial(loop.call_soon_threadsafe, allow_head, limit, patience.head, self._ends)
        try:
            async with limit:
                await self._transport.enter(ticket)
                self._entered = True
                answer = await self._in_thread(self._ask)
            refuse_without_length(answer.status_code, answer.headers, origin)
        except BaseException as error:
            entered = self._entered
            self._leave()
            if isinstance(error, TimeoutError) and not entered:
                raise full(origin) from error
            if isinstance(error, TimeoutError | ConnectTimeoutError | ReadTimeoutError):
                verb = "answer" if ticket.sent else "connect"
                raise timed_out(origin, verb, sent=ticket.sent) from error
            if isinstance(error, BotoCoreError):
                raise failed(origin, error.kwargs.get("error", error), sent=ticket.sent) from error
            raise
        return _Response(self, answer.status_code, answer.headers)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._leave()

    async def piece(self) -> bytes:
        """Return what has come of the body, nothing at its end."""
        origin, loop = self._request.origin, asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(min(loop.time() + self._patience.idle, self._ends)):
                piece: bytes = await self._in_thread(partial(self._raw.read1, _PIECE, decode_content=False))
        except TimeoutError as error:
            self._ticket.abandon()
            raise timed_out(origin, "go on", sent=True) from error
        except HTTPError as error:
            raise failed(origin, error, sent=True) from error
        if not piece and self._raw.length_remaining:
            raise failed(origin, EOFError(f"{self._raw.length_remaining} bytes are missing"), sent=True)
        return piece

    @property
    def origin(self) -> str:
        return self._request.origin

    def _ask(self) -> AWSResponse:
        """Send the request and wait for the head, in a thread."""
        request, scheme = self._request, self._request.origin.partition("://")[0]
        url = f"{scheme}://{host_header(request.origin)}{request.path}"
        given = {name.lower() for name in request.headers}
        defaults = {name: value for name, value in DEFAULTS.items() if name.lower() not in given}
        prepared = AWSPreparedRequest(
            request.method,
            url,
            {**defaults, **request.headers},
            self._ticket,
            stream_output=True,
            context={"patience": self._patience},
        )
        answer = self._transport.session(request.origin).send(prepared)
        with self._ticket.lock:
            self._raw = answer.raw
        if self._ticket.abandoned:
            answer.raw.close()
        return answer

    async def _in_thread(self, work: Callable[[], T]) -> T:
        self._working = self._transport.submit(work)
        return await asyncio.wrap_future(self._working)

    def _leave(self) -> None:
        """End it: a connection whose whole body was read is in the pool again; any other is closed."""
        if not self._entered:
            return
        self._entered = False
        if self._raw is None or not self._raw.closed:
            self._ticket.abandon()
            if self._raw is not None:  # else whoever brings it closes it
                self._close()
        self._transport.leave(self._ticket, self._working)

    def _close(self) -> None:
        """Close the connection, in a thread: another may be about to wake up from reading it."""
        try:
            self._working = self._transport.submit(self._raw.close)
        except TransportFailed:  # the threads have ended
            self._raw.close()


class _Response(HttpResponse, AsyncIterator[bytes]):
    """A response, and its body as an iterator."""

    def __init__(self, exchange: _Exchange, status: int, headers: Mapping[str, str]) -> None:
        self._exchange = exchange
        self._status = status
        self._headers = headers
        self._size = 0  # bytes of the body so far

    @property
    def status(self) -> int:
        return self._status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._headers

    async def read(self) -> bytes:
        return b"".join([part async for part in self])

    def chunks(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._exchange.piece()
        if not piece:
            raise StopAsyncIteration
        self._size += len(piece)
        refuse_more_than(self._size, self._exchange.origin)
        return piece
