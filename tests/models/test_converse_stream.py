"""A stream's events make the reply that botocore would read out of them, and at little cost."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.aws import EventStream
from proviso.models.converse_stream import ConverseStream
from proviso.models.shapes import Cited, Reasoning, ToolUse
from tests.models import bedrock_said as said
from tests.models.bedrock_shapes import Shapes

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
PIECES = st.lists(WORDS, max_size=6)


@pytest.fixture(scope="module")
def shapes() -> Shapes:
    return Shapes()


def taken(content: bytes) -> tuple[str, ConverseStream]:
    taking = ConverseStream()
    text = "".join([taking.take(event.name, event.payload) for event in EventStream().feed(content)])
    return text, taking


def deltas(events: list[dict[str, Any]], kind: str) -> list[Any]:
    found = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    return [delta[kind] for delta in found if kind in delta]


@settings(deadline=None, max_examples=60)
@given(thoughts=PIECES, words=PIECES, inputs=st.dictionaries(WORDS, WORDS, max_size=3))
def test_botocore_reads_the_same_out_of_a_stream(
    shapes: Shapes, thoughts: list[str], words: list[str], inputs: dict[str, str]
) -> None:
    frames = (
        *[said.delta(0, reasoningContent={"text": thought}) for thought in thoughts],
        *[said.delta(1, text=word) for word in words],
        said.delta(1, citation=said.CITATION),
        *said.tool(json.dumps(inputs), index=2),
    )
    content = b"".join(said.turn(*frames, stop="tool_use"))
    theirs = shapes.events(content)
    text, taking = taken(content)
    reply = taking.reply()
    assert text == reply.text == "".join(deltas(theirs, "text"))
    thought = "".join([block.text for block in reply.content if isinstance(block, Reasoning)])
    assert thought == "".join([part["text"] for part in deltas(theirs, "reasoningContent")])
    use = reply.content[-1]
    assert isinstance(use, ToolUse)
    assert bytes(use.input).decode() == "".join([part["input"] for part in deltas(theirs, "toolUse")])
    assert theirs[-1]["metadata"]["usage"]["inputTokens"] == reply.usage.input_tokens


def test_words_with_a_citation_are_cited() -> None:
    _, taking = taken(b"".join(said.turn(*said.texts("a", "b"), said.delta(citation=said.CITATION))))
    assert [block.text for block in taking.reply().content if isinstance(block, Cited)] == ["ab"]


def test_a_hundred_events_cost_little() -> None:
    content = b"".join(said.turn(*[said.delta(text="word ") for _ in range(97)]))
    events = EventStream().feed(content)
    spent = []
    for _ in range(50):
        began = time.process_time()
        taking = ConverseStream()
        for event in events:
            taking.take(event.name, event.payload)
        taking.reply()
        spent.append(time.process_time() - began)
    assert (len(events), min(spent) < 250e-6) == (100, True)
