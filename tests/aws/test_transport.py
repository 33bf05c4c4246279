"""Both transports do the same, whatever the other side does."""

import asyncio
import socket
from contextlib import AsyncExitStack

import pytest
from msgspec import structs

from proviso.aws.protocol import (
    HttpRequest,
    HttpResponse,
    Patience,
    TimedOut,
    Transport,
    TransportFailed,
    TransportFull,
)
from tests.aws.conftest import Make, Serve
from tests.aws.raw_server import CHUNKED, PLAIN, Behaviour, RawServer, Visit, chunk

pytestmark = pytest.mark.whole

LONG = Patience(connect=20.0, head=30.0, idle=30.0)
SHORT = Patience(connect=20.0, head=0.1, idle=0.2)
SLASHED = "/model/arn%3Aaws%3Abedrock%3Aeu%3A%3Aprofile%2Fa%20b/converse?x=%2F&y"


def post(server: RawServer, body: bytes = b"{}", path: str = "/model/m/converse") -> HttpRequest:
    return HttpRequest("POST", server.origin, path, {"Content-Type": "application/json", "X-One": "1"}, body)


async def ask(transport: Transport, request: HttpRequest, patience: Patience = LONG) -> tuple[int, bytes]:
    async with transport.send(request, patience) as response:
        return response.status, await response.read()


async def failure(transport: Transport, server: RawServer, patience: Patience = LONG) -> TransportFailed:
    with pytest.raises(TransportFailed) as failed:
        await ask(transport, post(server), patience)
    return failed.value


async def polite(visit: Visit) -> None:
    while True:
        await visit.request()
        await visit.say(PLAIN)


def saying(*parts: bytes, then: str = "close") -> Behaviour:
    """Answer each request with these bytes, then close, reset, or be silent until the other side closes."""

    async def behave(visit: Visit) -> None:
        await visit.request()
        for part in parts:
            await visit.say(part)
        if then == "reset":
            visit.reset()
        elif then == "silence":
            await visit.end()

    return behave


async def test_what_was_given_is_on_the_wire_as_it_is(transport: Transport, serve: Serve) -> None:
    seen: list[tuple[bytes, bytes]] = []

    async def behave(visit: Visit) -> None:
        seen.append(await visit.request())
        await visit.say(PLAIN)

    server = await serve(behave)
    assert await ask(transport, post(server, b'{"a":1}', SLASHED)) == (200, b"hello")
    (head, body), lines = seen[0], seen[0][0].lower().split(b"\r\n")
    assert head.startswith(f"POST {SLASHED} HTTP/1.1\r\n".encode())
    assert body == b'{"a":1}'
    assert {b"x-one: 1", b"content-type: application/json", b"accept-encoding: identity"} <= set(lines)
    assert lines.count(f"host: {server.origin.partition('://')[2]}".encode()) == 1


async def test_a_get_has_no_body(transport: Transport, serve: Serve) -> None:
    server = await serve(polite)
    assert await ask(transport, HttpRequest("GET", server.origin, "/", {})) == (200, b"hello")


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
async def test_nothing_is_sent_twice(transport: Transport, serve: Serve, method: str) -> None:
    requests: list[bytes] = []

    async def behave(visit: Visit) -> None:
        while True:
            requests.append((await visit.request())[0])
            if len(requests) == 2:
                return
            await visit.say(PLAIN)

    server = await serve(behave)
    await ask(transport, post(server))
    with pytest.raises(TransportFailed) as failed:
        await ask(transport, HttpRequest(method, server.origin, "/", {}))
    assert failed.value.sent
    assert len(requests) == 2


async def test_headers_of_the_response_are_found_in_any_case(transport: Transport, serve: Serve) -> None:
    server = await serve(polite)
    async with transport.send(post(server), LONG) as response:
        assert response.headers["content-TYPE"] == "text/plain"
        assert response.headers.get("x-other") is None


async def test_one_connection_serves_many_requests(transport: Transport, serve: Serve) -> None:
    server = await serve(polite)
    for _ in range(5):
        assert await ask(transport, post(server)) == (200, b"hello")
    assert len(server.visits) == 1


@pytest.mark.parametrize("status", [b"302 Found\r\nLocation: /x", b"429 No", b"500 No"])
async def test_any_status_is_an_answer(transport: Transport, serve: Serve, status: bytes) -> None:
    server = await serve(saying(b"HTTP/1.1 %s\r\nContent-Length: 2\r\n\r\nno" % status))
    assert await ask(transport, post(server)) == (int(status[:3]), b"no")


async def test_cookies_are_not_sent_back_and_nothing_is_decompressed(
    transport: Transport, serve: Serve
) -> None:
    heads: list[bytes] = []

    async def behave(visit: Visit) -> None:
        while True:
            heads.append((await visit.request())[0])
            await visit.say(PLAIN.replace(b"\r\n", b"\r\nSet-Cookie: a=b\r\nContent-Encoding: gzip\r\n", 1))

    server = await serve(behave)
    assert [await ask(transport, post(server)) for _ in range(2)] == [(200, b"hello")] * 2
    assert not any(b"cookie" in head.lower() for head in heads)


async def test_an_answer_without_a_body_is_one(transport: Transport, serve: Serve) -> None:
    server = await serve(saying(b"HTTP/1.1 204 No Content\r\n\r\n"))
    assert await ask(transport, post(server)) == (204, b"")


async def test_a_body_in_single_bytes_is_read_whole(transport: Transport, serve: Serve) -> None:
    wire = CHUNKED + chunk(b"some") + chunk(b" words") + chunk(b"")

    async def behave(visit: Visit) -> None:
        await visit.request()
        for at in range(len(wire)):
            await visit.say(wire[at : at + 1])
            await asyncio.sleep(0)

    assert await ask(transport, post(await serve(behave))) == (200, b"some words")


@pytest.mark.parametrize("head", [CHUNKED, b"HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n"])
async def test_a_body_is_given_on_as_it_comes(transport: Transport, serve: Serve, head: bytes) -> None:
    taken = asyncio.Semaphore(0)

    async def behave(visit: Visit) -> None:
        await visit.request()
        await visit.say(head)
        for number in range(4):
            piece = b"part %d" % number
            await visit.say(chunk(piece) if head is CHUNKED else piece)
            await taken.acquire()
        await visit.say(chunk(b"") if head is CHUNKED else b"")

    pieces = []
    async with transport.send(post(await serve(behave)), LONG) as response:
        async for piece in response.chunks():
            pieces.append(piece)
            taken.release()
    assert pieces == [b"part 0", b"part 1", b"part 2", b"part 3"]


async def test_a_large_body_is_sent_whole(transport: Transport, serve: Serve) -> None:
    received: list[bytes] = []

    async def behave(visit: Visit) -> None:
        received.append((await visit.request())[1])
        await visit.say(PLAIN)

    body = bytes(range(256)) * 12_000
    assert await ask(transport, post(await serve(behave), body)) == (200, b"hello")
    assert received == [body]


async def test_a_connection_closed_while_idle_is_no_failure(transport: Transport, serve: Serve) -> None:
    server = await serve(saying(PLAIN))  # closes after each answer, and does not say so
    assert [await ask(transport, post(server)) for _ in range(3)] == [(200, b"hello")] * 3
    assert len(server.visits) == 3


async def test_nor_is_one_closed_at_the_last_moment(transport: Transport, serve: Serve) -> None:
    server = await serve(polite)
    for number in range(3):
        assert await ask(transport, post(server)) == (200, b"hello")
        server.visits[number].hang_up()
    assert len(server.visits) == 3


async def test_an_answer_that_nobody_asked_for_is_not_taken(transport: Transport, serve: Serve) -> None:
    server = await serve(polite)
    await ask(transport, post(server))
    await server.visits[0].say(PLAIN.replace(b"hello", b"stray"))
    assert await ask(transport, post(server)) == (200, b"hello")


async def test_a_closed_port_is_told_as_not_sent(transport: Transport, unused_tcp_port: int) -> None:
    server = RawServer(polite)
    server.origin = f"http://127.0.0.1:{unused_tcp_port}"
    failed = await failure(transport, server)
    assert not failed.sent
    assert server.origin in str(failed)


async def test_a_host_without_an_address_is_told_as_not_sent(transport: Transport) -> None:
    server = RawServer(polite)
    server.origin = "http://nowhere.invalid:80"
    assert not (await failure(transport, server)).sent


BROKEN: dict[str, Behaviour] = {
    "closes without a word": saying(),
    "resets": saying(then="reset"),
    "half a head": saying(PLAIN[:25]),
    "a head cut after its length": saying(PLAIN.split(b"\r\n\r\n")[0] + b"\r\n"),
    "garbage": saying(b"\x16\x03\x01 SSH-2.0 hello\r\n\r\n"),
    "a huge header": saying(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n"),
    "thousands of headers": saying(b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 5000 + b"\r\n"),
    "no length": saying(b"HTTP/1.1 200 OK\r\n\r\nhello"),
    "a body cut short": saying(PLAIN[:-1]),
    "a body reset": saying(PLAIN[:-1], then="reset"),
    "a chunk cut short": saying(CHUNKED + chunk(b"some") + chunk(b"words")[:-4]),
    "chunks without an end": saying(CHUNKED + chunk(b"some")),
    "a chunk of no length": saying(CHUNKED + b"zz\r\nsome\r\n"),
}


@pytest.mark.parametrize("behaviour", BROKEN.values(), ids=BROKEN)
async def test_what_is_not_whole_is_a_failure(
    transport: Transport, serve: Serve, behaviour: Behaviour
) -> None:
    failed = await failure(transport, await serve(behaviour))
    assert failed.sent
    assert not isinstance(failed, TimedOut)


async def dribble_a_head(visit: Visit) -> None:
    await visit.request()
    await visit.say(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        await visit.say(b"x")
        await asyncio.sleep(0.02)


async def dribble_a_body(visit: Visit) -> None:
    await visit.request()
    await visit.say(CHUNKED)
    while True:
        await visit.say(chunk(b"x"))
        await asyncio.sleep(0.02)


SLOW: dict[str, Behaviour] = {
    "no head": saying(then="silence"),
    "a head that never ends": dribble_a_head,
    "no body": saying(PLAIN[:-5], then="silence"),
    "half a body": saying(CHUNKED + chunk(b"some"), then="silence"),
}


@pytest.mark.parametrize("behaviour", SLOW.values(), ids=SLOW)
async def test_what_takes_too_long_is_given_up(
    transport: Transport, serve: Serve, behaviour: Behaviour
) -> None:
    closed = asyncio.Event()

    async def behave(visit: Visit) -> None:
        try:
            await behaviour(visit)
        finally:
            closed.set()

    failed = await failure(transport, await serve(behave), SHORT)
    assert isinstance(failed, TimedOut)
    assert failed.sent
    await closed.wait()


@pytest.mark.parametrize("behaviour", [dribble_a_body, saying(then="silence")])
async def test_there_is_a_limit_in_all(transport: Transport, serve: Serve, behaviour: Behaviour) -> None:
    patience = Patience(connect=20.0, head=30.0, idle=30.0, whole=0.4)
    assert isinstance(await failure(transport, await serve(behaviour), patience), TimedOut)


async def test_a_slow_reader_is_not_taken_for_silence(transport: Transport, serve: Serve) -> None:
    server = await serve(saying(CHUNKED + chunk(b"a"), chunk(b"b") + chunk(b"")))
    pieces = []
    async with transport.send(post(server), Patience(connect=20.0, head=30.0, idle=0.5)) as response:
        async for piece in response.chunks():
            pieces.append(piece)
            await asyncio.sleep(0.8 if len(pieces) == 1 else 0)
    assert b"".join(pieces) == b"ab"


async def test_cancelling_before_the_head_closes_the_connection(transport: Transport, serve: Serve) -> None:
    asked, closed = asyncio.Event(), asyncio.Event()

    async def behave(visit: Visit) -> None:
        await visit.request()
        if visit.number:
            await visit.say(PLAIN)
        else:
            asked.set()
            await visit.end()
            closed.set()

    server = await serve(behave)
    asking = asyncio.create_task(ask(transport, post(server)))
    await asked.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await closed.wait()
    assert await ask(transport, post(server)) == (200, b"hello")


async def test_cancelling_in_the_body_closes_the_connection(transport: Transport, serve: Serve) -> None:
    begun, closed = asyncio.Event(), asyncio.Event()

    async def behave(visit: Visit) -> None:
        await visit.request()
        await visit.say(CHUNKED + chunk(b"a"))
        await visit.end()
        closed.set()

    async def read() -> None:
        async with transport.send(post(server), LONG) as response:
            async for _ in response.chunks():
                begun.set()

    server = await serve(behave)
    reading = asyncio.create_task(read())
    await begun.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await closed.wait()


async def test_leaving_before_the_end_closes_the_connection(transport: Transport, serve: Serve) -> None:
    closed = asyncio.Event()

    async def behave(visit: Visit) -> None:
        await visit.request()
        await visit.say(CHUNKED + chunk(b"a"))
        await visit.end()
        closed.set()

    async with transport.send(post(await serve(behave)), LONG) as response:
        assert response.status == 200
    await closed.wait()


async def test_two_hundred_requests_at_once_share_few_connections(transport: Transport, serve: Serve) -> None:
    async def behave(visit: Visit) -> None:
        while True:
            _, body = await visit.request()
            await visit.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    server = await serve(behave)
    bodies = [b"request %d" % number for number in range(200)]
    answers = await asyncio.gather(*(ask(transport, post(server, body)) for body in bodies))
    assert answers == [(200, body) for body in bodies]
    assert len(server.visits) <= 32


async def test_waiting_for_a_connection_that_others_use_ends_too(make: Make, serve: Serve) -> None:
    async with AsyncExitStack() as stack:
        transport = make(connections=1)
        stack.push_async_callback(transport.close)
        server = await serve(saying(CHUNKED + chunk(b"a"), then="silence"))
        await stack.enter_async_context(transport.send(post(server), LONG))
        failed = await failure(transport, server, Patience(connect=0.1))
    assert isinstance(failed, TransportFull)
    assert not failed.sent


async def test_a_closed_transport_ends_what_is_under_way_and_takes_nothing_new(
    transport: Transport, serve: Serve
) -> None:
    server = await serve(saying(CHUNKED + chunk(b"a"), then="silence"))
    async with transport.send(post(server), LONG) as response:
        pieces = response.chunks()
        assert await anext(pieces) == b"a"
        waiting = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0)
        await transport.close()
        with pytest.raises(TransportFailed):
            await waiting
    assert not (await failure(transport, server)).sent


async def test_closing_ends_what_waits_for_a_head_or_for_a_connection(make: Make, serve: Serve) -> None:
    asked = asyncio.Event()

    async def behave(visit: Visit) -> None:
        await visit.request()
        asked.set()
        await visit.end()

    transport, server = make(connections=1), await serve(behave)
    waiting = [asyncio.create_task(ask(transport, post(server))) for _ in range(3)]
    await asked.wait()
    await transport.close()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    failures = [end for end in ended if isinstance(end, TransportFailed)]
    assert sorted(failed.sent for failed in failures) == [False, False, True]


async def _all(response: HttpResponse) -> bytes:
    return b"".join([part async for part in response.chunks()])


@pytest.mark.parametrize("in_pieces", [False, True])
async def test_an_endless_answer_does_not_fill_the_memory(
    transport: Transport, serve: Serve, monkeypatch: pytest.MonkeyPatch, *, in_pieces: bool
) -> None:
    monkeypatch.setattr("proviso.aws.reading.MOST_BODY", 100_000)

    async def behave(visit: Visit) -> None:
        await visit.request()
        await visit.say(CHUNKED)
        while True:
            await visit.say(chunk(bytes(10_000)))

    async with transport.send(post(await serve(behave)), LONG) as response:
        reading = _all(response) if in_pieces else response.read()
        with pytest.raises(TransportFailed, match="more than 100000 bytes"):
            await reading


async def test_a_header_that_cannot_be_sent_is_a_failure_that_does_not_repeat_it(
    transport: Transport, serve: Serve
) -> None:
    request = structs.replace(post(await serve(polite)), headers={"Authorization": "secret\n"})
    with pytest.raises(TransportFailed) as failed:
        await ask(transport, request)
    assert "secret" not in str(failed.value)


async def test_an_origin_is_written_as_it_is_signed(transport: Transport, serve: Serve) -> None:
    heads: list[bytes] = []

    async def behave(visit: Visit) -> None:
        heads.append((await visit.request())[0])
        await visit.say(PLAIN)

    port = (await serve(behave)).origin.rpartition(":")[2]
    server = RawServer(polite)
    server.origin = f"http://LocalHost:{port}"
    if "127.0.0.1" in {str(found[4][0]) for found in socket.getaddrinfo("localhost", None)}:
        await ask(transport, post(server))
        assert f"\r\nhost: localhost:{port}\r\n" in heads[0].decode().replace("Host", "host")
