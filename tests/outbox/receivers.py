"""Receivers on this machine that behave as they are told: an HTTP server and a mail server."""

import asyncio
import contextlib
import email
import email.policy
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import EmailMessage

from msgspec import Struct


class Posted(Struct, frozen=True):
    """A request as it arrived."""

    target: str
    headers: dict[str, str]
    body: bytes


Take = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(take: Take, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve on a free port, which is yielded; at the end no connection is left open."""
    under_way: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}

    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way[writer] = task
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await take(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            del under_way[writer]

    server = await asyncio.start_server(whole, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]
    while under_way:
        for writer in under_way:
            writer.transport.abort()
        await asyncio.wait(list(under_way.values()))


class HttpReceiver:
    """Answers every POST with the bytes of `answer`; with `hangs` it reads the request and says nothing."""

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        self.answer = answered(204)
        self.hangs = False
        self.drips = False
        self.url = ""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.posted.append(await _request(reader))
        if self.hangs:
            await reader.read()  # until the other side gives up
        elif self.drips:
            for byte in self.answer:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.05)
        else:
            writer.write(self.answer)
            await writer.drain()


async def _request(reader: asyncio.StreamReader) -> Posted:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").strip().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Posted(first.split()[1], headers, await reader.readexactly(int(headers["content-length"])))


def answered(status: int, *headers: str) -> bytes:
    """Return the bytes of an answer without a body."""
    lines = [f"HTTP/1.1 {status} So", *headers, "content-length: 0", "", ""]
    return "\r\n".join(lines).encode()


@contextlib.asynccontextmanager
async def http_receiver(tls: ssl.SSLContext | None = None) -> AsyncIterator[HttpReceiver]:
    """Run an HTTP receiver on a free port."""
    receiver = HttpReceiver()
    async with serving(receiver.take, tls) as port:
        receiver.url = f"http{'s' if tls else ''}://127.0.0.1:{port}/in?from=proviso"
        yield receiver


class MailReceiver:
    """Speaks enough SMTP (RFC 5321) for smtplib. `refuses` is the recipients that it does not know."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, EmailMessage]] = []
        self.refuses: set[str] = set()
        self.hangs = False
        self.url = ""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.hangs:
            await reader.read()
            return
        to = ""
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).decode().strip():
            if line.upper() == "DATA":
                writer.write(b"354 go on\r\n")
                text = await reader.readuntil(b"\r\n.\r\n")
                mail = email.message_from_bytes(text[:-3], EmailMessage, policy=email.policy.default)
                self.mails.append((to, mail))
            if line.upper().startswith("RCPT TO:"):
                to = line[8:].split(">")[0].strip().lstrip("<")
            writer.write(b"550 nobody\r\n" if to in self.refuses else b"250 fine\r\n")
            if line.upper() == "QUIT":
                break


@contextlib.asynccontextmanager
async def mail_receiver() -> AsyncIterator[MailReceiver]:
    """Run a mail server on a free port."""
    receiver = MailReceiver()
    async with serving(receiver.take) as port:
        receiver.url = f"mailto://127.0.0.1:{port}?from=proviso@example.com"
        yield receiver
