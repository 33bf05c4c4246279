"""The transport of our own keeps no more than it may, and writes nothing that could be read as something else."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Final

import pytest
import pytest_asyncio
from msgspec import structs

from proviso.aws.lean import LeanTransport
from proviso.aws.protocol import HttpRequest, Patience, TimedOut, TransportFailed
from tests.aws.conftest import Serve
from tests.aws.raw_server import CHUNKED, PLAIN, Visit, chunk
from tests.aws.test_transport import LONG, ask, failure, polite, post, saying
from tests.aws.test_wire import LARGE, each_time
from tests.waiting import happens

pytestmark = pytest.mark.whole


NO = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"


@pytest_asyncio.fixture
async def transport() -> AsyncIterator[LeanTransport]:
    made = LeanTransport(connections=2)
    yield made
    await made.close()


async def test_an_idle_connection_is_closed_in_time(serve: Serve) -> None:
    gone = asyncio.Event()

    async def behave(visit: Visit) -> None:
        await visit.request()
        await visit.say(PLAIN)
        await visit.end()
        gone.set()

    transport = LeanTransport(keep_alive_s=0.05)
    await ask(transport, post(await serve(behave)))
    async with asyncio.timeout(30):
        await gone.wait()
    await transport.close()


async def test_a_connection_that_speaks_while_idle_is_closed(transport: LeanTransport, serve: Serve) -> None:
    gone = asyncio.Event()

    async def behave(visit: Visit) -> None:
        await visit.request()
        await visit.say(PLAIN)
        await asyncio.sleep(0.05)
        await visit.say(b"?")
        await visit.end()
        gone.set()

    await ask(transport, post(await serve(behave)))
    async with asyncio.timeout(30):
        await gone.wait()


async def test_a_server_that_closes_while_idle_is_seen_when_it_does(serve: Serve) -> None:
    transport, server = LeanTransport(), await serve(saying(PLAIN))
    await ask(transport, post(server))
    await happens(lambda: not transport._open)
    assert [place.idle for place in transport._places.values()] == [[]]
    await transport.close()


async def test_the_connection_used_last_is_used_next(transport: LeanTransport, serve: Serve) -> None:
    server = await serve(polite)
    await asyncio.gather(*(ask(transport, post(server)) for _ in range(2)))
    last = transport._places[server.origin].idle[-1]
    for _ in range(3):
        await ask(transport, post(server))
        assert transport._places[server.origin].idle[-1] is last


async def test_many_origins_keep_no_more_connections_than_one(transport: LeanTransport, serve: Serve) -> None:
    servers = [await serve(polite) for _ in range(6)]
    for server in servers * 2:
        assert await ask(transport, post(server)) == (200, b"hello")
        await asyncio.sleep(0)
    assert len(transport._open) <= 2


async def test_room_comes_back_whatever_ended_a_request(transport: LeanTransport, serve: Serve) -> None:
    bad, slow, good = [await serve(one) for one in (saying(), saying(then="silence"), polite)]
    for _ in range(4):
        await failure(transport, bad)
        await failure(transport, slow, Patience(connect=20.0, head=0.02))
        asking = asyncio.create_task(ask(transport, post(slow)))
        await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    assert await ask(transport, post(good)) == (200, b"hello")
    assert transport._busy == 0


async def test_an_answer_to_head_has_no_body(transport: LeanTransport, serve: Serve) -> None:
    server = await serve(saying(PLAIN.removesuffix(b"hello"), then="silence"))
    async with transport.send(HttpRequest("HEAD", server.origin, "/", {}), LONG) as response:
        assert (response.headers["content-length"], await response.read()) == ("5", b"")


async def test_headers_of_one_name_are_joined(transport: LeanTransport, serve: Serve) -> None:
    server = await serve(saying(PLAIN.replace(b"\r\n", b"\r\nVia: a\r\nVIA: b\r\n", 1)))
    async with transport.send(post(server), LONG) as response:
        assert dict(response.headers) == {"via": "a, b", "content-type": "text/plain", "content-length": "5"}


async def test_what_came_before_a_stream_broke_is_given_out_first(
    transport: LeanTransport, serve: Serve
) -> None:
    async with transport.send(post(await serve(saying(CHUNKED + chunk(b"a") + b"zz\r\n"))), LONG) as response:
        pieces = response.chunks()
        assert await anext(pieces) == b"a"
        with pytest.raises(TransportFailed):
            await anext(pieces)


async def test_a_body_is_not_read_on_after_it_was_left(transport: LeanTransport, serve: Serve) -> None:
    server = await serve(saying(CHUNKED + chunk(b"a"), then="silence"))
    async with transport.send(post(server), LONG) as response:
        pass
    with pytest.raises(TransportFailed, match="was left"):
        await response.read()


async def test_interim_answers_are_passed_over(transport: LeanTransport, serve: Serve) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    server = await serve(each_time(interim + PLAIN))
    assert [await ask(transport, post(server)) for _ in range(2)] == [(200, b"hello")] * 2
    assert len(server.visits) == 1


@pytest.mark.parametrize("stray", [b"nothing of HTTP", b"\0", CHUNKED + b"zz"])
async def test_nothing_after_an_answer_spoils_it(
    transport: LeanTransport, serve: Serve, stray: bytes
) -> None:
    server = await serve(each_time(PLAIN + stray))
    assert [await ask(transport, post(server)) for _ in range(2)] == [(200, b"hello")] * 2
    assert len(server.visits) == 2


async def test_an_answer_before_all_was_written_is_one(transport: LeanTransport, serve: Serve) -> None:
    async def behave(visit: Visit) -> None:
        if visit.number:
            await visit.request()
            await visit.say(PLAIN)
        else:
            await visit.say(NO)
            await visit.end()

    server = await serve(behave)
    assert await ask(transport, post(server, LARGE)) == (413, b"no")
    assert await ask(transport, post(server)) == (200, b"hello")


NONE: Final = {
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "two lengths, turned round": CHUNKED[:-2] + b"Content-Length: 5\r\n\r\n" + chunk(b"hello") + chunk(b""),
    "lengths that differ": PLAIN.replace(b"\r\n", b"\r\nContent-Length: 4\r\n", 1),
    "a length that is none": PLAIN.replace(b"5", b"-5", 1),
    "another coding": CHUNKED.replace(b"chunked", b"gzip"),
    "another protocol": b"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    "interim answers without end": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 50_000,
    "an interim answer with a length": PLAIN.replace(b"200 OK", b"103 Early Hints"),
    "not HTTP": b"220 mail.example ESMTP\r\n",
}


@pytest.mark.parametrize("answer", NONE.values(), ids=NONE)
async def test_what_can_be_read_in_two_ways_is_a_failure(
    transport: LeanTransport, serve: Serve, answer: bytes
) -> None:
    failed = await failure(transport, await serve(saying(answer, then="silence")))
    assert failed.sent
    assert not isinstance(failed, TimedOut)


ENDLESS: Final = {
    "trailers": (b"0\r\n", b"X: 1\r\n" * 1000, "headers"),
    "a trailer": (b"0\r\nX: ", b"x" * 8000, "headers"),
    "an extension": (b"5;", b"x" * 8000, "headers"),
}


@pytest.mark.parametrize(("first", "more", "why"), ENDLESS.values(), ids=ENDLESS)
async def test_what_is_no_body_may_not_go_on_for_ever(
    transport: LeanTransport, serve: Serve, first: bytes, more: bytes, why: str
) -> None:
    async def behave(visit: Visit) -> None:
        await visit.request()
        await visit.say(CHUNKED + chunk(b"some") + first)
        while True:
            await visit.say(more)

    failed = await failure(transport, await serve(behave))
    assert why in str(failed)
    assert not isinstance(failed, TimedOut)


async def test_what_lies_between_chunks_is_not_summed_up(
    transport: LeanTransport, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proviso.aws.connection._MOST_HEAD", 300)

    async def behave(visit: Visit) -> None:
        await visit.request()
        for byte in CHUNKED + chunk(b"x") * 200 + chunk(b""):
            await visit.say(bytes([byte]))
            await asyncio.sleep(0)

    assert await ask(transport, post(await serve(behave))) == (200, b"x" * 200)


async def test_a_wait_that_is_cancelled_as_room_comes_loses_none(serve: Serve) -> None:
    transport, server = LeanTransport(connections=1), await serve(polite)
    async with transport.send(post(server), LONG) as response:
        waiting = [asyncio.create_task(ask(transport, post(server))) for _ in range(4)]
        await asyncio.sleep(0)
        await response.read()
        waiting[0].cancel()  # it is told in the loop's next turn, and room comes in this one
    waiting[2].cancel()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert [isinstance(end, tuple) for end in ended] == [False, True, False, True]
    assert transport._busy == 0
    await transport.close()


UNSENT: Final = [
    {"Host": "elsewhere"}, {"content-length": "0"}, {"Transfer-Encoding": "chunked"}, {"A: b\r\nC": "d"}, {"A B": "c"},
    {"A": "b\r\nC: d"}, {"A": "b\nC: d"}, {"A": "b\rC: d"}, {"A": "b\0"}, {"": "a"}, {"A": "\ud800"},
]  # fmt: skip


@pytest.mark.parametrize("headers", UNSENT, ids=count())
async def test_what_could_be_read_otherwise_is_not_sent(
    transport: LeanTransport, serve: Serve, headers: dict[str, str]
) -> None:
    server = await serve(polite)
    with pytest.raises(TransportFailed) as failed:
        await ask(transport, structs.replace(post(server), headers=headers))
    assert not failed.value.sent
    assert server.visits == []


@pytest.mark.parametrize("path", ["/a b", "/a\r\nHost: x", "/ü", "/a HTTP/1.1\r\n\r\nGET /b"])
async def test_a_path_that_is_not_encoded_is_not_sent(
    transport: LeanTransport, serve: Serve, path: str
) -> None:
    with pytest.raises(TransportFailed) as failed:
        await ask(transport, post(await serve(polite), path=path))
    assert not failed.value.sent


@pytest.mark.parametrize(
    "origin", ["", "ftp://a", "http://", "http://a:99999", "nothing", "http://a..b", "http://[::1"]
)
async def test_an_origin_that_is_none_is_told_as_not_sent(transport: LeanTransport, origin: str) -> None:
    with pytest.raises(TransportFailed) as failed:
        await ask(transport, HttpRequest("POST", origin, "/", {}))
    assert not failed.value.sent


async def test_no_time_left_sends_nothing(transport: LeanTransport, serve: Serve) -> None:
    server = await serve(polite)
    await ask(transport, post(server))
    with pytest.raises(TransportFailed) as failed:
        await ask(transport, post(server), structs.replace(LONG, whole=0.0))
    assert not failed.value.sent


@pytest.mark.parametrize("way", ["late", "closed", "cancelled"])
async def test_a_handshake_that_does_not_end_is_given_up(serve: Serve, way: str) -> None:
    begun, gone = asyncio.Event(), asyncio.Event()

    async def behave(visit: Visit) -> None:
        begun.set()
        await visit.end()
        gone.set()

    transport, server = LeanTransport(connections=1), await serve(behave)
    request = HttpRequest("POST", server.origin.replace("http", "https"), "/", {}, b"{}")
    asking = asyncio.create_task(ask(transport, request, Patience(connect=0.2 if way == "late" else 20.0)))
    await begun.wait()
    if way == "cancelled":
        asking.cancel()
    elif way == "closed":
        await transport.close()
    with pytest.raises(asyncio.CancelledError if way == "cancelled" else TransportFailed) as failed:
        await asking
    assert not getattr(failed.value, "sent", False)
    async with asyncio.timeout(30):
        await gone.wait()
    await transport.close()
