"""HTTP's two messages: a request as it was received, and the reply as it is written on the connection."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Protocol

from msgspec import Struct


class Received(Struct, frozen=True):
    """A whole request. `path` and `query` are as they came, still encoded; names of headers are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool = True
    chunks: bool = True  # the client takes chunked answers: HTTP/1.1


class Wire(Protocol):
    """The connection that a reply is written on."""

    def send(self, content: bytes) -> None:
        """Write, unless the connection is gone."""
        ...

    async def drained(self) -> None:
        """Wait until the client has read enough."""
        ...

    def close(self) -> None:
        """Close after what is written."""
        ...

    def reset(self) -> None:
        """Close at once, with RST."""
        ...


class Reply:
    """The answer to one request, on its connection. It is an `exchange.Connection`.

    `ended` tells how it ended: "" (not yet), `finished`, `closed`, `reset`, or `gone`: the client left first.
    """

    def __init__(self, wire: Wire, request: Received) -> None:
        self.status = 0
        self.ended = ""
        self._wire = wire
        self._request = request
        self._head = b""
        self._chunked = False
        self._left: int | None = 0  # bytes that the head has promised; None: no length was given
        self._bodiless = request.method == "HEAD"

    def start(self, status: int, headers: Sequence[tuple[str, str]], *, length: int | None) -> None:
        """Write the head; with a length it leaves together with the first part of the body."""
        self.status = status
        self._left = length
        self._chunked = length is None and self._request.chunks
        lines = [f"HTTP/1.1 {status} {reason_of(status)}", *(f"{name}: {value}" for name, value in headers)]
        if length is not None:
            lines.append(f"content-length: {length}")
        elif self._chunked:
            lines.append("transfer-encoding: chunked")
        if not self._keeps():
            lines.append("connection: close")
        self._head = "\r\n".join((*lines, "\r\n")).encode("latin-1")
        if length is None:
            self._flush()

    async def write(self, content: bytes) -> None:
        """Write a part of the body. Raises `ConnectionResetError` once the connection is gone."""
        if self.ended:
            raise ConnectionResetError("the connection is gone")
        if self._left is not None:
            self._left -= len(content)
        if content and not self._bodiless:
            framed = b"%x\r\n%b\r\n" % (len(content), content) if self._chunked else content
            head, self._head = self._head, b""
            self._wire.send(head + framed)
            await self._wire.drained()

    async def finish(self) -> None:
        """End the body; the connection is kept where the client keeps it and the body is as long as was said."""
        if self.ended:
            return
        self._flush()
        if self._chunked and not self._bodiless:
            self._wire.send(b"0\r\n\r\n")
        self.ended = "finished"
        if not self._keeps() or (self._left and not self._bodiless):
            self._wire.close()
        await self._wire.drained()

    def close(self) -> None:
        """Close the connection after what is written."""
        if not self.ended:
            self._flush()
            self.ended = "closed"
            self._wire.close()

    def reset(self) -> None:
        """Reset the connection now; what is still in buffers is lost."""
        if not self.ended:
            self.ended = "reset"
            self._wire.reset()

    def _keeps(self) -> bool:
        return self._request.keep_alive and not (self._left is None and not self._chunked)

    def _flush(self) -> None:
        head, self._head = self._head, b""
        if head:
            self._wire.send(head)


def reason_of(status: int) -> str:
    """Return the words that go with a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
