"""A small HTTP/1.1 server over httptools' parser, so low that an answer can be cut, reset or stretched on purpose."""

import asyncio
import os
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from ssl import SSLContext
from typing import cast

import httptools
from msgspec import Struct, field

from bedrock_simulator.messages import Received, Reply, reason_of

LONGEST_HEAD = 32 * 1024  # bytes; a session token and request metadata fit in
LONGEST_BODY = 26 * 1024 * 1024  # bytes; InvokeModel takes 25,000,000
_SLOWEST = 30.0  # seconds that a request may take to arrive once it has begun
_LINGER = 2.0  # seconds to read on after a refusal, so that the client gets to read it
_WAITING = 8  # pipelined requests that may wait before no more is read
_REFUSED = {
    400: "MalformedHttpRequestException",
    408: "RequestTimeoutException",
    413: "RequestEntityTooLargeException",
}
_REFUSED[431] = "RequestHeaderFieldsTooLargeException"


Answer = Callable[[Received, Reply], Awaitable[None]]


class Server:
    """Listens, and has each request answered."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._wires: set[_Wire] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int, tls: SSLContext | None = None) -> int:
        """Listen, and return the port. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Wire(self._answer, self._wires), host, port, ssl=tls)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Listen no more, end every connection and what is being worked on."""
        if self._server is not None:
            self._server.close()
            works = [work for wire in list(self._wires) if (work := wire.end()) is not None]
            await asyncio.gather(*works, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None


class _Arriving(Struct):
    """A request while it arrives."""

    target: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    body: list[bytes] = field(default_factory=list)
    size: int = 0  # bytes of the body
    head: int = 0  # of its head, by the headers that have come
    raw: int = 0  # of all that has come before its end, framing and half a header too
    whole_head: bool = False


class _Wire(asyncio.Protocol):
    """One connection. Requests that come before the answer to the one before are answered one after the other."""

    def __init__(self, answer: Answer, wires: "set[_Wire]") -> None:
        self._answer = answer
        self._wires = wires
        self._parser = httptools.HttpRequestParser(self)
        self._arriving: _Arriving | None = None
        self._waiting: deque[Received] = deque()
        self._refusal = 0  # the status with which the connection ends once what waits is answered
        self._deaf = False  # the client has gone over to another protocol
        self._work: asyncio.Task[None] | None = None
        self._reply: Reply | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._writable: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()

    # what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without saying so
        self._wires.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._wires.discard(self)
        self._stop_timer()
        self.resume_writing()
        self._waiting.clear()
        if self._reply is not None and not self._reply.ended:
            self._reply.ended = "gone"
        if self._work is not None:
            self._work.cancel()

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    def data_received(self, data: bytes) -> None:
        if self._refusal or self._deaf:
            return  # whatever else comes is read and dropped
        whole = len(self._waiting)
        try:
            self._parser.feed_data(data)
            if len(self._waiting) == whole:  # else it is not known how much of this is the next request's
                self._within_limits(len(data))
        except httptools.HttpParserUpgrade:
            self._deaf = True  # the request is answered as HTTP/1.1, and was the last
        except httptools.HttpParserError as error:
            refused = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else None
            self._refuse(refused.status if isinstance(refused, _Refused) else 400)
        except _Refused as error:
            self._refuse(error.status)
        self._watch()
        self._next()

    # what the parser calls

    def on_message_begin(self) -> None:
        self._arriving = _Arriving()

    def on_url(self, target: bytes) -> None:
        self._coming.target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        arriving = self._coming
        if arriving.whole_head:
            return  # a trailer
        arriving.head += len(name) + len(value) + 4
        known, text = name.decode("latin-1").lower(), value.decode("latin-1")
        arriving.headers[known] = f"{arriving.headers[known]},{text}" if known in arriving.headers else text

    def on_headers_complete(self) -> None:
        arriving = self._coming
        arriving.whole_head = True
        if arriving.head + len(arriving.target) > LONGEST_HEAD:
            raise _Refused(431)
        length = arriving.headers.get("content-length", "")
        if length.isdigit() and int(length[:20]) > LONGEST_BODY:
            raise _Refused(413)
        idle = self._work is None and not self._waiting  # it would stand in the middle of another answer
        if idle and arriving.headers.get("expect", "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        arriving = self._coming
        arriving.size += len(part)
        if arriving.size > LONGEST_BODY:
            raise _Refused(413)
        arriving.body.append(part)

    def on_message_complete(self) -> None:
        arriving, self._arriving = self._coming, None
        upgrade = self._parser.should_upgrade()
        if upgrade and arriving.headers.get("content-length", "0") != "0":
            raise _Refused(400)  # the parser leaves the body to the other protocol
        target = arriving.target.decode("latin-1")
        path, _, query = target.partition("?")
        self._waiting.append(
            Received(
                method=self._parser.get_method().decode("latin-1"),
                path=path,
                query=query,
                headers=arriving.headers,
                body=b"".join(arriving.body),
                keep_alive=self._parser.should_keep_alive() and not upgrade,
                chunks=self._parser.get_http_version() != "1.0",
            )
        )

    # what replies call

    def send(self, content: bytes) -> None:
        """Write, unless the connection is gone."""
        if self._transport is not None:
            self._transport.write(content)

    async def drained(self) -> None:
        """Wait until the client has read enough."""
        if self._writable is not None:
            await asyncio.shield(self._writable)

    def close(self) -> None:
        """Close after what is written."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Close at once, with RST."""
        if self._transport is None:
            return
        descriptor = self._transport.get_extra_info("socket").fileno()
        with socket.socket(fileno=os.dup(descriptor)) as same:  # any loop's socket can be reached so
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def end(self) -> asyncio.Task[None] | None:
        """Drop the connection and cancel its work, which is returned."""
        if self._transport is not None:
            self._transport.abort()
        if self._work is not None:
            self._work.cancel()
        return self._work

    # its own

    @property
    def _coming(self) -> _Arriving:
        assert self._arriving is not None  # the parser begins each message
        return self._arriving

    def _within_limits(self, size: int) -> None:
        """Count what is not whole yet: one header, or the framing of chunks, may have no end."""
        arriving = self._arriving
        if arriving is not None:
            arriving.raw += size
            if arriving.raw > LONGEST_HEAD and not arriving.whole_head:
                raise _Refused(431)
            if arriving.raw > 2 * LONGEST_BODY:
                raise _Refused(413)

    def _watch(self) -> None:
        """Give a request that has begun to arrive its time; a connection between requests has all the time."""
        if self._arriving is None or self._refusal:
            self._stop_timer()
        elif self._timer is None:
            self._timer = self._loop.call_later(_SLOWEST, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        self._refuse(408)
        self._next()

    def _refuse(self, status: int) -> None:
        self._refusal = status
        self._arriving = None

    def _next(self) -> None:
        """Take the next request up if none is being answered."""
        if self._transport is None or self._work is not None:
            self._hold()
            return
        if self._waiting:
            request = self._waiting.popleft()
            self._reply = Reply(self, request)
            self._work = self._loop.create_task(self._answered(request, self._reply))
            self._work.add_done_callback(self._answered_it)
        elif self._refusal:
            self._part()
        self._hold()

    def _hold(self) -> None:
        """Read no more while enough requests wait."""
        if self._transport is not None and not self._transport.is_closing():
            if len(self._waiting) >= _WAITING:
                self._transport.pause_reading()
            elif not self._transport.is_reading():
                self._transport.resume_reading()

    async def _answered(self, request: Received, reply: Reply) -> None:
        await self._answer(request, reply)
        if not reply.ended:
            reply.close()  # an answer that was left half written

    def _answered_it(self, work: "asyncio.Task[None]") -> None:
        self._work = self._reply = None
        if not work.cancelled() and (error := work.exception()) is not None:
            self._loop.call_exception_handler(
                {"message": "a request could not be answered", "exception": error}
            )
            self.close()
        elif self._transport is not None and not self._transport.is_closing():
            self._next()

    def _part(self) -> None:
        """Say why the connection ends, and read on for a while: closing on unread bytes would undo the answer."""
        status = self._refusal
        body = b'{"message":"%b"}' % reason_of(status).encode()
        head = (
            f"HTTP/1.1 {status} {reason_of(status)}\r\ncontent-type: application/json\r\n"
            f"x-amzn-errortype: {_REFUSED[status]}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.send(head.encode() + body)
        if self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()
            self._timer = self._loop.call_later(_LINGER, self.close)
        else:
            self.close()


class _Refused(Exception):
    """A request is not taken: it is too large, or goes where this server does not follow."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status
