"""The suite for real endpoints: a model that does everything passes, and each thing that one gets wrong fails."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

import pytest
from msgspec import structs

from bedrock_simulator.scenario import Answers, Fault, Rule, Scenario
from proviso.models.conformance import SUITE, bound, run
from proviso.models.conformance_terms import Outcome, Subject, Verdict
from proviso.models.endpoint import Target
from proviso.models.shapes import Call, Reply, Text
from proviso.types import StopReason, Usage
from tests.models.suite_made import ABLE, RULES, outcomes, subject_at

pytestmark = pytest.mark.whole


async def test_a_model_that_does_everything_passes_every_check() -> None:
    async with subject_at() as subject:
        found = await outcomes(subject)
    assert {name: one for name, one in found.items() if one.verdict is not Verdict.PASS} == {}
    assert list(found) == [check.name for check in SUITE]


async def test_what_the_register_does_not_name_is_not_asked_for() -> None:
    async with subject_at() as subject:
        bare = structs.replace(subject, features=frozenset(), guard=None)
        skipped = {
            name: one.seen for name, one in (await outcomes(bare)).items() if one.verdict is Verdict.SKIPPED
        }
    assert set(skipped) == {check.name for check in SUITE if check.feature}
    assert skipped["tools"] == "models.yaml does not name `tools`"
    assert skipped["guardrail"] == "no guardrail is bound to it"


def test_the_bound_has_room_for_every_try_of_every_check() -> None:
    here = Scripted(lambda call: reply("x"))
    most = bound(Subject(here, here, frozenset({"prompt-cache"}), cache_min_tokens=1_000))
    least = bound(Subject(here, here))
    assert least.calls >= 3 * (len([check for check in SUITE if not check.feature]) - 1)
    assert most.input_tokens - least.input_tokens > 2 * 3 * 1_000


# --- a model that gets it wrong ------------------------------------------------------------------------


USED: Final = Usage(5, 5)


def reply(text: str, stop: StopReason = StopReason.END, usage: Usage = USED) -> Reply:
    return Reply((Text(text),), stop, usage)


class Scripted:
    """An endpoint that makes a reply of each call. `pieces`: what a stream brings before it."""

    def __init__(self, answer: Callable[[Call], Reply], pieces: tuple[str, ...] | None = None) -> None:
        self._answer = answer
        self._pieces = pieces

    @property
    def target(self) -> Target:
        return Target("odd", "simulator", "example.odd", "local", "http://127.0.0.1")

    async def converse(self, call: Call, deadline: float) -> Reply:
        return self._answer(call)

    async def stream(self, call: Call, deadline: float) -> AsyncIterator[str | Reply]:
        last = self._answer(call)
        for piece in (last.text,) if self._pieces is None else self._pieces:
            yield piece
        yield last


class Deaf(Scripted):
    """An endpoint that knows no deadline, and goes on when it is cancelled."""

    async def converse(self, call: Call, deadline: float) -> Reply:
        ends = time.monotonic() + 1.0
        while (left := ends - time.monotonic()) > 0:
            try:
                await asyncio.sleep(left)
            except asyncio.CancelledError:
                continue
        return self._answer(call)


async def outcome(name: str, subject: Subject) -> Outcome:
    check = next(check for check in SUITE if check.name == name)
    ((_, found),) = [one async for one in run(subject, [check])]
    return found


def of(endpoint: Scripted) -> Subject:
    features = frozenset(check.feature for check in SUITE)
    return Subject(endpoint, endpoint, features, None, cache_min_tokens=10, pause_s=0.0, slack_s=0.3)


PARROT: Final = Scripted(lambda call: reply("I do not know."))
CUT: Final = Scripted(lambda call: reply("Hello", StopReason.MAX_TOKENS))


@pytest.mark.parametrize(
    "name",
    ["max-tokens", "system", "history", "unknown-model", "structured-output", "tools", "documents", "images",
     "citations", "prompt-cache"],
)  # fmt: skip
async def test_a_model_that_only_talks_fails_whatever_it_must_do(name: str) -> None:
    assert (await outcome(name, of(PARROT))).verdict is Verdict.FAIL


@pytest.mark.parametrize("name", ["converse", "stream", "metadata", "cancellation"])
async def test_an_answer_that_is_cut_off_is_no_whole_one(name: str) -> None:
    assert (await outcome(name, of(CUT))).verdict is Verdict.FAIL


@pytest.mark.parametrize("pieces", [("Hel", "lo"), ("I do not know.", ""), ("I do not", "know.")])
async def test_a_stream_whose_pieces_are_not_its_text_fails(pieces: tuple[str, ...]) -> None:
    endpoint = Scripted(lambda call: reply("I do not know."), pieces)
    assert (await outcome("stream", of(endpoint))).verdict is Verdict.FAIL


async def test_usage_that_is_not_told_fails() -> None:
    silent = Scripted(lambda call: reply("Hello.", usage=Usage()))
    assert (await outcome("usage", of(silent))).verdict is Verdict.FAIL


@pytest.mark.parametrize("name", ["deadline", "cancellation"])
async def test_an_endpoint_that_does_not_end_in_time_fails(name: str) -> None:
    assert (await outcome(name, of(Deaf(lambda call: reply("Hello."))))).verdict is Verdict.FAIL


async def test_a_guardrail_that_leaves_no_trace_fails() -> None:
    async with subject_at() as subject:
        without = structs.replace(subject, endpoint=PARROT)
        assert (await outcome("guardrail", without)).verdict is Verdict.FAIL


async def test_a_count_that_is_far_off_fails() -> None:
    class Miscounts(Scripted):
        async def count_tokens(self, call: Call, deadline: float) -> int:
            return 1_000

    assert (
        await outcome("count-tokens", of(Miscounts(lambda call: reply("Hello."))))
    ).verdict is Verdict.FAIL
    assert (await outcome("count-tokens", of(PARROT))).verdict is Verdict.SKIPPED


async def test_a_call_that_fails_fails_its_check_and_no_other() -> None:
    rules = (*RULES[:1], Rule(when="code word", stop="guardrail_intervened", text="no"), *RULES[2:])
    async with subject_at(structs.replace(ABLE, answers=Answers(rules=rules))) as subject:
        found = await outcomes(subject)
    assert [name for name, one in found.items() if one.verdict is Verdict.FAIL] == ["history"]


async def test_what_is_throttled_is_tried_again() -> None:
    faults = (Fault(kind="throttling", nth=(1, 2)),)
    async with subject_at(structs.replace(ABLE, faults=faults)) as subject:
        assert (await outcome("converse", subject)).verdict is Verdict.PASS


async def test_what_stays_throttled_fails_with_its_kind() -> None:
    scenario: Scenario = structs.replace(ABLE, faults=(Fault(kind="throttling", seconds=0.0),))
    async with subject_at(scenario) as subject:
        found = await outcome("converse", subject)
    assert (found.verdict, found.seen.partition(":")[0]) == (Verdict.FAIL, "throttled")
