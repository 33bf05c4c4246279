"""The HTTP server: requests in every form that is allowed, and hostile ones, none of which may hang."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from bedrock_simulator import http
from bedrock_simulator.http import Server
from bedrock_simulator.messages import Received, Reply

PATIENCE = 30.0  # seconds; far more than anything takes


async def echo(received: Received, reply: Reply) -> None:
    body = f"{received.method} {received.path}?{received.query} ".encode() + received.body
    reply.start(200, (("x-seen", received.headers.get("x-name", "")),), length=len(body))
    await reply.write(body)
    await reply.finish()


async def in_chunks(_received: Received, reply: Reply) -> None:
    reply.start(200, (), length=None)
    for part in (b"one", b"", b"two"):
        await reply.write(part)
    await reply.finish()


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(answer: http.Answer = echo) -> AsyncIterator[Streams]:
    server = Server(answer)
    port = await server.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(PATIENCE):
            yield reader, writer
    finally:
        writer.close()
        await server.stop()


async def exchanged(*parts: bytes, answer: http.Answer = echo) -> bytes:
    """Send, and return all that comes until the connection ends."""
    async with connected(answer) as (reader, writer):
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0)
        return await reader.read()


CLOSE = b"Connection: close\r\n"


async def test_a_request_is_answered() -> None:
    answer = await exchanged(
        b"POST /a%3Ab?c=d HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n" + CLOSE + b"\r\nhi"
    )
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"POST /a%3Ab?c=d hi")


async def test_a_connection_is_kept_and_requests_in_a_row_are_answered_in_order() -> None:
    one = b"GET /one HTTP/1.1\r\nHost: x\r\n\r\n"
    two = b"POST /two HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    answer = await exchanged(one * 20 + two, b"GET /three HTTP/1.1\r\nHost: x\r\n" + CLOSE + b"\r\n")
    assert answer.count(b"200 OK") == 22
    assert answer.index(b"GET /one") < answer.index(b"POST /two? abc") < answer.index(b"GET /three")


async def test_a_request_that_begins_behind_a_large_one_is_not_counted_with_it() -> None:
    large = b"POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n" + b"x" * 40_000
    begun = asyncio.Event()

    async def slow(received: Received, reply: Reply) -> None:
        begun.set()
        await echo(received, reply)

    async with connected(slow) as (reader, writer):
        writer.write(large + b"GET /2 HT")  # one write, so that what follows comes behind an answer
        await begun.wait()
        writer.write(b"TP/1.1\r\nHost: x\r\n" + CLOSE + b"\r\n")
        assert (await reader.read()).count(b"HTTP/1.1 200 OK") == 2


async def test_a_request_may_come_byte_by_byte() -> None:
    raw = b"POST / HTTP/1.1\r\nHost: x\r\nX-Name: a\r\nX-Name: b\r\nContent-Length: 1\r\n" + CLOSE + b"\r\nz"
    answer = await exchanged(*(raw[at : at + 1] for at in range(len(raw))))
    assert b"x-seen: a,b\r\n" in answer
    assert answer.endswith(b"POST /? z")


async def test_who_expects_to_be_told_to_go_on_is_told() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n" + CLOSE + b"\r\n"
    async with connected() as (reader, writer):
        writer.write(head)
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"z")
        assert (await reader.read()).endswith(b"POST /? z")


async def test_an_answer_without_a_length_comes_in_chunks() -> None:
    answer = await exchanged(b"GET / HTTP/1.1\r\nHost: x\r\n" + CLOSE + b"\r\n", answer=in_chunks)
    assert b"transfer-encoding: chunked" in answer
    assert answer.endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


async def test_a_client_of_http_1_0_gets_no_chunks() -> None:
    answer = await exchanged(b"GET / HTTP/1.0\r\n\r\n", answer=in_chunks)
    assert b"chunked" not in answer
    assert answer.endswith(b"\r\n\r\nonetwo")


async def test_a_head_request_gets_no_body() -> None:
    answer = await exchanged(b"HEAD / HTTP/1.1\r\nHost: x\r\n" + CLOSE + b"\r\n")
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
        (b"GET\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"400",
        ),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", b"4"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n", b"413"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 400_000, b"431"),
        (b"GET /" + b"a" * 400_000, b"431"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"400"),
    ],
)
async def test_a_bad_request_is_refused_and_the_connection_ends(raw: bytes, status: bytes) -> None:
    answer = await exchanged(raw)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert answer.count(b"HTTP/1.1") == 1


async def test_an_upgrade_is_passed_over() -> None:
    head = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
    answer = await exchanged(head + b"\r\nPRI * HTTP/2.0")
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"GET /? ")
    with_body = await exchanged(head + b"Content-Length: 1\r\n\r\nz")
    assert with_body.startswith(b"HTTP/1.1 400")


async def test_a_body_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LONGEST_BODY", 100_000)
    chunks = [b"8000\r\n" + b"x" * 0x8000 + b"\r\n"] * 8
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert (await exchanged(head, *chunks)).startswith(b"HTTP/1.1 413")


async def test_a_request_that_does_not_end_is_told_that_it_is_too_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "_SLOWEST", 0.05)
    assert (await exchanged(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Le")).startswith(b"HTTP/1.1 408")


async def test_good_requests_before_a_bad_one_are_answered() -> None:
    answer = await exchanged(b"GET /good HTTP/1.1\r\nHost: x\r\n\r\nrubbish\r\n\r\n")
    assert answer.index(b"GET /good") < answer.index(b"HTTP/1.1 400")


async def test_a_reset_is_a_reset_for_the_client() -> None:
    async def reset(_received: Received, reply: Reply) -> None:
        reply.start(200, (), length=None)
        await reply.write(b"half")
        reply.reset()

    with pytest.raises(ConnectionResetError):
        await exchanged(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", answer=reset)


async def test_a_close_comes_after_what_was_written() -> None:
    async def close(_received: Received, reply: Reply) -> None:
        reply.start(200, (), length=1_000)
        await reply.write(b"half")
        reply.close()

    assert (await exchanged(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", answer=close)).endswith(b"\r\n\r\nhalf")


@pytest.mark.parametrize("leave", [asyncio.StreamWriter.close, lambda writer: writer.transport.abort()])
async def test_work_for_a_client_that_has_left_is_cancelled(
    leave: Callable[[asyncio.StreamWriter], None],
) -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()
    seen: list[Reply] = []

    async def for_ever(_received: Received, reply: Reply) -> None:
        seen.append(reply)
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with connected(for_ever) as (_, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await begun.wait()
        leave(writer)
        await cancelled.wait()
    assert [reply.ended for reply in seen] == ["gone"]


async def test_a_client_that_does_not_read_holds_the_writer_up() -> None:
    written = 0

    async def flood(_received: Received, reply: Reply) -> None:
        nonlocal written
        reply.start(200, (), length=None)
        while written < 1_000:
            await reply.write(b"x" * 100_000)
            written += 1
        await reply.finish()

    async with connected(flood) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n" + CLOSE + b"\r\n")
        await reader.readuntil(b"\r\n\r\n")
        for _ in range(100):
            await asyncio.sleep(0)
        assert written < 1_000
        size = 0
        while part := await reader.read(1 << 20):
            size += len(part)
    assert size > 100_000_000


async def test_stopping_ends_what_is_being_answered() -> None:
    begun = asyncio.Event()

    async def for_ever(_received: Received, _reply: Reply) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with connected(for_ever) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await begun.wait()
    assert await reader.read() == b""
