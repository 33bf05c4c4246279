"""One connection of HTTP/1.1: a request is written, its response is read, and nobody waits longer than told.

The parser is httptools' (llhttp, strict). Framing follows RFC 9112, section 6; what is ambiguous there is refused here.
"""

import asyncio
import math
import select
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import cast

import httptools

from proviso.aws.protocol import Patience, TransportFailed
from proviso.aws.reading import failed, refuse_more_than, refuse_without_length, timed_out

_PIECE = 256 * 1024  # bytes of a body written before the socket is waited for
_MOST_HELD = 256 * 1024  # bytes of a body that nobody takes, before reading stops
_MOST_HEAD = 64 * 1024  # bytes of a head, or of what else comes without a body, such as a trailer
_PER_HEADER = 32  # bytes that each header counts besides its own, as in RFC 7541, section 4.1
_LONGEST = 3600.0  # seconds between two looks at the clock


class Headers(Mapping[str, str]):
    """Headers by name, looked up without regard to case; those of one name are joined by commas."""

    __slots__ = ("_by_lower",)

    def __init__(self, by_lower: dict[str, str]) -> None:
        self._by_lower = by_lower

    def __getitem__(self, name: str) -> str:
        return self._by_lower[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_lower)

    def __len__(self) -> int:
        return len(self._by_lower)


class Response(AsyncIterator[bytes]):
    """The response to one request as far as it has come. Its connection fills it; one reader takes from it."""

    __slots__ = (
        "_connection", "_gathering", "_held", "_idle", "_loop", "_paused", "_pieces", "_size", "_waiter",
        "ends", "failure", "headers", "status", "until", "whole",
    )  # fmt: skip

    def __init__(self, connection: "Connection", patience: Patience, ends: float) -> None:
        self.status = 0  # until the head is there
        self.headers: Mapping[str, str] = {}
        self.whole = False  # nothing more will come
        self.failure: TransportFailed | None = None
        self.until = math.inf  # when who waits has waited too long, of the loop's clock
        self.ends = ends  # when all must be over
        self._connection = connection
        self._loop = connection.loop
        self._idle = patience.idle  # seconds
        self._pieces: deque[bytes] = deque()
        self._held = 0  # bytes in them
        self._size = 0  # bytes of the body so far
        self._gathering = False
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None

    async def head(self, until: float) -> None:
        """Wait for the head."""
        while not self.status:
            await self._turn(until)

    async def read(self) -> bytes:
        """See `HttpResponse.read`."""
        self._gathering = True
        self._take(self._held)
        while not self.whole:
            await self._turn(self._loop.time() + self._idle)
        pieces, self._pieces = self._pieces, deque()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def chunks(self) -> AsyncIterator[bytes]:
        """See `HttpResponse.chunks`."""
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self.whole:
                raise StopAsyncIteration
            await self._turn(self._loop.time() + self._idle)
        piece = self._pieces.popleft()
        self._take(len(piece))
        return piece

    def put(self, piece: bytes) -> None:
        """Add what one read has brought. Raises `TransportFailed` where it is too much."""
        self._size += len(piece)
        refuse_more_than(self._size, self._connection.origin)
        self._pieces.append(piece)
        if self._gathering:
            self.until = self._loop.time() + self._idle
            return
        self._held += len(piece)
        if self._held > _MOST_HELD and not self._paused:
            self._paused = True
            self._connection.pause()

    def tell(self) -> None:
        """Wake who waits, if there is news for it."""
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if self._gathering and not self.whole and self.failure is None:
            return
        waiter.set_result(None)

    async def _turn(self, until: float) -> None:
        if self.failure is not None:
            raise self.failure
        self.until = until
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
            self.until = math.inf

    def _take(self, size: int) -> None:
        self._held -= size
        if self._paused and self._held <= _MOST_HELD // 2:
            self._paused = False
            if not self.whole:  # or the connection may be another's by now
                self._connection.resume()


class Connection(asyncio.Protocol):
    """A connection that carries one request after the other. Whoever made it is told when it is lost."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, origin: str, lost: Callable[["Connection"], None]
    ) -> None:
        self.loop = loop
        self.origin = origin
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._poll = select.poll()
        self._parts: list[bytes] = []
        self.on_body = self._parts.append
        self._parser = httptools.HttpResponseParser(self)
        self._response: Response | None = None
        self._bare = False  # what was asked has an answer without a body
        self._headers: dict[str, str] = {}
        self._room = _MOST_HEAD  # what headers may still have
        self._barren = 0  # bytes read since a body's last
        self._keeps = True  # it may be used again
        self._rest = memoryview(b"")  # of a large body, not yet written
        self._full = False
        self._timer: asyncio.TimerHandle | None = None
        self._looks_at = math.inf
        self._pace = _LONGEST
        self._idle_until = math.inf

    @property
    def is_open(self) -> bool:
        """Whether it has been made, and not been lost."""
        return self._transport is not None

    # --- who uses it --------------------------------------------------------------------------------

    def ask(self, head: bytes, body: bytes, patience: Patience, ends: float) -> tuple[Response, float]:
        """Write a request; return its response to come, and until when to wait for the head."""
        transport = self._transport
        if transport is None or transport.is_closing():
            raise failed(self.origin, ConnectionResetError("it was closed at once"), sent=False)
        now = self.loop.time()
        self._response = response = Response(self, patience, ends)
        self._bare = head.startswith(b"HEAD ")
        self._headers = {}
        self._room, self._barren = _MOST_HEAD, 0
        if len(body) <= _PIECE:
            transport.write(head + body)
        else:
            self._rest = memoryview(body)
            transport.write(head)
            self._write()
        self._pace = min(patience.head, patience.idle, _LONGEST)
        self._watch(min(now + self._pace, ends))
        return response, now + patience.head

    def has_spoken(self) -> bool:
        """Tell whether the other side has closed it, or said something, where nothing was asked.

        The loop knows that once it has read it; this looks at the socket itself.
        """
        return self._transport is None or self._transport.is_closing() or bool(self._poll.poll(0))

    def put_down(self, keep_s: float) -> bool:
        """End an exchange. Returns whether another may follow; keeps itself open for so long."""
        response, transport = self._response, self._transport
        if response is None or not response.whole or not self._keeps or self._rest:
            return False
        if transport is None or transport.is_closing() or transport.get_write_buffer_size():
            return False
        self._response = None
        self.resume()
        self._idle_until = self.loop.time() + keep_s
        self._watch(self._idle_until)
        return True

    def abort(self, reason: str = "was left") -> None:
        """Close it at once; what is under way fails."""
        self._break(TransportFailed(f"the connection to `{self.origin}` {reason}", sent=True))

    def pause(self) -> None:
        """Read no more for now."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        transport = self._transport
        if transport is not None and not transport.is_closing() and not transport.is_reading():
            transport.resume_reading()

    # --- what the loop tells ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is written to and looked at."""
        self._transport = cast("asyncio.Transport", transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is under way."""
        error = exc or ConnectionResetError("the other side closed the connection")
        self._break(failed(self.origin, error, sent=True))
        self._transport = None
        self._lost(self)

    def pause_writing(self) -> None:
        """Write no more for now."""
        self._full = True

    def resume_writing(self) -> None:
        """Write on, in a turn of its own: a transport may tell this while it is written to."""
        self._full = False
        if self._rest:
            self.loop.call_soon(self._write)

    def data_received(self, data: bytes) -> None:
        """Read on; give what has come to who waits for it."""
        response, parts = self._response, self._parts
        if response is None or response.whole or response.failure is not None:
            self.abort("brought what nobody had asked for")
            return
        failure: TransportFailed | None = None
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._keeps = False
            if not response.whole:
                why = error.__context__
                failure = why if isinstance(why, TransportFailed) else failed(self.origin, error, sent=True)
        try:
            if parts:
                piece = parts[0] if len(parts) == 1 else b"".join(parts)
                parts.clear()
                self._barren = 0
                response.put(piece)
            elif not response.whole:
                self._count(len(data))
        except TransportFailed as error:
            failure = error
        if failure is not None:
            response.whole = False
            self._break(failure)
        else:
            response.tell()

    # --- what the parser tells ----------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Stop where another response follows that nobody has asked for."""
        if self._response is None or self._response.whole:
            raise failed(self.origin, ConnectionError("it answers twice"), sent=True)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a trailer: those count, and are of no use."""
        self._room -= len(name) + len(value) + _PER_HEADER
        if self._room < 0:
            raise self._too_much()
        if self._response is not None and not self._response.status:
            headers, key, said = self._headers, name.decode("latin-1").lower(), value.decode("latin-1")
            headers[key] = f"{headers[key]}, {said}" if key in headers else said

    def on_headers_complete(self) -> None:
        """Give out the head, unless another follows."""
        response, headers = self._response, self._headers
        assert response is not None  # `on_message_begin` has seen to it
        status = self._parser.get_status_code()
        self._check(status, headers)
        if status < 200:
            self._headers = {}
            return
        self._keeps = self._parser.should_keep_alive() and self._parser.get_http_version() == "1.1"
        response.headers, response.status = Headers(headers), status
        self._rest = self._rest[:0] if self._stops_writing() else self._rest
        if self._bare:
            response.whole = True
            raise failed(
                self.origin, ConnectionError("no body follows"), sent=True
            )  # the parser waits for one

    def on_message_complete(self) -> None:
        """Know that all has come; an interim answer is nothing."""
        if self._response is not None and self._response.status:
            self._response.whole = True

    # --- its own ------------------------------------------------------------------------------------

    def _check(self, status: int, headers: dict[str, str]) -> None:
        """Refuse a body whose end could be taken for another, or is not told."""
        coding, measured = headers.get("transfer-encoding"), "content-length" in headers
        if status < 200:
            if status == 101 or measured or coding is not None:
                raise failed(self.origin, ConnectionError("it changes the protocol"), sent=True)
            return
        if coding is None:
            if not (measured or self._bare):
                refuse_without_length(status, headers, self.origin)
        elif measured or coding.strip().lower() != "chunked":
            raise failed(self.origin, ConnectionError("its answer has two lengths, or none"), sent=True)

    def _stops_writing(self) -> bool:
        """An answer came before the request was written: the rest is of no use, nor is the connection after it."""
        if self._rest:
            self._keeps = False
        return bool(self._rest)

    def _count(self, size: int) -> None:
        """Refuse a head without an end, or a trailer."""
        self._barren += size
        if self._barren > _MOST_HEAD:
            raise self._too_much()

    def _too_much(self) -> TransportFailed:
        return failed(
            self.origin, ConnectionError(f"it sends more than {_MOST_HEAD} bytes of headers"), sent=True
        )

    def _write(self) -> None:
        """Write of a large body what the transport takes."""
        transport = self._transport
        while self._rest and not self._full and transport is not None and not transport.is_closing():
            piece, self._rest = self._rest[:_PIECE], self._rest[_PIECE:]
            transport.write(piece)

    def _watch(self, at: float) -> None:
        """Look at the clock then, or before: a timer that is set already is left where it is early enough."""
        if self._looks_at > at:
            if self._timer is not None:
                self._timer.cancel()
            self._looks_at = at
            self._timer = self.loop.call_at(at, self._look)

    def _look(self) -> None:
        """Break off where somebody has waited too long, or where nobody has asked for long."""
        now, response = self.loop.time(), self._response
        if response is None:
            due = self._idle_until
        else:
            due = math.inf if response.whole else min(response.until, response.ends)
        if due > now:
            self._looks_at = math.inf
            self._timer = None
            self._watch(min(due, now + self._pace))
        elif response is None:
            self.abort()
        else:
            self._break(timed_out(self.origin, "go on" if response.status else "answer", sent=True))

    def _break(self, error: TransportFailed) -> None:
        response = self._response
        self._keeps = False
        self._rest = memoryview(b"")
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if response is not None and not response.whole and response.failure is None:
            response.failure = error
            response.tell()
        if self._transport is not None:
            self._transport.abort()
