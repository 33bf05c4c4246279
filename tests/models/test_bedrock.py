"""Bedrock's endpoint over recorded responses: what it sends, what it gives back, and what each failure is."""

import asyncio
import json
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from bedrock_simulator import event_stream
from proviso.aws import Keys, TimedOut, TransportFailed
from proviso.models.bedrock import BedrockEndpoint
from proviso.models.endpoint import Target
from proviso.models.failure import CallFailed, Kind
from proviso.models.shapes import Call, Cited, Reasoning, Reply, SourceSpan, Text, ToolUse
from proviso.types import StopReason, Usage
from tests.models import bedrock_said as said
from tests.models import calls
from tests.models.recorded import Part, Recorded, Recording, Ring

ARN = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc123"
TARGET = Target("small", "bedrock", ARN, "eu-central-1", "https://bedrock-runtime.eu-central-1.amazonaws.com")
KEYS = Keys("AKIDEXAMPLE", "secret")
TEXT = "".join(said.WORDS)


def endpoint(
    *recordings: Recording, keys: Sequence[Keys | None] = (KEYS,)
) -> tuple[BedrockEndpoint, Recorded]:
    transport = Recorded(*recordings)
    return BedrockEndpoint(TARGET, transport, Ring(*keys), now=lambda: 1_767_225_600.0), transport


def soon(seconds: float = 30.0) -> float:
    return time.monotonic() + seconds


async def converse(recording: Recording, call: Call = calls.PLAIN) -> Reply:
    return await endpoint(recording)[0].converse(call, soon())


async def stream(*parts: Part, call: Call = calls.PLAIN) -> tuple[list[str], Reply]:
    *pieces, reply = [item async for item in endpoint(said.streamed(*parts))[0].stream(call, soon())]
    assert isinstance(reply, Reply)
    return [str(piece) for piece in pieces], reply


async def failure(recording: Recording, call: Call = calls.PLAIN) -> CallFailed:
    with pytest.raises(CallFailed) as failed:
        await converse(recording, call)
    return failed.value


async def stream_failure(*parts: Part, call: Call = calls.PLAIN) -> CallFailed:
    with pytest.raises(CallFailed) as failed:
        await stream(*parts, call=call)
    return failed.value


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


# --- failures -------------------------------------------------------------------------------------

REFUSED = [
    (429, "ThrottlingException", "Too many requests", Kind.THROTTLED),
    (429, "ThrottlingException", "Too many tokens per day", Kind.QUOTA),
    (400, "ServiceQuotaExceededException", "", Kind.QUOTA),
    (429, "ModelNotReadyException", "", Kind.NOT_READY),
    (503, "ServiceUnavailableException", "", Kind.UNAVAILABLE),
    (500, "InternalServerException", "", Kind.INTERNAL),
    (408, "ModelTimeoutException", "", Kind.MODEL_TIMEOUT),
    (424, "ModelErrorException", "", Kind.MODEL_ERROR),
    (403, "AccessDeniedException", "", Kind.DENIED),
    (403, "AccessDeniedException", "Bearer Token has expired", Kind.EXPIRED),
    (403, "UnrecognizedClientException", "", Kind.DENIED),
    (403, "InvalidSignatureException", "", Kind.DENIED),
    (404, "ResourceNotFoundException", "", Kind.NOT_FOUND),
    (400, "ValidationException", "", Kind.INVALID),
    (400, "ValidationException", "The provided model identifier is invalid.", Kind.NOT_FOUND),
    (418, "", "", Kind.INVALID),
    (599, "NewException", "", Kind.INTERNAL),
    (307, "", "", Kind.GARBLED),
]


@pytest.mark.parametrize(("status", "code", "message", "kind"), REFUSED)
async def test_an_error_is_known_by_its_type(status: int, code: str, message: str, kind: Kind) -> None:
    assert (await failure(said.refused(status, code, message))).kind is kind


async def test_a_stream_that_is_refused_fails_the_same() -> None:
    there, _ = endpoint(said.refused(429, "ThrottlingException"))
    with pytest.raises(CallFailed) as failed:
        _ = [item async for item in there.stream(calls.PLAIN, soon())]
    assert failed.value.kind is Kind.THROTTLED


@pytest.mark.parametrize(
    "body",
    [b'{"__type":"aws.bedrock#ThrottlingException","Message":"no"}', b'{"code":"ThrottlingException"}'],
)
async def test_an_error_may_be_named_in_its_body(body: bytes) -> None:
    assert (await failure(Recording((body,), 400))).kind is Kind.THROTTLED


@pytest.mark.parametrize("body", [b"<html>secret</html>", b"", b"[]", b"\xff", b"null"])
@pytest.mark.parametrize(("status", "kind"), [(502, Kind.UNAVAILABLE), (504, Kind.SLOW), (403, Kind.DENIED)])
async def test_a_page_of_a_proxy_is_known_by_its_status(body: bytes, status: int, kind: Kind) -> None:
    failed = await failure(Recording((body,), status))
    assert failed.kind is kind
    assert "secret" not in failed.message


@pytest.mark.parametrize(
    ("header", "value", "seconds"),
    [
        ("x_amz_retry_after", "1500", 1.5),
        ("Retry_After", "2", 2.0),
        ("Retry_After", "Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Retry_After", "-5", None),
        ("Retry_After", "soon", None),
        ("Retry_After", "nan", None),
    ],
)
async def test_when_to_come_back_is_passed_on(header: str, value: str, seconds: float | None) -> None:
    failed = await failure(said.refused(429, "ThrottlingException", **{header: value}))
    assert failed.retry_after_s == seconds


async def test_what_a_message_quotes_is_not_passed_on() -> None:
    message = (
        "1 validation error detected: Value 'my card is 4111' at 'messages' failed to satisfy constraint"
    )
    failed = await failure(said.refused(400, "ValidationException", message))
    assert "4111" not in str(failed)
    assert "at 'messages'" in str(failed)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TransportFailed("refused", sent=False), Kind.CONNECT),
        (TimedOut("no connection", sent=False), Kind.CONNECT),
        (TransportFailed("reset", sent=True), Kind.LOST),
        (TimedOut("silent", sent=True), Kind.SLOW),
    ],
)
async def test_a_request_that_gets_no_head_fails(error: TransportFailed, kind: Kind) -> None:
    assert (await failure(Recording(refused=error))).kind is kind


WHOLE_FAULTS = [
    (said.whole(), Kind.EMPTY),
    (said.whole({"text": " \n"}), Kind.EMPTY),
    (said.whole({"text": TEXT}, stop="malformed_model_output"), Kind.MALFORMED),
    (said.whole({"text": TEXT}, stop="malformed_tool_use"), Kind.MALFORMED),
    (said.whole({"text": TEXT}, stop="tool_use"), Kind.MALFORMED),
    (Recording((b"<html>",)), Kind.GARBLED),
    (Recording((b'{"output', TransportFailed("reset", sent=True))), Kind.LOST),
    (Recording((b'{"output', TimedOut("silent", sent=True))), Kind.SLOW),
]


@pytest.mark.parametrize(("recording", "kind"), WHOLE_FAULTS)
async def test_a_reply_that_is_none_fails(recording: Recording, kind: Kind) -> None:
    assert (await failure(recording)).kind is kind


def exception(name: str) -> bytes:
    return event_stream.exception(name, b'{"message": "no"}')


ERROR = event_stream.frame(((":message-type", "error"), (":error-code", "InternalFailure")), b"")
BEGUN = (said.frame("messageStart", role="assistant"), *said.texts(*said.WORDS))
DAMAGED = BEGUN[1][:-1] + bytes([BEGUN[1][-1] ^ 1])
STREAM_FAULTS: dict[str, tuple[tuple[Part, ...], Kind]] = {
    "throttled": ((*BEGUN, exception("throttlingException")), Kind.THROTTLED),
    "internal": ((*BEGUN, exception("internalServerException")), Kind.INTERNAL),
    "unavailable": ((*BEGUN, exception("serviceUnavailableException")), Kind.UNAVAILABLE),
    "model error": ((*BEGUN, exception("modelStreamErrorException")), Kind.MODEL_ERROR),
    "validation": ((*BEGUN, exception("validationException")), Kind.INVALID),
    "new exception": ((*BEGUN, exception("newException")), Kind.INTERNAL),
    "error frame": ((*BEGUN, ERROR), Kind.INTERNAL),
    "nothing": ((), Kind.CUT),
    "no stop": (BEGUN, Kind.CUT),
    "no stop but usage": ((*BEGUN, said.metadata()), Kind.CUT),
    "no usage": ((*BEGUN, said.frame("messageStop", stopReason="end_turn")), Kind.GARBLED),
    "inside a frame": ((*BEGUN, said.ending()[0][:-3]), Kind.CUT),
    "reset": ((*BEGUN, TransportFailed("reset", sent=True)), Kind.CUT),
    "silent": ((*BEGUN, TimedOut("silent", sent=True)), Kind.SLOW),
    "damaged": ((DAMAGED, *BEGUN), Kind.GARBLED),
    "damaged at the end": ((*BEGUN, DAMAGED), Kind.GARBLED),
    "garbage": ((b"<html>" * 9,), Kind.GARBLED),
    "half an event": ((event_stream.event("contentBlockDelta", b'{"delta":{"te'),), Kind.GARBLED),
    "half a character": (
        (event_stream.event("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"\xf0\x9f"}}'),),
        Kind.GARBLED,
    ),
    "out of order": ((said.delta(1, text="a"), said.delta(0, text="b")), Kind.GARBLED),
    "two stops": ((*BEGUN, said.ending()[0], *said.ending()), Kind.GARBLED),
    "text after the stop": ((*BEGUN, said.ending()[0], *BEGUN), Kind.GARBLED),
    "empty": (said.turn(), Kind.EMPTY),
    "blank": (said.turn(*said.texts(" ")), Kind.EMPTY),
    "malformed": (said.turn(*said.texts("a"), stop="malformed_model_output"), Kind.MALFORMED),
    "malformed tool": (said.turn(*said.texts("a"), stop="malformed_tool_use"), Kind.MALFORMED),
    "broken input": (said.turn(*said.tool('{"city": "Os'), stop="tool_use"), Kind.MALFORMED),
    "input that is a list": (said.turn(*said.tool("[1]"), stop="tool_use"), Kind.MALFORMED),
}


@pytest.mark.parametrize(("parts", "kind"), list(STREAM_FAULTS.values()), ids=list(STREAM_FAULTS))
async def test_a_stream_that_is_not_whole_fails(parts: tuple[Part, ...], kind: Kind) -> None:
    assert (await stream_failure(*parts, call=calls.TOOLED)).kind is kind


async def test_a_stream_that_is_none_is_garbled() -> None:
    there, _ = endpoint(Recording((b"{}",), headers={"Content-Type": "text/html"}))
    with pytest.raises(CallFailed) as failed:
        _ = [item async for item in there.stream(calls.PLAIN, soon())]
    assert failed.value.kind is Kind.GARBLED


async def test_a_failure_after_the_usage_tells_of_it() -> None:
    failed = await stream_failure(*BEGUN, said.metadata(), exception("internalServerException"))
    assert failed.usage == Usage(9, 5, 4)


async def test_a_tool_that_must_not_be_called_is_a_failure() -> None:
    call = replace(calls.TOOLED, tool_choice="none")
    failed = await stream_failure(*said.turn(*said.tool("{}"), stop="tool_use"), call=call)
    assert failed.kind is Kind.MALFORMED


@settings(deadline=None, max_examples=100)
@given(place=st.integers(0, 900), noise=st.binary(max_size=30), ends=st.booleans())
async def test_a_damaged_stream_fails_or_is_whole(place: int, noise: bytes, *, ends: bool) -> None:
    content = b"".join(said.turn(*said.texts(*said.WORDS)))
    damaged = content[:place] + noise + (b"" if ends else content[place:])
    try:
        _, reply = await stream(damaged)
    except CallFailed:
        return
    assert reply.text == TEXT


# --- cancellation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("streaming", [False, True])
async def test_cancellation_closes_the_connection(*, streaming: bool) -> None:
    there, transport = endpoint(said.streamed(said.texts("a")[0], asyncio.Event()))

    async def call() -> None:
        if streaming:
            _ = [item async for item in there.stream(calls.PLAIN, soon())]
        else:
            await there.converse(calls.PLAIN, soon())

    task = asyncio.create_task(call())
    await transport.silent.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert transport.cut == 1


async def test_a_stream_that_nobody_reads_on_closes_its_connection() -> None:
    there, transport = endpoint(said.streamed(*said.turn(*said.texts(*said.WORDS))))
    reading = there.stream(calls.PLAIN, soon())
    assert await anext(reading) == said.WORDS[0]
    await reading.aclose()  # type: ignore[attr-defined]  # it is a generator
    assert transport.cut == 1
