"""Retries, failover and cost: what is called after a failure, when nothing is any more, and what is noted of it."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from proviso.models import (
    Breaker,
    Bucket,
    Circuit,
    ModelBusy,
    Place,
    Retry,
    ScriptedEndpoint,
    Step,
    Traits,
    Unanswered,
)
from proviso.models.failure import CONSEQUENCES, Kind
from proviso.models.shapes import Call, Reply
from proviso.types import Draft, Usage
from tests.models.hosting import (
    PRICES,
    USED,
    hosted,
    outcomes,
    place,
    reply,
    scripted,
    streamed,
    target,
    wanted,
)
from tests.models.virtual_time import START, now, run

DUE = START + 8
NOTHING = Usage()
YES = reply("Yes.")


def test_the_same_place_is_called_again_after_a_pause() -> None:
    async def main() -> tuple[list[tuple[str, str]], float]:
        request = wanted()
        await hosted(scripted(Kind.UNAVAILABLE, YES), chance=0.5).converse(request)
        return outcomes(request), now() - START

    tried, passed = run(main())
    assert tried == [("first", "service_unavailable"), ("first", "answered")]
    assert passed == pytest.approx(0.05)


def test_pauses_grow_and_are_capped() -> None:
    async def main() -> float:
        retry = Retry(attempts_per_place=6, most_attempts=6, base_s=0.5, cap_s=1.5)
        await hosted(scripted(*[Kind.EMPTY] * 5, YES), retry=retry).converse(wanted(60))
        return now() - START

    assert run(main()) == pytest.approx(0.5 + 1 + 1.5 + 1.5 + 1.5)


def test_a_place_is_left_at_once_where_trying_again_would_not_help() -> None:
    async def main() -> tuple[list[tuple[str, str]], float]:
        request = wanted()
        draft = await hosted(scripted(Kind.DENIED), scripted(YES, name="second")).converse(request)
        assert draft.name == "second"
        return outcomes(request), now()

    assert run(main()) == ([("first", "access_denied"), ("second", "answered")], START)


def test_a_place_is_left_when_it_has_had_its_attempts() -> None:
    async def main() -> list[str]:
        request = wanted()
        await hosted(scripted(Kind.UNAVAILABLE), scripted(YES, name="second")).converse(request)
        return [name for name, _ in outcomes(request)]

    assert run(main()) == ["first", "first", "second"]


@pytest.mark.parametrize("kind", [kind for kind in Kind if CONSEQUENCES[kind].charged])
def test_what_may_have_cost_time_or_money_is_tried_elsewhere(kind: Kind) -> None:
    async def main() -> list[str]:
        request = wanted()
        await hosted(scripted(kind), scripted(YES, name="second")).converse(request)
        return [name for name, _ in outcomes(request)]

    assert run(main()) == ["first", "second"]


def test_there_is_an_end_to_all_attempts() -> None:
    async def main() -> list[str]:
        request = wanted(60)
        places = [scripted(Kind.UNAVAILABLE, name=name) for name in ("first", "second", "third")]
        with pytest.raises(Unanswered, match="`first` in first-region: service_unavailable, `first`"):
            await hosted(*places).converse(request)
        return [name for name, _ in outcomes(request)]

    assert run(main()) == ["first", "first", "second", "third"]


def test_every_place_gets_its_chance_before_one_gets_a_second() -> None:
    async def main() -> list[str]:
        request = wanted(60)
        broken = [scripted(Kind.UNAVAILABLE, name=f"{number}") for number in range(5)]
        await hosted(*broken, scripted(YES, name="last")).converse(request)
        return [name for name, _ in outcomes(request)]

    assert run(main()) == ["0", "1", "2", "3", "4", "last"]


@pytest.mark.parametrize("asked", [1.5, 3.0])
def test_a_provider_s_time_to_come_back_is_kept(asked: float) -> None:
    async def main() -> float:
        step = Step(fails=Kind.THROTTLED, retry_after_s=asked)
        await hosted(scripted(step, YES), chance=0.0).converse(wanted())
        return now() - START

    assert run(main()) == pytest.approx(asked, abs=0.5)


def test_another_place_is_not_kept_waiting_for_one_that_asks_for_long() -> None:
    async def main() -> float:
        step = Step(fails=Kind.UNAVAILABLE, retry_after_s=3.0)
        await hosted(scripted(step), scripted(YES, name="second")).converse(wanted())
        return now()

    assert run(main()) == START


def test_no_attempt_begins_that_cannot_end_in_time() -> None:
    async def main() -> None:
        endpoint, request = scripted(Step(fails=Kind.LOST, takes_s=7.8)), wanted()
        with pytest.raises(Unanswered):
            await hosted(endpoint, scripted(YES, name="second")).converse(request)
        assert outcomes(request) == [("first", "connection_lost")]

    run(main())


def test_a_request_without_time_is_not_sent_at_all() -> None:
    async def main() -> None:
        request = wanted(0.1)
        with pytest.raises(Unanswered, match="no time was left"):
            await hosted(scripted(YES)).converse(request)
        assert request.attempts == []

    run(main())


# --- circuits and room ----------------------------------------------------------------------------


def test_a_place_whose_circuit_is_open_is_passed_over() -> None:
    async def main() -> None:
        circuit, broken, request = Circuit(now), scripted(Kind.CONNECT), wanted()
        model = hosted(place(broken, circuit=circuit), scripted(YES, name="second"))
        for _ in range(4):
            await model.converse(wanted())
        await model.converse(request)
        assert outcomes(request) == [("first", "circuit_open"), ("second", "answered")]
        assert len(broken.calls) == 5

    run(main())


def test_a_circuit_that_opens_while_a_call_waits_for_room_turns_it_away() -> None:
    async def main() -> None:
        circuit, bucket, endpoint = Circuit(now, Breaker(failures=1)), Bucket(60_000, now=now), scripted(YES)
        bucket.try_take(60_000)
        waiting = asyncio.create_task(
            hosted(place(endpoint, bucket=bucket, circuit=circuit)).converse(wanted())
        )
        await asyncio.sleep(0)
        circuit.report(circuit.admit() or 0, failed=True)
        with pytest.raises(Unanswered, match="circuit_open"):
            await waiting
        assert endpoint.calls == []
        assert bucket.try_take(100)  # which it had reserved

    run(main())


def test_a_throttled_place_keeps_its_circuit_closed_and_slows_its_bucket() -> None:
    async def main() -> None:
        circuit, bucket = Circuit(now), Bucket(60_000, now=now)
        model = hosted(place(scripted(*[Kind.THROTTLED] * 9), circuit=circuit, bucket=bucket))
        for _ in range(5):
            with pytest.raises((Unanswered, ModelBusy)):
                await model.converse(wanted())
        assert not circuit.is_open
        assert bucket.try_take(2_000) is None

    run(main())


def test_where_there_is_only_no_room_the_caller_is_told_when_to_come_back() -> None:
    async def main() -> None:
        bucket, request = Bucket(600, now=now), wanted(max_tokens=300)
        bucket.try_take(600)
        with pytest.raises(ModelBusy) as told:
            await hosted(place(scripted(YES), bucket=bucket)).converse(request)
        assert (told.value.code, told.value.status, told.value.retry_after_s) == ("model_busy", 429, 35)
        assert outcomes(request) == [("first", "no_room")]

    run(main())


def test_a_call_larger_than_the_quota_is_not_told_to_come_back() -> None:
    async def main() -> None:
        with pytest.raises(Unanswered, match="no_room"):
            await hosted(place(scripted(YES), bucket=Bucket(50, now=now))).converse(wanted())

    run(main())


def test_a_place_without_room_is_not_waited_for_while_another_has_some() -> None:
    async def main() -> float:
        bucket = Bucket(6_000, now=now)
        bucket.try_take(6_000)
        model = hosted(place(scripted(YES), bucket=bucket), scripted(YES, name="second"))
        draft = await model.converse(wanted(max_tokens=500))
        assert draft.name == "second"
        return now()

    assert run(main()) == START


def test_what_a_call_really_used_counts_against_the_quota() -> None:
    async def main() -> None:
        bucket = Bucket(1_000, now=now)
        used = reply("Yes.", usage=Usage(100, 20, cache_read_tokens=5_000, cache_write_tokens=50))
        await hosted(place(scripted(used), bucket=bucket, traits=Traits(burn=5.0))).converse(wanted())
        assert bucket.try_take(751) is None
        assert bucket.try_take(750)

    run(main())


# --- money ----------------------------------------------------------------------------------------


def test_a_charged_failure_counts_at_its_worst_where_nobody_knows() -> None:
    async def main() -> None:
        endpoint, request = scripted(Kind.LOST, Step(fails=Kind.LOST, usage=USED)), wanted()
        with pytest.raises(Unanswered):
            await hosted(endpoint).converse(request)
        unknown, known = [attempt.usage for attempt in request.attempts]
        assert unknown.output_tokens == 100
        assert unknown.input_tokens > len("When must a claim be sent?")
        assert known == USED

    run(main())


def test_a_failure_that_costs_nothing_leaves_all_the_money() -> None:
    async def main() -> None:
        request = wanted(most=600)
        await hosted(scripted(Kind.UNAVAILABLE, YES)).converse(request)
        assert [attempt.usage for attempt in request.attempts] == [NOTHING, USED]

    run(main())


def test_no_attempt_is_made_that_could_cost_more_than_is_left() -> None:
    async def main() -> None:
        endpoint, request = scripted(Kind.LOST, YES), wanted(most=700)
        with pytest.raises(Unanswered, match="too_costly"):
            await hosted(endpoint).converse(request)
        assert len(endpoint.calls) == 1

    run(main())


def test_an_answer_is_kept_shorter_where_that_makes_it_fit() -> None:
    async def main() -> int:
        endpoint = scripted(YES)
        await hosted(endpoint).converse(wanted(most=450))
        return endpoint.calls[0].max_tokens

    assert 50 <= run(main()) < 100


def test_a_model_without_a_price_is_not_called_where_money_counts() -> None:
    async def main() -> None:
        request = wanted(most=10**9, names=("second",))
        draft = await hosted(scripted(YES), scripted(YES, name="second")).converse(request)
        assert draft.name == "second"
        assert outcomes(request)[0] == ("first", "too_costly")

    run(main())


def test_what_writes_to_a_dearer_cache_is_priced_as_if_all_of_it_did() -> None:
    async def main() -> None:
        traits = Traits(cache_min_tokens=1)
        model, request = hosted(place(scripted(YES, YES, Kind.LOST), traits=traits)), wanted()
        rendered = replace(request.rendered, system="Be brief.")
        dear = {"first": replace(PRICES, cache_write=9_000_000)}
        request = replace(request, rendered=rendered, prices=dear)
        await model.converse(request)
        await model.converse(request)
        with pytest.raises(Unanswered):
            await model.converse(request)
        assert request.attempts[-1].usage.cache_write_tokens > 0

    run(main())


# --- whatever happens -----------------------------------------------------------------------------

CALLED = [kind for kind in Kind if kind not in (Kind.OPEN, Kind.BUSY, Kind.COSTLY)]
SKIPPED = {"circuit_open", "no_room", "too_costly"}
USAGES = st.none() | st.builds(Usage, st.integers(0, 20), st.integers(0, 40))


class Called(ScriptedEndpoint):
    """An endpoint that notes in `log` what became of each call, as the provider sees it."""

    def __init__(self, name: str, script: list[Step], log: list[tuple[str, str]]) -> None:
        super().__init__(target(name), script, now=now)
        self._steps, self._log = script, log

    def _next(self, call: Call) -> Step:
        step = super()._next(call)
        late = now() + step.takes_s > DUE
        self._log.append((self.target.name, "slow" if late else step.fails or "answered"))
        return step


def steps(name: str) -> st.SearchStrategy[Step]:
    return st.builds(
        Step,
        reply=st.just(reply(f"{name} says within 30 days [1].", usage=Usage(20, 40))),
        fails=st.none() | st.sampled_from(CALLED),
        takes_s=st.sampled_from([0.0, 0.0, 0.3, 2.0, 20.0]),
        pieces=st.sampled_from([0, 0, 1, 3]),
        retry_after_s=st.none() | st.floats(0, 10),
        usage=USAGES,
    )


SCRIPTS = st.tuples(*[st.lists(steps(name), min_size=1, max_size=4) for name in ("first", "second", "third")])
MOST = st.none() | st.integers(0, 3_000)
QUOTAS = st.none() | st.integers(100, 3_000)


def places(scripts: tuple[list[Step], ...], quota: int | None, log: list[tuple[str, str]]) -> list[Place]:
    ends = [
        Called(name, script, log) for name, script in zip(("first", "second", "third"), scripts, strict=True)
    ]
    return [place(end, bucket=Bucket(quota, now=now)) for end in ends]


@settings(deadline=None, max_examples=100)
@given(SCRIPTS, MOST, QUOTAS, st.floats(0, 1), st.booleans())
def test_whatever_fails_a_draft_keeps_to_its_time_its_money_and_its_places(
    scripts: tuple[list[Step], ...], most: int | None, quota: int | None, chance: float, streams: bool
) -> None:
    async def main() -> None:
        log: list[tuple[str, str]] = []
        request = wanted(most=most)
        model = hosted(*places(scripts, quota, log)[:2], chance=chance)
        if streams:
            await streamed(model, request)
        else:
            await asyncio.gather(model.converse(request), return_exceptions=True)
        assert now() <= DUE + 0.001
        assert [one for one in outcomes(request) if one[1] not in SKIPPED] == log
        spent = sum(PRICES.cost_of(attempt.usage) for attempt in request.attempts)
        assert most is None or spent <= most
        assert len(log) <= 4
        assert not any(name == "third" for name, _ in outcomes(request))

    run(main())


@settings(deadline=None, max_examples=100)
@given(SCRIPTS, st.floats(0, 1))
def test_whatever_fails_nothing_is_streamed_twice(scripts: tuple[list[Step], ...], chance: float) -> None:
    async def main() -> None:
        request = wanted()
        out = await streamed(hosted(*places(scripts, None, []), chance=chance), request)
        said = "".join(out.pieces)
        if out.draft is not None:
            assert said == out.draft.text
            assert outcomes(request)[-1] == (out.draft.name, "answered")
        else:
            assert isinstance(out.error, Unanswered | ModelBusy)
        assert said.count("says") <= 1
        if said and out.error:
            assert said.startswith(request.attempts[-1].model)

    run(main())


def test_every_kind_that_charges_says_so_in_its_attempt() -> None:
    async def usage(kind: Kind) -> Usage:
        request = wanted()
        await asyncio.gather(hosted(scripted(kind)).converse(request), return_exceptions=True)
        return request.attempts[0].usage

    for kind in CALLED:
        assert (run(usage(kind)) != NOTHING) == CONSEQUENCES[kind].charged


def test_drafts_under_way_together_keep_their_own_attempts() -> None:
    async def main() -> None:
        def echo(call: Call) -> Reply:
            return reply(str(call.max_tokens))

        model = hosted(scripted(Step(echo, takes_s=1.0)))
        requests = [wanted(max_tokens=count) for count in range(10, 30)]
        drafts: list[Draft] = await asyncio.gather(*[model.converse(one) for one in requests])
        assert [draft.text for draft in drafts] == [str(count) for count in range(10, 30)]
        assert all(len(one.attempts) == 1 for one in requests)

    run(main())
