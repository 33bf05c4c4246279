"""A server of raw bytes that behaves as badly as a test wants it to."""

import asyncio
import os
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


class Visit:
    """One connection."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self._reader = reader
        self._writer = writer

    async def request(self) -> tuple[bytes, bytes]:
        """Return the head and the body of the next request; raise `IncompleteReadError` where there is none."""
        head = await self.head()
        lengths = [
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        return head, await self._reader.readexactly(sum(lengths))

    async def head(self) -> bytes:
        return await self._reader.readuntil(b"\r\n\r\n")

    async def say(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def end(self) -> None:
        """Wait until the other side has closed."""
        with suppress(ConnectionError):
            while await self._reader.read(65536):
                pass

    def reset(self) -> None:
        with self._socket() as own:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def hang_up(self) -> None:
        """Close this moment, without a turn of the loop."""
        with self._socket() as own:
            own.shutdown(socket.SHUT_RDWR)

    def _socket(self) -> socket.socket:
        """Return the socket itself; loops give out something less."""
        return socket.socket(fileno=os.dup(self._writer.get_extra_info("socket").fileno()))


Behaviour = Callable[[Visit], Awaitable[None]]


class RawServer:
    """Listens on loopback; each connection is served by the behaviour."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self.visits: list[Visit] = []
        self.origin = ""

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        port = self._server.sockets[0].getsockname()[1]
        self.origin = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        visit = Visit(len(self.visits), reader, writer)
        self.visits.append(visit)
        try:
            # A task of `start_server` that ends cancelled is logged as an error.
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                await self.behaviour(visit)
        finally:
            self._serving.discard(task)
            writer.close()
