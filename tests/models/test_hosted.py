"""A hosted model as its callers see it: drafts whole and in pieces, what is held back, who leaves early."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from msgspec.structs import replace

from proviso.models import (
    Breaker,
    Bucket,
    Circuit,
    Guard,
    Hosted,
    Inference,
    ScriptedEndpoint,
    Step,
    Traits,
    Unanswered,
)
from proviso.models.failure import Kind
from proviso.models.shapes import CachePoint, Call, Reasoning, Reply, Text
from proviso.types import StopReason, Usage
from tests.models.hosting import asked, hosted, outcomes, place, reply, scripted, streamed, target, wanted
from tests.models.virtual_time import now, run

ANSWER = reply("Send it within 30 days [1].")
NO_EVIDENCE = reply("No evidence.")


def test_a_model_has_a_place() -> None:
    with pytest.raises(ValueError, match="at least one place"):
        Hosted([])


def test_the_draft_says_which_place_answered() -> None:
    async def main() -> None:
        draft = await hosted(scripted(Kind.NOT_FOUND), scripted(ANSWER, name="second")).converse(wanted())
        assert (draft.name, draft.region, draft.endpoint) == ("second", "second-region", "http://second")
        assert (draft.text, draft.stop, draft.usage) == (ANSWER.text, StopReason.END, ANSWER.usage)

    run(main())


def test_a_call_is_made_as_the_model_s_traits_say() -> None:
    async def main() -> None:
        guard, inference = Guard("g-1", "3"), Inference(temperature=0.0)
        endpoint = scripted(replace(ANSWER, guarded=True))
        traits = Traits(max_output=40, guard=guard, inference=inference)
        request = replace(wanted(), metadata={"app": "policy-qa"})
        await hosted(place(endpoint, traits=traits)).converse(request)
        call = asked(endpoint)
        assert (call.max_tokens, call.guard, call.inference) == (40, guard, inference)
        assert call.metadata == {"app": "policy-qa"}

    run(main())


def test_a_guardrail_that_left_no_trace_has_not_answered() -> None:
    async def main() -> None:
        traits = Traits(guard=Guard("g-1", "3"))
        with pytest.raises(Unanswered, match="unguarded"):
            await hosted(place(scripted(ANSWER), traits=traits)).converse(wanted())

    run(main())


def test_a_long_system_prompt_is_kept_by_the_provider_from_its_second_call_on() -> None:
    async def main() -> list[bool]:
        endpoint = scripted(ANSWER)
        model, request = hosted(place(endpoint, traits=Traits(cache_min_tokens=100))), wanted()
        request = replace(request, rendered=replace(request.rendered, system="Be brief. " * 40))
        for _ in range(3):
            await model.converse(request)
        return [isinstance(call.system[-1], CachePoint) for call in endpoint.calls]

    assert run(main()) == [False, True, True]


# --- streams --------------------------------------------------------------------------------------


def test_a_stream_hands_its_pieces_on_as_they_come() -> None:
    async def main() -> None:
        out = await streamed(hosted(scripted(ANSWER)), wanted())
        assert out.pieces == ["Send ", "it ", "within ", "30 ", "days ", "[1]."]
        assert out.draft
        assert out.draft.text == ANSWER.text

    run(main())


def test_a_stream_that_fails_before_its_first_piece_is_tried_again() -> None:
    async def main() -> None:
        request = wanted()
        out = await streamed(hosted(scripted(Step(ANSWER, Kind.CUT), ANSWER)), request)
        assert "".join(out.pieces) == ANSWER.text
        assert outcomes(request) == [("first", "stream_cut"), ("first", "answered")]

    run(main())


def test_a_stream_that_breaks_off_after_a_piece_has_failed() -> None:
    async def main() -> None:
        spare, request = scripted(ANSWER, name="second"), wanted()
        out = await streamed(hosted(scripted(Step(ANSWER, Kind.CUT, pieces=2)), spare), request)
        assert (out.pieces, out.draft) == (["Send ", "it "], None)
        assert isinstance(out.error, Unanswered)
        assert (spare.calls, outcomes(request)) == ([], [("first", "stream_cut")])

    run(main())


def test_no_evidence_is_never_streamed_as_text() -> None:
    async def main() -> None:
        out = await streamed(hosted(scripted(NO_EVIDENCE)), wanted())
        assert out.pieces == []
        assert out.draft
        assert (out.draft.text, out.draft.stop) == ("", StopReason.NO_EVIDENCE)

    run(main())


@pytest.mark.parametrize("text", ["No", "No evidence is needed [1].", "No evidence. That is all."])
def test_what_only_begins_like_no_evidence_is_streamed_whole(text: str) -> None:
    async def main() -> None:
        out = await streamed(hosted(scripted(reply(text))), wanted())
        assert "".join(out.pieces) == text
        assert out.draft
        assert out.draft.text == text

    run(main())


def test_what_was_held_back_may_be_tried_again() -> None:
    async def main() -> None:
        script = Step(NO_EVIDENCE, Kind.CUT, pieces=1), ANSWER
        out = await streamed(hosted(scripted(*script)), wanted())
        assert "".join(out.pieces) == ANSWER.text

    run(main())


def test_what_a_model_thinks_is_not_streamed() -> None:
    async def main() -> None:
        thinking = reply("", Reasoning("secret"), Text("Yes [1]."))
        out = await streamed(hosted(scripted(thinking)), wanted())
        assert "".join(out.pieces) == "Yes [1]."

    run(main())


# --- those who leave ------------------------------------------------------------------------------


@pytest.mark.parametrize(("pieces", "read"), [(0, 0), (1, 40)])
def test_what_breaks_off_after_it_has_begun_may_have_to_be_paid(pieces: int, read: int) -> None:
    async def main() -> None:
        request = wanted(max_tokens=40)
        step = Step(ANSWER, fails=Kind.THROTTLED, pieces=pieces)
        await streamed(hosted(scripted(step)), request)
        assert (request.attempts[0].outcome, request.attempts[0].usage.output_tokens) == ("throttled", read)

    run(main())


def test_a_call_that_is_cancelled_is_noted_at_its_worst() -> None:
    async def main() -> None:
        request = wanted()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await hosted(scripted(Step(ANSWER, takes_s=3.0))).converse(request)
        assert outcomes(request) == [("first", "cancelled")]
        assert request.attempts[0].usage.output_tokens == 100

    run(main())


def test_a_probe_that_is_cancelled_makes_room_for_the_next_one() -> None:
    async def main() -> None:
        circuit = Circuit(now, Breaker(failures=1, open_s=5.0))
        script = Kind.UNAVAILABLE, Step(ANSWER, takes_s=3.0), ANSWER
        model = hosted(place(scripted(*script), circuit=circuit))
        with pytest.raises(Unanswered):
            await model.converse(wanted())
        await asyncio.sleep(5)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await model.converse(wanted())
        assert (await model.converse(wanted())).text == ANSWER.text

    run(main())


def test_a_probe_that_got_no_connection_says_nothing_of_the_place() -> None:
    async def main() -> None:
        circuit = Circuit(now, Breaker(failures=1, open_s=5.0))
        model = hosted(place(scripted(Kind.UNAVAILABLE, Kind.BUSY, Kind.UNAVAILABLE), circuit=circuit))
        for _ in range(2):
            with pytest.raises(Unanswered):
                await model.converse(wanted())
            await asyncio.sleep(5)
        assert circuit._opened is not None

    run(main())


class Watched(ScriptedEndpoint):
    """An endpoint that knows whether one of its streams is open."""

    is_open = False

    async def stream(self, call: Call, deadline: float) -> AsyncIterator[str | Reply]:
        self.is_open = True
        try:
            async for item in super().stream(call, deadline):
                yield item
        finally:
            self.is_open = False


def test_a_stream_that_its_reader_leaves_is_noted_and_closed() -> None:
    async def main() -> None:
        request, endpoint = wanted(), Watched(target(), [ANSWER], now=now)
        items = hosted(endpoint).stream(request)
        async with aclosing(items):  # type: ignore[type-var]  # it is a generator, which its face does not say
            await anext(items)
            assert endpoint.is_open
        assert not endpoint.is_open
        assert outcomes(request) == [("first", "cancelled")]

    run(main())


def test_one_who_is_cancelled_while_waiting_for_room_has_called_nothing_and_pays_nothing() -> None:
    async def main() -> None:
        endpoint, bucket, request = scripted(ANSWER), Bucket(6_000, now=now), wanted()
        bucket.try_take(6_000)
        task = asyncio.create_task(hosted(place(endpoint, bucket=bucket)).converse(request))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (endpoint.calls, outcomes(request)) == ([], [("first", "cancelled")])
        assert request.attempts[0].usage == Usage()

    run(main())
