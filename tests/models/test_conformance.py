"""Every model keeps the protocol: whole and streamed drafts agree, spans are true, nothing is made up."""

import asyncio
import re
from collections.abc import Callable

import pytest

from proviso.models import (
    Bucket,
    Circuit,
    Extractive,
    Hosted,
    Model,
    ModelRequest,
    Place,
    Scripted,
    ScriptedEndpoint,
)
from proviso.models.shapes import Call, Cited, Reply, SourceSpan, Text
from proviso.types import Draft, DraftCitation, StopReason, Usage
from tests.models.hosting import target
from tests.models.made import ask, passage

PASSAGES = (
    passage(1, "Hotels", "The rate for a hotel in Oslo is 180 EUR a night. Breakfast is not part of it."),
    passage(2, "Claims", "Send each claim within 30 days."),
)


def echo(request: ModelRequest) -> Draft:
    text = f"{request.rendered.passages[0].text} [1]"
    citation = DraftCitation(0, len(text) - 4, 1, 0, len(text) - 4)
    return Draft(text, (citation,), StopReason.END, Usage(1, 1), "scripted", "scripted")


def quoting(call: Call) -> Reply:
    """What a model says that quotes the passage which the question is about."""
    (question,) = call.messages[-1].content
    assert isinstance(question, Text)
    town = re.search(r"town(\d+)", question.text)
    text = f"The hotel rate in town{town[1]} is {town[1]} EUR a night." if town else PASSAGES[0].text
    quote = SourceSpan(0, 0, len(text), quote=text)
    return Reply((Cited(text, (quote,)), Text(" [1]")), StopReason.END, Usage(1, 1))


def hosted() -> Hosted:
    endpoint = ScriptedEndpoint(target(), [quoting])
    return Hosted([Place(endpoint, Bucket(), Circuit())])


MODELS: dict[str, Callable[[], Model]] = {
    "extractive": Extractive,
    "scripted": lambda: Scripted(echo),
    "hosted": hosted,
}


@pytest.fixture(params=MODELS.values(), ids=list(MODELS))
def model(request: pytest.FixtureRequest) -> Model:
    make: Callable[[], Model] = request.param
    return make()


async def test_a_stream_is_its_draft_in_pieces(model: Model) -> None:
    *pieces, draft = [item async for item in model.stream(ask("What is the rate in Oslo?", *PASSAGES))]
    assert isinstance(draft, Draft)
    assert pieces
    assert all(isinstance(piece, str) and piece for piece in pieces)
    assert "".join(str(piece) for piece in pieces) == draft.text


async def test_a_stream_and_a_whole_draft_are_the_same(model: Model) -> None:
    request = ask("What is the hotel rate in Oslo?", *PASSAGES)
    *_, streamed = [item async for item in model.stream(request)]
    assert streamed == await model.converse(request)


async def test_a_quote_stands_in_its_passage(model: Model) -> None:
    draft = await model.converse(ask("What is the hotel rate in Oslo?", *PASSAGES))
    assert draft.citations
    for citation in draft.citations:
        source = PASSAGES[citation.number - 1].text
        quoted = draft.text[citation.start : citation.end]
        assert quoted == source[citation.quote_start : citation.quote_end] != ""


async def test_a_draft_names_who_made_it(model: Model) -> None:
    draft = await model.converse(ask("What is the hotel rate in Oslo?", *PASSAGES))
    assert (draft.provider, draft.model) == (model.provider, model.model)


async def test_requests_at_the_same_time_do_not_mix(model: Model) -> None:
    rows = [passage(1, f"City {n}", f"The hotel rate in town{n} is {n} EUR a night.") for n in range(20)]
    requests = [ask(f"What is the hotel rate in town{n}?", row) for n, row in enumerate(rows)]
    drafts = await asyncio.gather(*[model.converse(request) for request in requests])
    assert [draft.text for draft in drafts] == [f"{row.text} [1]" for row in rows]
