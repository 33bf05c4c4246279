"""Carry requests over connections of our own: pooled by origin, with nothing that calling a model does not need."""

import asyncio
import contextlib
import math
import ssl
from collections import deque
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from urllib.parse import urlsplit

from proviso.aws.connection import Connection, Response
from proviso.aws.protocol import HttpRequest, HttpResponse, Patience, TransportFailed
from proviso.aws.reading import DEFAULTS, failed, full, timed_out
from proviso.aws.signing import host_header

_OURS = frozenset({"host", "content-length", "transfer-encoding"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_MOST_KEPT = 256  # sets of header names: a deployment has a few


class LeanTransport:
    """A `Transport` for one event loop. It looks for no proxies."""

    def __init__(
        self, *, connections: int = 512, keep_alive_s: float = 50.0, tls: ssl.SSLContext | None = None
    ) -> None:
        """Take at most so many connections, each kept idle for so long. `tls`: None for the machine's authorities."""
        self._most = connections
        self._keep_alive_s = keep_alive_s
        self._tls = tls
        self._busy = 0  # connections in use, or being made
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._limits: set[asyncio.Timeout] = set()  # of who waits for a connection
        self._open: set[Connection] = set()
        self._places: dict[str, _Place] = {}
        self._emptied: asyncio.Future[None] | None = None
        self._closed = False

    def send(self, request: HttpRequest, patience: Patience) -> AbstractAsyncContextManager[HttpResponse]:
        """See `Transport.send`. What takes the head its time begins with the first byte that is written."""
        if self._closed:
            raise _was_closed()
        return _Exchange(
            self, self._places.get(request.origin) or self._place(request.origin), request, patience
        )

    async def close(self) -> None:
        """Close every connection; what is under way fails."""
        self._closed = True
        loop = asyncio.get_running_loop()
        for limit in self._limits:
            with contextlib.suppress(RuntimeError):  # it is over already
                limit.reschedule(loop.time())
        for connection in tuple(self._open):
            connection.abort("was closed")
        if self._open:
            self._emptied = self._emptied or loop.create_future()
            await asyncio.shield(self._emptied)

    # --- what exchanges need ------------------------------------------------------------------------

    def idle(self, place: "_Place") -> Connection | None:
        """Take the connection that was used last and is still open and silent, where no one waits for one."""
        if self._waiting or self._busy >= self._most:
            return None
        connection = place.pop()
        self._busy += connection is not None
        return connection

    async def connection(self, place: "_Place", until: float) -> Connection:
        """Wait for a connection. Raises `TransportFailed`."""
        has_room, limit = False, asyncio.timeout_at(until)
        self._limits.add(limit)
        try:
            async with limit:
                await self._room()
                has_room = True
                return place.pop() or await self._connected(place)
        except BaseException as error:
            if has_room:
                self._free()
            if isinstance(error, TimeoutError):
                raise self._late(place.name, has_room=has_room) from error
            if isinstance(error, OSError | ValueError):  # the latter for a name that is none
                raise failed(place.name, error, sent=False) from error
            raise
        finally:
            self._limits.discard(limit)

    def put_back(self, place: "_Place", connection: Connection) -> None:
        """Keep a connection after an exchange, or close it where that did not end well."""
        if not self._closed and connection.put_down(self._keep_alive_s):
            place.idle.append(connection)
        else:
            connection.abort()
        self._free()

    # --- its own ------------------------------------------------------------------------------------

    def _place(self, name: str) -> "_Place":
        try:
            return self._places.setdefault(name, _Place(name))
        except ValueError as error:
            raise failed(name, error, sent=False) from error

    async def _room(self) -> None:
        """Wait until another connection may be used; first come, first served."""
        if self._busy < self._most and not self._waiting:
            self._busy += 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except BaseException:
            if not waiter.cancelled():
                self._free()
            elif waiter in self._waiting:
                self._waiting.remove(waiter)
            raise

    def _free(self) -> None:
        """Hand room on to who waits longest, or have more of it."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._busy -= 1

    async def _connected(self, place: "_Place") -> Connection:
        if len(self._open) >= self._most:
            self._drop_one()
        loop = asyncio.get_running_loop()
        connection = Connection(loop, place.name, self._lost)
        try:
            if place.is_tls:
                self._tls = self._tls or trusting()
                await loop.create_connection(
                    lambda: connection, place.host, place.port, ssl=self._tls, server_hostname=place.host
                )
            else:
                await loop.create_connection(lambda: connection, place.host, place.port)
        except BaseException:
            connection.abort()
            raise
        if connection.is_open:
            self._open.add(connection)
        return connection

    def _drop_one(self) -> None:
        """Close a connection that is idle at another origin."""
        idle = next((place.idle for place in self._places.values() if place.idle), None)
        if idle:
            idle.pop(0).abort()

    def _lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        idle = self._places[connection.origin].idle
        if connection in idle:
            idle.remove(connection)
        if self._emptied is not None and not self._open and not self._emptied.done():
            self._emptied.set_result(None)

    def _late(self, name: str, *, has_room: bool) -> TransportFailed:
        if self._closed:
            return _was_closed()
        return timed_out(name, "connect", sent=False) if has_room else full(name)


def trusting(authorities: str | None = None) -> ssl.SSLContext:
    """Return what checks certificates: by a PEM file, or None for the machine's authorities."""
    context = ssl.create_default_context(cafile=authorities)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _was_closed() -> TransportFailed:
    return TransportFailed("the transport is closed", sent=False, fix="make another one")


class _Place:
    """An origin: where it is, what each request to it says, and the connections to it that are idle."""

    def __init__(self, name: str) -> None:
        parts = urlsplit(name)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("no origin")
        self.name = name
        self.is_tls = parts.scheme == "https"
        self.host = parts.hostname
        self.port = parts.port or (443 if self.is_tls else 80)
        self.idle: list[Connection] = []  # the one used last is last
        self._host_header = host_header(name)
        self._plans: dict[tuple[str, ...], str] = {}

    def pop(self) -> Connection | None:
        """Take the connection that was used last, if it is still open and silent."""
        while self.idle:
            connection = self.idle.pop()
            if not connection.has_spoken():
                return connection
            connection.abort()
        return None

    def head(self, request: HttpRequest) -> bytes:
        """Return a request's head. Raises `TransportFailed` for one that cannot be sent."""
        names = tuple(request.headers)
        ours = self._plans.get(names) or self._plan(names)
        given = "".join([f"{name}: {value}\r\n" for name, value in request.headers.items()])
        target = f"{request.method} {request.path}"
        # INVARIANT: what is given cannot end a line of its own, and so begin another header or request.
        if given.count("\n") + given.count("\r") != 2 * len(names) or "\0" in given:
            raise failed(self.name, ValueError("a header has a line of its own"), sent=False)
        if not (target.isascii() and target.isprintable()) or target.count(" ") != 1:
            raise failed(self.name, ValueError("a target is not encoded"), sent=False)
        size = len(request.body)
        length = f"Content-Length: {size}\r\n" if size or request.method in _WITH_BODY else ""
        try:
            return f"{target} HTTP/1.1\r\n{ours}{given}{length}\r\n".encode()
        except UnicodeEncodeError as error:
            raise failed(self.name, error, sent=False) from None

    def _plan(self, names: tuple[str, ...]) -> str:
        """Return the lines that go before headers of these names."""
        lower = {name.lower() for name in names}
        if not lower.isdisjoint(_OURS) or not all(map(_is_token, names)):
            raise failed(self.name, ValueError("a header is not for who asks"), sent=False)
        ours = {"Host": self._host_header} | {
            name: value for name, value in DEFAULTS.items() if name.lower() not in lower
        }
        if len(self._plans) >= _MOST_KEPT:
            self._plans.clear()
        plan = "".join([f"{name}: {value}\r\n" for name, value in ours.items()])
        self._plans[names] = plan
        return plan


def _is_token(name: str) -> bool:
    """Whether a header may have the name."""
    return bool(name) and name.isascii() and name.isprintable() and not set(name) & set(' :"(),/;<=>?@[\\]{}')


class _Exchange:
    """One request and its response."""

    __slots__ = ("_connection", "_patience", "_place", "_pool", "_request")

    def __init__(self, pool: LeanTransport, place: _Place, request: HttpRequest, patience: Patience) -> None:
        self._pool = pool
        self._place = place
        self._request = request
        self._patience = patience
        self._connection: Connection | None = None

    async def __aenter__(self) -> Response:
        place, request, patience = self._place, self._request, self._patience
        head = place.head(request)
        now = asyncio.get_running_loop().time()
        ends = math.inf if patience.whole is None else now + patience.whole
        if ends <= now:
            raise timed_out(place.name, "connect", sent=False)
        connection = self._pool.idle(place)
        if connection is None:
            connection = await self._pool.connection(place, min(now + patience.connect, ends))
        self._connection = connection
        try:
            response, until = connection.ask(head, request.body, patience, ends)
            await response.head(until)
        except BaseException:
            self._leave()
            raise
        return response

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.put_back(self._place, connection)
