"""Bedrock's endpoint over recorded responses: what it sends, and what it gives back."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from proviso.aws import Keys, TransportFailed
from proviso.models.failure import CallFailed, Kind
from proviso.models.shapes import Call, Cited, Reasoning, SourceSpan, Text, ToolUse
from proviso.types import StopReason, Usage
from tests.models import bedrock_said as said
from tests.models import calls
from tests.models.bedrock_calls import ARN, KEYS, TEXT, converse, endpoint, failure, soon, stream
from tests.models.recorded import Recording

# --- what is sent ---------------------------------------------------------------------------------


async def test_an_arn_is_encoded_once_on_the_wire() -> None:
    there, transport = endpoint(said.whole({"text": TEXT}))
    await there.converse(calls.PLAIN, soon())
    quoted = ARN.replace(":", "%3A").replace("/", "%2F")
    assert transport.sent[0].path == f"/model/{quoted}/converse"


async def test_a_request_is_signed_for_bedrock_in_its_region() -> None:
    there, transport = endpoint(said.whole({"text": TEXT}))
    await there.converse(calls.PLAIN, soon())
    scope = "Credential=AKIDEXAMPLE/20260101/eu-central-1/bedrock/aws4_request"
    assert scope in transport.sent[0].headers["Authorization"]


async def test_a_call_waits_no_longer_than_its_deadline() -> None:
    there, transport = endpoint(said.whole({"text": TEXT}))
    await there.converse(calls.PLAIN, soon(2.0))
    patience = transport.patience[0]
    assert max(patience.connect, patience.head, patience.idle, patience.whole or 99) <= 2.0


async def test_a_call_past_its_deadline_is_not_sent() -> None:
    there, transport = endpoint(said.whole({"text": TEXT}))
    with pytest.raises(CallFailed) as failed:
        await there.converse(calls.PLAIN, soon(-1))
    assert (failed.value.kind, failed.value.usage, transport.sent) == (Kind.BUSY, Usage(), [])


async def test_tokens_are_counted() -> None:
    there, transport = endpoint(Recording((b'{"inputTokens": 17}',)))
    assert await there.count_tokens(calls.FULL, soon()) == 17
    assert transport.sent[0].path.endswith("/count-tokens")
    assert list(json.loads(transport.sent[0].body)["input"]) == ["converse"]


# --- credentials ----------------------------------------------------------------------------------

EXPIRED = said.refused(403, "ExpiredTokenException", "The security token included in the request is expired")


async def test_expired_credentials_are_renewed_once() -> None:
    newer = Keys("AKIDNEWER", "secret")
    there, transport = endpoint(EXPIRED, said.whole({"text": TEXT}), keys=(KEYS, newer))
    assert (await there.converse(calls.PLAIN, soon())).text == TEXT
    assert "AKIDNEWER" in transport.sent[1].headers["Authorization"]


@pytest.mark.parametrize("keys", [(KEYS,), (KEYS, Keys("AKIDNEWER", "secret"))])
async def test_credentials_that_stay_expired_are_a_failure(keys: Sequence[Keys]) -> None:
    there, transport = endpoint(EXPIRED, keys=keys)
    with pytest.raises(CallFailed) as failed:
        await there.converse(calls.PLAIN, soon())
    assert (failed.value.kind, len(transport.sent)) == (Kind.EXPIRED, len(keys))


async def test_without_credentials_nothing_is_sent() -> None:
    there, transport = endpoint(said.whole({"text": TEXT}), keys=(None,))
    with pytest.raises(CallFailed) as failed:
        await there.converse(calls.PLAIN, soon())
    assert (failed.value.kind, transport.sent) == (Kind.NO_CREDENTIALS, [])


# --- replies --------------------------------------------------------------------------------------


async def test_a_stream_is_its_reply_in_pieces() -> None:
    pieces, reply = await stream(*said.turn(*said.texts(*said.WORDS)))
    assert (pieces, reply.text) == (list(said.WORDS), TEXT)
    assert (reply.stop, reply.usage, reply.request_id) == (StopReason.END, Usage(9, 5, 4), "r1")


SAME: dict[str, tuple[Call, list[dict[str, Any]], tuple[bytes, ...], str]] = {
    "text": (calls.PLAIN, [{"text": TEXT}], said.texts(*said.WORDS), "end_turn"),
    "cited": (
        calls.PLAIN,
        [{"citationsContent": {"content": [{"text": TEXT}], "citations": [said.CITATION]}}],
        (*said.texts(*said.WORDS), said.delta(citation=said.CITATION)),
        "end_turn",
    ),
    "reasoning": (
        calls.PLAIN,
        [
            {"reasoningContent": {"reasoningText": {"text": "Let me see.", "signature": "c2ln"}}},
            {"reasoningContent": {"redactedContent": "AAE="}},
            {"text": TEXT},
        ],
        (
            said.delta(0, reasoningContent={"text": "Let me "}),
            said.delta(0, reasoningContent={"text": "see."}),
            said.delta(0, reasoningContent={"signature": "c2ln"}),
            said.delta(1, reasoningContent={"redactedContent": "AAE="}),
            *[said.delta(2, text=word) for word in said.WORDS],
        ),
        "end_turn",
    ),
    "tool": (
        calls.TOOLED,
        [{"text": TEXT}, {"toolUse": {"toolUseId": "t1", "name": "look_up", "input": {"city": "Oslo"}}}],
        (*said.texts(*said.WORDS), *said.tool('{"city": "Oslo"}', index=1)),
        "tool_use",
    ),
    "a tool without input": (
        calls.TOOLED,
        [{"toolUse": {"toolUseId": "t1", "name": "look_up", "input": {}}}],
        said.tool(""),
        "tool_use",
    ),
    "cut short": (calls.PLAIN, [{"text": TEXT}], said.texts(*said.WORDS), "max_tokens"),
    "unknown stop": (calls.PLAIN, [{"text": TEXT}], said.texts(*said.WORDS), "paused"),
}


@pytest.mark.parametrize(("call", "content", "frames", "stop"), list(SAME.values()), ids=list(SAME))
async def test_a_stream_and_a_whole_reply_are_the_same(
    call: Call, content: list[dict[str, Any]], frames: tuple[bytes, ...], stop: str
) -> None:
    whole = await converse(said.whole(*content, stop=stop), call)
    pieces, streamed = await stream(*said.turn(*frames, stop=stop), call=call)
    assert streamed == whole
    assert "".join(pieces) == whole.text


@settings(deadline=None, max_examples=40)
@given(cuts=st.lists(st.integers(0, 900), max_size=8))
async def test_it_does_not_matter_how_a_stream_is_split(cuts: list[int]) -> None:
    content = b"".join(said.turn(*said.texts(*said.WORDS)))
    places = [0, *sorted({min(cut, len(content)) for cut in cuts}), len(content)]
    pieces, reply = await stream(*[content[a:b] for a, b in pairwise(places)])
    assert "".join(pieces) == reply.text == TEXT
    assert all(pieces)


async def test_events_of_other_kinds_are_skipped() -> None:
    news = (said.frame("somethingNew", a=1), said.delta(0, somethingNew={"a": 1}))
    _, reply = await stream(*said.turn(*news, *said.texts(*said.WORDS)))
    assert reply.content == (Text(TEXT),)


async def test_a_tool_call_that_the_limit_cut_off_is_left_out() -> None:
    frames = said.turn(*said.texts(*said.WORDS), *said.tool('{"city": "Os', index=1), stop="max_tokens")
    _, reply = await stream(*frames, call=calls.TOOLED)
    assert (reply.content, reply.stop) == ((Text(TEXT),), StopReason.MAX_TOKENS)


async def test_what_comes_after_the_whole_reply_does_not_matter() -> None:
    lost = TransportFailed("the connection was reset", sent=True)
    pieces, reply = await stream(*said.turn(*said.texts(*said.WORDS)), lost)
    assert "".join(pieces) == reply.text == TEXT


async def test_a_reply_of_all_kinds_of_blocks_is_read() -> None:
    _, _, frames, _ = SAME["reasoning"]
    _, reply = await stream(*said.turn(*frames, said.delta(2, citation=said.CITATION)))
    assert reply.content == (
        Reasoning("Let me see.", "c2ln"),
        Reasoning(redacted=b"\x00\x01"),
        Cited(TEXT, (SourceSpan(0, 4, 11, "char", "Rates", "180 EUR"),)),
    )


async def test_tool_input_is_json_as_the_model_wrote_it() -> None:
    _, reply = await stream(*said.turn(*said.tool('{"a":"\\u00e9"}'), stop="tool_use"), call=calls.TOOLED)
    assert reply.content == (ToolUse("t1", "look_up", Raw(b'{"a":"\\u00e9"}')),)


# --- guardrails -----------------------------------------------------------------------------------


async def test_a_guarded_reply_says_so() -> None:
    reply = await converse(said.whole({"text": TEXT}, trace=said.TRACE), calls.GUARDED)
    assert (reply.guarded, reply.intervened) == (True, False)


async def test_an_intervention_is_a_reply_that_says_so() -> None:
    reply = await converse(
        said.whole({"text": "No."}, stop="guardrail_intervened", trace=said.TRACE), calls.GUARDED
    )
    assert (reply.stop, reply.intervened) == (StopReason.GUARDRAIL, True)


async def test_a_guardrail_without_a_trace_is_a_failure() -> None:
    failed = await failure(said.whole({"text": TEXT}), calls.GUARDED)
    assert (failed.kind, failed.usage) == (Kind.UNGUARDED, Usage(9, 5, 4))


async def test_no_text_leaves_a_stream_before_its_guardrail_was_ever_seen() -> None:
    unguarded = said.streamed(*said.turn(*said.texts(*said.WORDS)))
    reading = endpoint(unguarded)[0].stream(calls.GUARDED, soon())
    with pytest.raises(CallFailed) as failed:
        await anext(reading)
    assert failed.value.kind is Kind.UNGUARDED


async def test_text_leaves_a_stream_at_once_where_its_guardrail_was_seen() -> None:
    there, _ = endpoint(said.streamed(*said.turn(*said.texts(*said.WORDS), trace=said.TRACE)))
    first = [item async for item in there.stream(calls.GUARDED, soon())]
    later = [item async for item in there.stream(calls.GUARDED, soon())]
    assert [len(first), len(later)] == [2, len(said.WORDS) + 1]
    assert first[-1] == later[-1]
