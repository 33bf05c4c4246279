"""A model with another behind it, and the history of a conversation."""

import time
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

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


@pytest.mark.parametrize(("left", "most"), [(60.0, 59.75), (1.0, 0.951)])
async def test_the_first_model_leaves_time_for_the_second(left: float, most: float) -> None:
    due: list[float | None] = []

    def script(request: ModelRequest) -> Draft:
        due.append(request.deadline)
        return quoting(RATE)

    began = time.monotonic()
    await Fallback(Scripted(script), Extractive()).converse(replace(REQUEST, deadline=began + left))
    assert due[0] is not None
    assert began < due[0] <= began + most


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
