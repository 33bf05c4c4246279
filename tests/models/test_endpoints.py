"""Every endpoint keeps the protocol, over real connections: whole is streamed, and whatever goes wrong has its kind."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final

import msgspec
import pytest
from msgspec import Raw
from msgspec.structs import replace

from proviso.aws import Patience
from proviso.models.failure import CallFailed, Kind
from proviso.models.shapes import Call, Inference, Reply, ToolUse
from proviso.types import StopReason
from tests.models import calls
from tests.models.houses import IMPATIENT, PATIENT, House, at_server, at_simulator
from tests.waiting import happens

pytestmark = pytest.mark.whole

Open = Callable[[Patience], AbstractAsyncContextManager[House]]
PLACES: Final[dict[str, Open]] = {
    "bedrock": at_simulator,
    "bedrock through aiohttp": partial(at_simulator, library="aiohttp"),
    "bedrock through botocore": partial(at_simulator, library="botocore"),
    "openai": at_server,
}
HELLO: Final = Call(calls.asked("Say this again. Grüße 🙂"), 300, metadata={"app": "policy-qa"})


@pytest.fixture(params=list(PLACES))
def place(request: pytest.FixtureRequest) -> Open:
    return PLACES[request.param]


@pytest.fixture
async def house(place: Open) -> AsyncIterator[House]:
    async with place(PATIENT) as house:
        yield house


def soon(seconds: float = 60.0) -> float:
    return time.monotonic() + seconds


async def streamed(house: House, call: Call, left: float = 60.0) -> tuple[str, Reply]:
    *pieces, reply = [item async for item in house.endpoint.stream(call, soon(left))]
    assert isinstance(reply, Reply)
    assert all(isinstance(piece, str) and piece for piece in pieces)
    return "".join(map(str, pieces)), reply


def bare(reply: Reply) -> Reply:
    """The reply without what is another with each call; the input of tools as a value."""
    content = tuple(
        [
            replace(block, id="", input=Raw(msgspec.json.format(bytes(block.input), indent=-1)))
            if isinstance(block, ToolUse)
            else block
            for block in reply.content
        ]
    )
    return replace(reply, content=content, request_id="", latency_ms=0)


CALLS: Final = {
    "text": (HELLO, StopReason.END),
    "tools": (calls.TOOLED, StopReason.TOOL_USE),
    "one tool": (replace(calls.TOOLED, tool_choice="look_up"), StopReason.TOOL_USE),
    "structured": (replace(HELLO, schema=calls.LOOK_UP.schema), StopReason.END),
    "limited": (Call(calls.asked("Many words, more than there is room for. " * 9), 5), StopReason.MAX_TOKENS),
    "settings": (replace(HELLO, inference=Inference(0.0, 0.9, ("###",), tier="flex")), StopReason.END),
}


@pytest.mark.parametrize(("call", "stop"), list(CALLS.values()), ids=list(CALLS))
async def test_a_stream_is_its_reply_and_the_whole_one(house: House, call: Call, stop: StopReason) -> None:
    text, reply = await streamed(house, call)
    whole = await house.endpoint.converse(call, soon())
    assert text == reply.text
    assert bare(reply) == bare(whole)
    assert (whole.stop, whole.usage.output_tokens > 0, whole.usage.input_tokens > 0) == (stop, True, True)


async def test_what_is_asked_comes_back(house: House) -> None:
    assert (await streamed(house, HELLO))[0] == "Say this again. Grüße 🙂"


async def test_calls_at_the_same_time_do_not_mix(house: House) -> None:
    asked = [f"Number {number}" for number in range(20)]
    replies = await asyncio.gather(*[streamed(house, Call(calls.asked(text), 50)) for text in asked])
    assert [text for text, _ in replies] == asked


# What goes wrong, and what that is of a whole reply and of a streamed one; None: it goes well.
FAULTS: Final[dict[str, tuple[Kind | None, Kind | None]]] = {
    "throttling": (Kind.THROTTLED, Kind.THROTTLED),
    "quota-exceeded": (Kind.QUOTA, Kind.QUOTA),
    "unavailable": (Kind.UNAVAILABLE, Kind.UNAVAILABLE),
    "internal": (Kind.INTERNAL, Kind.INTERNAL),
    "access-denied": (Kind.DENIED, Kind.DENIED),
    "not-found": (Kind.NOT_FOUND, Kind.NOT_FOUND),
    "validation": (Kind.INVALID, Kind.INVALID),
    "html-error": (Kind.UNAVAILABLE, Kind.UNAVAILABLE),
    "reset-before": (Kind.LOST, Kind.LOST),
    "reset-during": (Kind.LOST, Kind.CUT),
    "garbage": (Kind.GARBLED, Kind.GARBLED),
    "half-json": (Kind.GARBLED, Kind.GARBLED),
    "no-usage": (Kind.GARBLED, Kind.GARBLED),
    "empty-end-turn": (Kind.EMPTY, Kind.EMPTY),
    "tiny-writes": (None, None),
}
STREAM_FAULTS: Final[dict[str, Kind | None]] = {
    "stream-throttling": Kind.THROTTLED,
    "stream-internal": Kind.INTERNAL,
    "stream-cut-in-frame": Kind.CUT,
    "stream-cut-before-stop": Kind.CUT,
    "stream-closed": Kind.CUT,
    "unknown-event": None,
}


async def kind_of(house: House, call: Call, *, streaming: bool, left: float = 60.0) -> Kind | None:
    """What became of a call; it must be a whole reply or a failure."""
    try:
        if streaming:
            text, reply = await streamed(house, call, left)
            assert text == reply.text
        else:
            reply = await house.endpoint.converse(call, soon(left))
    except CallFailed as failed:
        return failed.kind
    assert reply.stop is StopReason.END
    return None


@pytest.mark.parametrize("fault", list(FAULTS))
async def test_whatever_goes_wrong_has_its_kind(house: House, fault: str) -> None:
    house.fail(fault)
    outcome = [await kind_of(house, HELLO, streaming=streaming) for streaming in (False, True)]
    assert tuple(outcome) == FAULTS[fault]


@pytest.mark.parametrize("fault", list(STREAM_FAULTS))
async def test_whatever_goes_wrong_in_a_stream_has_its_kind(house: House, fault: str) -> None:
    house.fail(fault)
    assert await kind_of(house, HELLO, streaming=True) == STREAM_FAULTS[fault]


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_reply_that_stops_for_an_unknown_reason_is_not_whole(
    house: House, *, streaming: bool
) -> None:
    house.fail("unknown-stop")
    reply = (await streamed(house, HELLO))[1] if streaming else await house.endpoint.converse(HELLO, soon())
    assert reply.stop is StopReason.UNKNOWN


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_tool_call_that_is_broken_is_malformed(house: House, *, streaming: bool) -> None:
    house.fail("malformed-tool-use")
    assert await kind_of(house, calls.TOOLED, streaming=streaming) is Kind.MALFORMED


@pytest.mark.parametrize("streaming", [False, True])
async def test_silence_in_the_middle_is_a_failure(place: Open, *, streaming: bool) -> None:
    async with place(IMPATIENT) as house:
        house.fail("never-ends")
        assert await kind_of(house, HELLO, streaming=streaming) is Kind.SLOW


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_call_past_its_deadline_is_not_made(house: House, *, streaming: bool) -> None:
    assert await kind_of(house, HELLO, streaming=streaming, left=-1.0) is Kind.BUSY
    assert house.endings == []


@pytest.mark.parametrize("streaming", [False, True])
async def test_who_does_not_wait_leaves_the_connection(house: House, *, streaming: bool) -> None:
    house.fail("never-ends")
    task = asyncio.create_task(kind_of(house, HELLO, streaming=streaming))
    await happens(lambda: house.endings)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await happens(lambda: house.endings == ["gone"])


async def test_a_stream_that_is_left_closes_its_connection(house: House) -> None:
    house.fail("never-ends")
    reading = house.endpoint.stream(HELLO, soon())
    assert isinstance(await anext(reading), str)
    await reading.aclose()  # type: ignore[attr-defined]  # it is a generator
    await happens(lambda: house.endings == ["gone"])


async def test_one_connection_serves_many_calls(house: House) -> None:
    for _ in range(3):
        await streamed(house, HELLO)
        await house.endpoint.converse(HELLO, soon())
    assert house.endings == ["finished"] * 6


async def test_where_nobody_listens_nothing_was_sent(place: Open) -> None:
    async with place(PATIENT) as house:
        there = house.endpoint
    with pytest.raises(CallFailed) as failed:
        await there.converse(HELLO, soon())
    assert failed.value.kind is Kind.CONNECT
