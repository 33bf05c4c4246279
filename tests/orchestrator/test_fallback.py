"""A model with another behind it, and the history of a conversation."""

from collections.abc import AsyncIterator

import pytest

from proviso.errors import ModelUnavailable
from proviso.models import Extractive, Fallback, ModelRequest, Scripted
from proviso.orchestrator import serve
from proviso.types import Answer, Channel, Draft, Rendered, Screened
from tests.orchestrator.made import PASSAGES, RATE, Steps, quoting, raising, release, run, take

GONE = raising(ModelUnavailable("gone"))
REQUEST = ModelRequest(
    Rendered("", "", (), Screened("What is the per diem for Oslo?", Channel.USER), PASSAGES, "p", "0"), 100
)


class BreaksOff(Scripted):
    """A model whose stream ends in the middle."""

    async def stream(self, request: ModelRequest) -> AsyncIterator[str | Draft]:
        yield "The per"
        raise ModelUnavailable("cut")


async def test_the_second_model_answers_where_the_first_is_out_of_reach() -> None:
    ledger = Steps()
    served = await serve(run("What is the per diem for Oslo?", release(Fallback(GONE, Extractive()))), ledger)
    assert isinstance(served.outcome, Answer)
    assert (served.provider, ledger.only().provider) == ("extractive", "extractive")


async def test_the_first_model_answers_where_it_can() -> None:
    both = Fallback(Scripted(lambda _: quoting(RATE)), Extractive())
    assert (await both.converse(REQUEST)).provider == "scripted"
    assert (both.provider, both.model) == ("scripted", "scripted")


async def test_any_other_fault_of_the_first_model_is_not_covered_up() -> None:
    with pytest.raises(ZeroDivisionError):
        await Fallback(raising(ZeroDivisionError()), Extractive()).converse(REQUEST)


async def test_a_stream_that_has_not_begun_is_taken_over() -> None:
    pieces = [piece async for piece in Fallback(GONE, Extractive()).stream(REQUEST)]
    assert isinstance(pieces[-1], Draft)
    assert pieces[-1].provider == "extractive"


async def test_a_stream_that_breaks_off_is_not_patched_with_another_models_text() -> None:
    pieces: list[object] = []
    both = Fallback(BreaksOff(lambda _: quoting(RATE)), Extractive())
    with pytest.raises(ModelUnavailable):
        await take(both.stream(REQUEST), pieces)
    assert pieces == ["The per"]
