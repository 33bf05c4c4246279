"""One HTTP POST, and the head of its answer: no redirects, no keep-alive, no more than 64 KB, no longer than told.

On the event loop, so that a receiver that hangs costs a socket and not a thread, and giving up takes effect at once.
"""

import asyncio
import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult

import httptools
from msgspec import Struct

_MOST_BYTES = 65_536
_PIECE = 4096


class NotHttp(Exception):
    """What came back is not the head of an HTTP answer. Its own words are safe to show."""


class Answer(Struct, frozen=True):
    """The status of an answer, and its `Retry-After` as it was sent."""

    status: int
    retry_after: str


class Limits(Struct, frozen=True):
    """How long connecting may take, and all of it, in seconds."""

    connect_s: float = 5.0
    total_s: float = 10.0


async def post(
    url: SplitResult, headers: Mapping[str, str], body: bytes, tls: ssl.SSLContext | None, limits: Limits
) -> Answer:
    """Send a body and return how it was answered. `tls` is None for `http`.

    Raises `OSError`, `TimeoutError` or `NotHttp`.
    """
    assert url.hostname is not None  # `webhook_url` has made it
    async with asyncio.timeout(limits.total_s):
        async with asyncio.timeout(limits.connect_s):
            port = url.port or (443 if tls else 80)
            reader, writer = await asyncio.open_connection(url.hostname, port, ssl=tls)
        try:
            writer.write(_head(url, headers, body) + body)
            await writer.drain()
            return await _answer(reader)
        finally:
            writer.transport.abort()  # a polite end could wait for the other side


def _head(url: SplitResult, headers: Mapping[str, str], body: bytes) -> bytes:
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines = [f"POST {target} HTTP/1.1", f"host: {url.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"content-length: {len(body)}", "connection: close", "", ""]
    return "\r\n".join(lines).encode("ascii")


async def _answer(reader: asyncio.StreamReader) -> Answer:
    head = _Head()
    size = 0
    while head.answer is None:
        data = await reader.read(_PIECE)
        size += len(data)
        if not data:
            raise NotHttp("it closed the connection without an answer")
        if size > _MOST_BYTES:
            raise NotHttp("the head of its answer is longer than 64 KB")
        try:
            head.parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            raise NotHttp("it changed the protocol") from error
        except httptools.HttpParserError as error:
            raise NotHttp("what it answered is not HTTP") from error
    return head.answer


class _Head:
    """Hears the parser until the head of the final answer is there; interim answers (1xx) pass."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.answer: Answer | None = None
        self._retry_after = ""

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"retry-after":
            self._retry_after = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        if status >= 200 and self.answer is None:
            self.answer = Answer(status, self._retry_after)
