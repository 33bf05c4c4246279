"""Whatever happens to a request, its record is there, and before the answer."""

import asyncio

import pytest
from msgspec.structs import replace

from proviso.budgets import Prices
from proviso.errors import ModelUnavailable, StoreUnavailable
from proviso.ledger import Outcome
from proviso.models import Extractive, Fallback, ModelRequest, Scripted
from proviso.orchestrator import serve, stream
from proviso.types import Answer, Attempt, Draft, Served, Usage
from tests.orchestrator.made import PAID, RATE, Steps, Waiting, quoting, raising, release, run, take

OSLO = "What is the per diem for Oslo, and when is it paid?"
TWO = Scripted(lambda _: quoting(RATE, PAID))


async def test_an_unexpected_fault_is_recorded_as_an_error_and_passed_on() -> None:
    ledger = Steps()
    with pytest.raises(ZeroDivisionError):
        await serve(run(OSLO, release(raising(ZeroDivisionError()))), ledger)
    assert ledger.only().outcome is Outcome.ERROR
    assert ledger.only().reason == "internal_error"


async def test_a_caller_that_goes_away_leaves_a_cancelled_run() -> None:
    ledger, model = Steps(), Waiting()
    task = asyncio.create_task(serve(run(OSLO, release(model)), ledger))
    await model.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ledger.only().outcome is Outcome.CANCELLED


async def test_no_answer_leaves_when_its_record_cannot_be_written() -> None:
    with pytest.raises(StoreUnavailable):
        await serve(run(OSLO), Steps(fails="finished"))


async def test_no_piece_leaves_when_the_start_cannot_be_recorded() -> None:
    ledger = Steps(fails="started")
    with pytest.raises(StoreUnavailable):
        await anext(stream(run(OSLO, release(TWO)), ledger))
    assert ledger.order == ["started"]


async def test_the_last_piece_stays_here_when_the_end_cannot_be_recorded() -> None:
    pieces: list[object] = []
    with pytest.raises(StoreUnavailable):
        await take(stream(run(OSLO, release(TWO)), Steps(fails="finished")), pieces)
    assert pieces == [f"{RATE} [1] "]


async def test_start_is_durable_before_the_first_piece_and_end_before_the_last() -> None:
    ledger = Steps()
    order = ledger.order
    async for piece in stream(run(OSLO, release(TWO)), ledger):
        order.append("run" if isinstance(piece, Served) else piece.split()[0])
    assert order == ["started", "The", "finished", "It", "run"]


async def test_the_pieces_of_a_stream_are_the_answer() -> None:
    of = release(TWO)
    whole = (await serve(run(OSLO, of), Steps())).outcome.text
    *pieces, served = [piece async for piece in stream(run(OSLO, of), Steps())]
    assert "".join(map(str, pieces)) == whole
    assert isinstance(served, Served)
    assert isinstance(served.outcome, Answer)


async def test_a_refusal_is_streamed_like_an_answer() -> None:
    *pieces, served = [piece async for piece in stream(run("Can I sue the airline?"), Steps())]
    assert "".join(map(str, pieces)) == "Ask a lawyer."
    assert isinstance(served, Served)


async def test_a_stream_left_after_its_first_sentence_is_recorded_as_partial() -> None:
    ledger = Steps()
    pieces = stream(run(OSLO, release(TWO)), ledger)
    left = await anext(pieces)
    await pieces.aclose()
    (record,) = ledger.recent(2)
    assert ledger.only().outcome is Outcome.PARTIAL
    assert record.payload is not None
    assert record.payload.answer == left


async def test_a_stream_left_before_its_first_sentence_is_recorded_as_cancelled() -> None:
    ledger, model = Steps(), Waiting()
    pieces = stream(run(OSLO, release(model)), ledger)
    task = asyncio.ensure_future(anext(pieces))
    await model.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ledger.only().outcome is Outcome.CANCELLED


async def test_a_fault_in_a_stream_is_an_error_and_no_gap() -> None:
    ledger = Steps()
    with pytest.raises(ZeroDivisionError):
        await anext(stream(run(OSLO, release(raising(ZeroDivisionError()))), ledger))
    assert (ledger.order, ledger.only().outcome) == (["started", "finished"], Outcome.ERROR)


async def test_a_masked_value_is_in_no_event_and_no_payload() -> None:
    ledger = Steps()
    await serve(run(f"I am kim@example.com. {OSLO}"), ledger)
    (record,) = ledger.recent(2)
    assert record.payload is not None
    assert record.payload.question == f"I am [EMAIL]. {OSLO}"
    assert "kim@example.com" not in repr(record)


async def test_a_blocked_question_is_not_kept_at_all() -> None:
    ledger = Steps()
    await serve(run("My card is 4111 1111 1111 1111"), ledger)
    (record,) = ledger.recent(2)
    assert record.payload is not None
    assert record.payload.question is None
    assert "4111" not in repr(record)


async def test_what_the_contract_does_not_log_is_not_kept() -> None:
    ledger = Steps()
    await serve(run(OSLO, release(log=frozenset({"citations"}))), ledger)
    (record,) = ledger.recent(2)
    assert record.payload is not None
    assert (record.payload.question, record.payload.answer) == (None, None)
    assert record.payload.citations


@pytest.mark.parametrize(
    ("usage", "micro_usd"), [(Usage(0, 0), 0), (Usage(1, 0), 3), (Usage(1_000_000, 1_000), 3_015_000)]
)
async def test_cost_is_tokens_times_price_in_micro_dollars(usage: Usage, micro_usd: int) -> None:
    ledger = Steps()
    served = await serve(run(OSLO, release(Scripted(lambda _: quoting(RATE, usage=usage)))), ledger)
    assert served.cost_micro_usd == ledger.only().cost_micro_usd == micro_usd


async def test_a_fraction_of_a_micro_dollar_is_rounded_up() -> None:
    of = release(Scripted(lambda _: quoting(RATE, usage=Usage(1, 0))))
    cheap = replace(of, prices={"extractive": Prices(1, 0)})
    assert (await serve(run(OSLO, cheap), Steps())).cost_micro_usd == 1


ANSWERED = Attempt("claude", "bedrock", "eu.claude", "eu-central-1", "answered", 7, Usage(1_000_000, 0))
CUT = Attempt("claude", "bedrock", "eu.claude", "eu-central-1", "stream_cut", 5, Usage(1_000_000, 1))
PRICED = {"claude": Prices(2_000_000, 0, 1_000_000), "extractive": Prices(3_000_000, 0)}


def hosted(*attempts: Attempt, answers: bool = True) -> Scripted:
    """A model that made these calls."""

    def script(request: ModelRequest) -> Draft:
        request.attempts.extend(attempts)
        if not answers:
            raise ModelUnavailable("none answered", fix="wait")
        return replace(quoting(RATE, usage=attempts[-1].usage), region="eu-central-1", name="claude")

    return Scripted(script)


async def test_every_attempt_is_on_record_and_paid_for() -> None:
    ledger = Steps()
    of = replace(release(hosted(CUT, ANSWERED)), prices=PRICED)
    served = await serve(run(OSLO, of), ledger)
    record = ledger.only()
    assert [one.outcome for one in record.attempts] == ["stream_cut", "answered"]
    assert (record.cost_micro_usd, record.input_tokens, record.output_tokens) == (4_000_000, 2_000_000, 1)
    assert (record.region, served.cost_micro_usd) == ("eu-central-1", 4_000_000)


async def test_a_run_that_no_model_answered_has_its_attempts_and_their_cost() -> None:
    ledger = Steps()
    of = replace(release(hosted(CUT, answers=False)), prices=PRICED)
    one = run(OSLO, of)
    await serve(one, ledger)
    assert ledger.only().reason == "unavailable"
    assert (ledger.only().cost_micro_usd, one.used) == (2_000_000, (1_000_001, 2_000_000))


async def test_what_stands_in_is_priced_as_itself() -> None:
    of = replace(release(Fallback(hosted(CUT, answers=False), Extractive())), prices=PRICED, drafter="claude")
    served = await serve(run(OSLO, of), Steps())
    assert served.model == "extractive"
    assert served.cost_micro_usd == 2_000_000 + 3 * (served.usage.input_tokens - 1_000_000)


async def test_what_the_cache_gave_has_its_own_price() -> None:
    cached = replace(ANSWERED, usage=Usage(0, 0, cache_read_tokens=1_000_000))
    served = await serve(run(OSLO, replace(release(hosted(cached)), prices=PRICED)), Steps())
    assert served.cost_micro_usd == 1_000_000


async def test_a_model_is_told_who_asks_for_the_providers_bill() -> None:
    seen: list[ModelRequest] = []

    def script(request: ModelRequest) -> Draft:
        seen.append(request)
        return quoting(RATE)

    of = release(Scripted(script))
    one = run(OSLO, of)
    await serve(one, Steps())
    assert seen[0].metadata["run"] == one.id
    assert (seen[0].metadata["app"], seen[0].metadata["release"]) == ("policy-qa", of.digest)
