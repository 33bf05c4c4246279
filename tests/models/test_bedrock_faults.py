"""Everything that the simulator lets go wrong ends with a whole reply or a failure of its kind, also in streams."""

import time
from collections.abc import AsyncIterator
from typing import Final

import pytest
from msgspec.structs import replace

from bedrock_simulator.faults import KINDS
from proviso.models.failure import CallFailed, Kind
from proviso.models.shapes import Call, Guard, Inference, Reply
from proviso.types import StopReason
from tests.models import calls
from tests.models.houses import PATIENT, AtSimulator, at_simulator

TEXT: Final = "Tell me again, and take your time over it. Grüße 🙂"
CALL: Final = Call(calls.asked(TEXT), 300)
GUARDED: Final = Call(calls.asked(TEXT), 300, guard=Guard("gr1", "1"))

# A whole reply, and a streamed one; None: it goes well.
WHOLE: Final[dict[str, Kind | None]] = {
    "throttling": Kind.THROTTLED,
    "retry-after": Kind.THROTTLED,
    "quota-exceeded": Kind.QUOTA,
    "model-not-ready": Kind.NOT_READY,
    "unavailable": Kind.UNAVAILABLE,
    "internal": Kind.INTERNAL,
    "model-timeout": Kind.MODEL_TIMEOUT,
    "model-error": Kind.MODEL_ERROR,
    "access-denied": Kind.DENIED,
    "not-found": Kind.NOT_FOUND,
    "validation": Kind.INVALID,
    "expired-token": Kind.EXPIRED,
    "html-error": Kind.UNAVAILABLE,
    "reset-before": Kind.LOST,
    "slow-first-byte": None,
    "reset-during": Kind.LOST,
    "idle-gap": None,
    "garbage": Kind.GARBLED,
    "half-json": Kind.GARBLED,
    "wrong-length": Kind.LOST,
    "split-utf8": None,
    "tiny-writes": None,
    "empty-end-turn": Kind.EMPTY,
    "malformed-tool-use": Kind.MALFORMED,
    "malformed-output": Kind.MALFORMED,
    "no-usage": Kind.GARBLED,
}
STREAMED: Final[dict[str, Kind | None]] = WHOLE | {
    "reset-during": Kind.CUT,
    "stream-throttling": Kind.THROTTLED,
    "stream-internal": Kind.INTERNAL,
    "stream-unavailable": Kind.UNAVAILABLE,
    "stream-validation": Kind.INVALID,
    "stream-model-error": Kind.MODEL_ERROR,
    "stream-error": Kind.INTERNAL,
    "stream-cut-in-frame": Kind.CUT,
    "stream-cut-before-stop": Kind.CUT,
    "stream-closed": Kind.CUT,
    "bad-crc": Kind.GARBLED,
    "bad-prelude-crc": Kind.GARBLED,
    "bad-length": Kind.GARBLED,
    "duplicate-stop": Kind.GARBLED,
    "unknown-event": None,
}
del STREAMED["wrong-length"]
# Proved by tests of their own, here or in `test_endpoints`.
ELSEWHERE: Final = {"never-ends", "regional-outage", "unknown-stop", "missing-trace"}


@pytest.fixture
async def house() -> AsyncIterator[AtSimulator]:
    async with at_simulator(PATIENT) as house:
        yield house


def soon() -> float:
    return time.monotonic() + 60.0


async def whole(house: AtSimulator, call: Call = CALL) -> Reply:
    return await house.endpoint.converse(call, soon())


async def streamed(house: AtSimulator, call: Call = CALL) -> Reply:
    *pieces, reply = [item async for item in house.endpoint.stream(call, soon())]
    assert isinstance(reply, Reply)
    assert "".join(map(str, pieces)) == reply.text
    return reply


def test_no_fault_is_forgotten() -> None:
    assert WHOLE.keys() | STREAMED.keys() | ELSEWHERE == KINDS.keys()


@pytest.mark.parametrize(("fault", "kind"), [one for one in WHOLE.items() if one[1]])
async def test_a_whole_reply_fails_by_its_kind(house: AtSimulator, fault: str, kind: Kind) -> None:
    house.fail(fault)
    with pytest.raises(CallFailed) as failed:
        await whole(house)
    assert failed.value.kind is kind


@pytest.mark.parametrize(("fault", "kind"), [one for one in STREAMED.items() if one[1]])
async def test_a_streamed_reply_fails_by_its_kind(house: AtSimulator, fault: str, kind: Kind) -> None:
    house.fail(fault)
    with pytest.raises(CallFailed) as failed:
        await streamed(house)
    assert failed.value.kind is kind


@pytest.mark.parametrize("fault", [fault for fault, kind in STREAMED.items() if kind is None])
async def test_what_does_no_harm_changes_nothing(house: AtSimulator, fault: str) -> None:
    house.fail(fault)
    for ask in (streamed, whole):
        # To split a character the fault needs one in each piece, and writes 🙂 where there is none.
        assert (await ask(house)).text.replace("🙂", "") == TEXT.replace("🙂", "")


async def test_when_to_come_back_is_told(house: AtSimulator) -> None:
    house.fail("retry-after")
    with pytest.raises(CallFailed) as failed:
        await whole(house)
    assert failed.value.retry_after_s == 0.01


async def test_a_region_that_is_out_is_unavailable_or_cuts_off(house: AtSimulator) -> None:
    house.fail("regional-outage")
    for ask in (whole, streamed):
        with pytest.raises(CallFailed) as failed:
            await ask(house)
        assert failed.value.kind in (Kind.UNAVAILABLE, Kind.LOST)


async def test_a_missing_trace_is_a_failure_whole_and_streamed(house: AtSimulator) -> None:
    house.fail("missing-trace")
    for ask in (whole, streamed):
        with pytest.raises(CallFailed) as failed:
            await ask(house, GUARDED)
        assert failed.value.kind is Kind.UNGUARDED


async def test_a_guardrail_that_runs_leaves_its_trace(house: AtSimulator) -> None:
    for ask in (whole, streamed):
        reply = await ask(house, GUARDED)
        assert (reply.stop, reply.guarded, reply.intervened) == (StopReason.END, True, False)


async def test_a_guardrail_that_blocks_says_so(house: AtSimulator) -> None:
    call = Call(calls.asked("This is forbidden"), 300, guard=Guard("gr1", "1"))
    for ask in (whole, streamed):
        reply = await ask(house, call)
        assert (reply.stop, reply.intervened) == (StopReason.GUARDRAIL, True)


async def test_the_tokens_of_a_call_are_counted(house: AtSimulator) -> None:
    counted = await house.endpoint.count_tokens(CALL, soon())
    assert counted == (await whole(house)).usage.input_tokens


async def test_a_call_with_everything_in_it_is_taken(house: AtSimulator) -> None:
    call = replace(
        calls.FULL, guard=GUARDED.guard, inference=Inference(0.0, 0.9, ("###",)), tool_choice="auto"
    )
    assert (await whole(house, call)).usage.tokens > 0
