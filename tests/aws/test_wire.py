"""Every transport reads what HTTP/1.1 allows, however it is cut up, and takes nothing for an answer that is none."""

import asyncio

import pytest

from proviso.aws.protocol import Patience, TimedOut, Transport, TransportFailed
from tests.aws.conftest import Make, Serve
from tests.aws.raw_server import CHUNKED, PLAIN, Behaviour, Visit, chunk
from tests.aws.test_transport import LONG, ask, post

pytestmark = pytest.mark.whole

LARGE = bytes(range(256)) * 40_000  # more than sockets take


def each_time(answer: bytes) -> Behaviour:
    """Answer every request with these bytes, and keep the connection."""

    async def behave(visit: Visit) -> None:
        while True:
            await visit.request()
            await visit.say(answer)

    return behave


WHOLE: dict[str, tuple[bytes, bytes]] = {
    "chunk extensions": (CHUNKED + b"4;a=b;c\r\nsome\r\n0;end\r\n\r\n", b"some"),
    "trailers": (CHUNKED + chunk(b"some") + b"0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n", b"some"),
    "an interim answer": (b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN, b"hello"),
    "ten thousand chunks": (CHUNKED + chunk(b"x") * 10_000 + chunk(b""), b"x" * 10_000),
    "an empty body": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    "an empty body in chunks": (CHUNKED + chunk(b""), b""),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", b"ok"),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "body"), WHOLE.values(), ids=WHOLE)
async def test_what_http_allows_is_read_and_the_connection_kept(
    transport: Transport, serve: Serve, answer: bytes, body: bytes
) -> None:
    server = await serve(each_time(answer))
    assert [await ask(transport, post(server)) for _ in range(3)] == [(200, body)] * 3
    assert len(server.visits) == 1


@pytest.mark.parametrize("answer", [PLAIN, *[answer for answer, _ in list(WHOLE.values())[:3]]])
async def test_an_answer_in_single_bytes_is_read_whole(
    transport: Transport, serve: Serve, answer: bytes
) -> None:
    async def behave(visit: Visit) -> None:
        while True:
            await visit.request()
            for at in range(len(answer)):
                await visit.say(answer[at : at + 1])
                await asyncio.sleep(0)

    server = await serve(behave)
    once = await ask(transport, post(server))
    assert once == await ask(transport, post(server))
    assert (once[1] in {b"hello", b"some"}, len(server.visits)) == (True, 1)


ENDING: dict[str, bytes] = {
    "it closes": PLAIN.replace(b"\r\n", b"\r\nConnection: close\r\n", 1),
    "it closes, in other letters": PLAIN.replace(b"\r\n", b"\r\ncoNNection: CLOSE\r\n", 1),
    "HTTP/1.0": PLAIN.replace(b"1.1", b"1.0", 1),
    "chunks, and it closes": CHUNKED.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + chunk(b"hello") + chunk(b""),
}  # fmt: skip


@pytest.mark.parametrize("answer", ENDING.values(), ids=ENDING)
async def test_a_connection_that_ends_with_its_answer_is_not_used_again(
    transport: Transport, serve: Serve, answer: bytes
) -> None:
    server = await serve(each_time(answer))
    assert [await ask(transport, post(server)) for _ in range(2)] == [(200, b"hello")] * 2
    assert len(server.visits) == 2


@pytest.mark.parametrize("stray", [PLAIN, PLAIN[:1], PLAIN.replace(b"hello", b"other")])
async def test_what_follows_an_answer_is_taken_for_none(
    transport: Transport, serve: Serve, stray: bytes
) -> None:
    async def behave(visit: Visit) -> None:
        while True:
            _, body = await visit.request()
            await visit.say(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n%s%s" % (body, stray))

    server = await serve(behave)
    for body in (b"first", b"again"):
        assert await ask(transport, post(server, body)) == (200, body)


async def test_a_reset_while_a_large_body_is_written_is_told_as_sent(
    transport: Transport, serve: Serve
) -> None:
    async def behave(visit: Visit) -> None:
        await visit.head()
        visit.reset()

    server = await serve(behave)
    with pytest.raises(TransportFailed) as failed:
        await ask(transport, post(server, LARGE))
    assert failed.value.sent
    assert len(server.visits) == 1


async def test_a_server_that_reads_nothing_is_given_up(transport: Transport, serve: Serve) -> None:
    ended = asyncio.Event()

    async def behave(visit: Visit) -> None:
        del visit
        await ended.wait()

    server = await serve(behave)
    with pytest.raises(TimedOut) as failed:
        await ask(transport, post(server, LARGE), Patience(connect=20.0, head=0.2))
    ended.set()
    assert failed.value.sent


async def test_a_reader_that_is_slow_holds_the_other_side_back(transport: Transport, serve: Serve) -> None:
    said, piece, count = [0], bytes(65_536), 600

    async def behave(visit: Visit) -> None:
        await visit.request()
        await visit.say(CHUNKED)
        for _ in range(count):
            await visit.say(chunk(piece))
            said[0] += 1
        await visit.say(chunk(b""))

    async with transport.send(post(await serve(behave)), LONG) as response:
        pieces = response.chunks()
        size, before = len(await anext(pieces)), -1
        while said[0] != before:
            before = said[0]
            await asyncio.sleep(0.1)
        assert said[0] < count
        size += sum([len(part) async for part in pieces])
    assert size == count * len(piece)


async def test_who_stops_waiting_for_a_connection_leaves_it_to_others(make: Make, serve: Serve) -> None:
    go_on = asyncio.Event()

    async def behave(visit: Visit) -> None:
        while True:
            await visit.request()
            await visit.say(PLAIN[:-1])
            await go_on.wait()
            await visit.say(PLAIN[-1:])

    transport, server = make(connections=1), await serve(behave)
    async with transport.send(post(server), LONG) as response:
        waiting = [asyncio.create_task(ask(transport, post(server))) for _ in range(3)]
        await asyncio.sleep(0.01)
        waiting[0].cancel()
        go_on.set()
        await response.read()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(ended[0], asyncio.CancelledError)
    assert ended[1:] == [(200, b"hello")] * 2
    await transport.close()
