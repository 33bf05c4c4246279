"""A call goes out as botocore would send it, and a reply is read as botocore reads it."""

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from proviso.models.converse import converse_body, count_body, request_metadata
from proviso.models.converse_reply import read_converse, read_count
from proviso.models.failure import CallFailed, Kind
from proviso.models.shapes import (
    Block,
    Call,
    Cited,
    File,
    Message,
    Reasoning,
    SourceSpan,
    Text,
    ToolResult,
    ToolUse,
)
from proviso.types import StopReason, Usage
from tests.models import calls
from tests.models.bedrock_shapes import Shapes


@pytest.fixture(scope="module")
def shapes() -> Shapes:
    return Shapes()


def test_a_body_is_what_botocore_sends(shapes: Shapes) -> None:
    sent = json.loads(converse_body(calls.FULL))
    assert sent == shapes.body("Converse", calls.FULL_PARAMS)


def test_a_streamed_body_is_what_botocore_sends(shapes: Shapes) -> None:
    guard = calls.FULL_PARAMS["guardrailConfig"] | {"streamProcessingMode": "sync"}
    sent = json.loads(converse_body(calls.FULL, stream=True))
    assert sent == shapes.body("ConverseStream", calls.FULL_PARAMS | {"guardrailConfig": guard})


def test_a_body_to_count_is_what_botocore_sends(shapes: Shapes) -> None:
    names = ("messages", "system", "toolConfig", "additionalModelRequestFields")
    counted = {name: calls.FULL_PARAMS[name] for name in names}
    sent = shapes.body("CountTokens", {"input": {"converse": counted}})
    assert json.loads(count_body(calls.FULL)) == sent


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
BLOCKS: st.SearchStrategy[Block] = st.one_of(
    st.builds(Text, WORDS, st.booleans()),
    st.builds(File, st.sampled_from(["pdf", "md"]), WORDS.filter(bool), st.binary(min_size=1), st.booleans()),
    st.builds(
        ToolUse, st.just("t1"), st.just("look_up"), WORDS.map(lambda w: Raw(json.dumps({"a": w}).encode()))
    ),
    st.builds(ToolResult, st.just("t1"), WORDS, st.none(), st.booleans()),
    st.builds(Reasoning, WORDS, WORDS),
    st.builds(
        Cited,
        WORDS,
        st.tuples(
            st.builds(
                SourceSpan,
                st.just(0),
                st.just(1),
                st.just(2),
                st.sampled_from(["char", "page", "chunk"]),
                WORDS,
            )
        ),
    ),
)
TURNS = st.builds(Message, st.sampled_from(["user", "assistant"]), st.lists(BLOCKS, min_size=1).map(tuple))


@settings(deadline=None, max_examples=60)
@given(turns=st.lists(TURNS, min_size=1, max_size=4), metadata=st.dictionaries(st.just("app"), WORDS))
def test_any_call_is_valid_and_would_be_sent_the_same(
    shapes: Shapes, turns: list[Message], metadata: dict[str, str]
) -> None:
    body = converse_body(Call(tuple(turns), 5, metadata=metadata, tools=(calls.LOOK_UP,)))
    assert shapes.body("Converse", shapes.params("Converse", body)) == json.loads(body)


@pytest.mark.parametrize(("choice", "sent"), [("auto", {"auto": {}}), ("any", {"any": {}})])
def test_a_tool_choice_is_sent(choice: str, sent: dict[str, Any]) -> None:
    body = json.loads(converse_body(replace(calls.TOOLED, tool_choice=choice)))
    assert body["toolConfig"]["toolChoice"] == sent


def test_tools_that_must_not_be_called_are_left_out_where_none_was_called() -> None:
    assert "toolConfig" not in json.loads(converse_body(replace(calls.TOOLED, tool_choice="none")))


def test_tools_that_must_not_be_called_are_named_where_one_was_called() -> None:
    body = json.loads(converse_body(replace(calls.FULL, tool_choice="none")))
    assert list(body["toolConfig"]) == ["tools"]


@pytest.mark.parametrize(
    "metadata", [{f"k{n}": "v" for n in range(17)}, {"": "v"}, {"käse": "v"}, {"k" * 257: "v"}]
)
def test_metadata_that_cannot_be_sent_is_refused(metadata: dict[str, str]) -> None:
    with pytest.raises(CallFailed) as failed:
        request_metadata(metadata)
    assert failed.value.kind is Kind.INVALID


def test_values_of_metadata_are_cleaned() -> None:
    assert request_metadata({"a": "é\n{}", "b": "x" * 300}) == {"a": "____", "b": "x" * 256}


@pytest.mark.parametrize(
    "call",
    [
        Call(calls.asked("half a \ud83d character"), 5),
        Call((Message("assistant", (Cited("a", (SourceSpan(0, 0, 1, "line"),)),)),), 5),
    ],
)
def test_a_call_that_cannot_be_written_is_invalid(call: Call) -> None:
    with pytest.raises(CallFailed) as failed:
        converse_body(call)
    assert failed.value.kind is Kind.INVALID


# --- replies --------------------------------------------------------------------------------------

REPLY: dict[str, Any] = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
                {"reasoningContent": {"redactedContent": "AAE="}},
                {"text": "The rate is "},
                {
                    "citationsContent": {
                        "content": [{"text": "180 EUR."}],
                        "citations": [
                            {
                                "title": "Rates",
                                "source": "rates",
                                "sourceContent": [{"text": "180 EUR"}],
                                "location": {"documentChar": {"documentIndex": 0, "start": 4, "end": 11}},
                            },
                            {"title": "Web", "location": {"web": {"url": "https://example.org"}}},
                        ],
                    }
                },
                {"somethingNew": {"a": 1}},
                {"toolUse": {"toolUseId": "t1", "name": "look_up", "input": {"city": "Oslo"}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": {
        "inputTokens": 9,
        "outputTokens": 5,
        "totalTokens": 21,
        "cacheReadInputTokens": 4,
        "cacheWriteInputTokens": 3,
    },
    "metrics": {"latencyMs": 321},
    "serviceTier": {"type": "flex"},
    "trace": {"guardrail": {"inputAssessment": {"gr1": {"wordPolicy": {"customWords": []}}}}},
}


def as_body(**changed: Any) -> bytes:
    return json.dumps(REPLY | changed).encode()


def test_a_reply_is_read() -> None:
    reply = read_converse(as_body(), request_id="r1")
    assert reply.content == (
        Reasoning("Hm.", "c2ln"),
        Reasoning(redacted=b"\x00\x01"),
        Text("The rate is "),
        Cited("180 EUR.", (SourceSpan(0, 4, 11, "char", "Rates", "180 EUR"),)),
        ToolUse("t1", "look_up", Raw(b'{"city": "Oslo"}')),
    )
    assert (reply.stop, reply.usage) == (StopReason.TOOL_USE, Usage(9, 5, 4, 3))
    assert (reply.latency_ms, reply.request_id, reply.tier) == (321, "r1", "flex")


def test_botocore_reads_the_same(shapes: Shapes) -> None:
    theirs, ours = shapes.reply("Converse", as_body()), read_converse(as_body())
    content = theirs["output"]["message"]["content"]
    assert content[1]["reasoningContent"]["redactedContent"] == b"\x00\x01"
    assert content[5]["toolUse"]["input"] == msgspec.json.decode(ours.content[4].input)  # type: ignore[union-attr]  # a ToolUse, as the test above says
    counts = theirs["usage"]
    assert ours.usage.tokens == counts["totalTokens"]
    assert (ours.raw_stop, ours.latency_ms) == (theirs["stopReason"], theirs["metrics"]["latencyMs"])


def test_every_stop_reason_of_the_service_model_is_known(shapes: Shapes) -> None:
    known = {read_converse(as_body(stopReason=reason)).stop for reason in shapes.enum("StopReason")}
    assert known == set(StopReason) - {StopReason.NO_EVIDENCE, StopReason.UNKNOWN}


@pytest.mark.parametrize("reason", ["", "END_TURN", "pause_turn"])
def test_a_stop_reason_that_is_not_known_is_no_end(reason: str) -> None:
    assert read_converse(as_body(stopReason=reason)).stop is StopReason.UNKNOWN


@pytest.mark.parametrize("trace", [{}, {"guardrail": {}}, {"promptRouter": {"invokedModelId": "a"}}])
def test_without_a_guardrails_trace_a_reply_is_not_guarded(trace: dict[str, Any]) -> None:
    assert not read_converse(as_body(trace=trace)).guarded


@pytest.mark.parametrize(
    ("found", "acted"),
    [
        ({"match": "BLOCKED", "action": "NONE"}, False),
        ({"match": '"action":"BLOCKED"', "action": "NONE"}, False),
        ({"match": "x", "action": "ANONYMIZED"}, True),
        ({"match": "x", "action": "BLOCKED"}, True),
    ],
)
def test_a_reply_says_whether_the_guardrail_acted(found: dict[str, str], *, acted: bool) -> None:
    trace = {"guardrail": {"outputAssessments": {"gr1": [{"wordPolicy": {"customWords": [found]}}]}}}
    reply = read_converse(as_body(trace=trace))
    assert (reply.guarded, reply.intervened) == (True, acted)


BROKEN = {
    "html": b"<html>Gateway</html>",
    "empty": b"",
    "cut": as_body()[:-9],
    "no usage": json.dumps({key: REPLY[key] for key in REPLY if key != "usage"}).encode(),
    "negative": as_body(usage={"inputTokens": -1, "outputTokens": 0, "totalTokens": 0}),
    "beyond all records": as_body(usage={"inputTokens": 2**53, "outputTokens": 0, "totalTokens": 2**53}),
    "no content": as_body(output={}),
    "not UTF-8": as_body().replace(b"Rates", b"R\xfftes"),
    "half a character": as_body().replace(b'"180 EUR."', b'"\\ud83d"'),
    "deep": b'{"output":' + b"[" * 100_000,
}


@pytest.mark.parametrize("body", list(BROKEN.values()), ids=list(BROKEN))
def test_a_body_that_is_no_reply_is_garbled(body: bytes) -> None:
    with pytest.raises(CallFailed) as failed:
        read_converse(body)
    assert failed.value.kind is Kind.GARBLED


@settings(deadline=None, max_examples=100)
@given(body=st.binary(max_size=200), place=st.integers(0, 900))
def test_no_body_does_anything_but_fail_or_be_read(body: bytes, place: int) -> None:
    whole = as_body()
    for hostile in (body, whole[:place] + body + whole[place:]):
        with suppress(CallFailed):
            read_converse(hostile)


def test_counted_tokens_are_read() -> None:
    assert read_count(b'{"inputTokens": 17}') == 17
