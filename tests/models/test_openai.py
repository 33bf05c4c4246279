"""OpenAI's endpoint over recorded responses: what it asks, what it refuses to ask, and what it reads."""

import json
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

from proviso.aws import TransportFailed
from proviso.models.chat_request import chat_body
from proviso.models.endpoint import Target
from proviso.models.failure import CallFailed, Kind
from proviso.models.openai_compatible import OpenAIEndpoint
from proviso.models.server_sent import ServerSentEvents
from proviso.models.shapes import Call, File, Image, Inference, Message, Reasoning, Reply, Text, ToolUse
from proviso.types import StopReason, Usage
from tests.models import calls
from tests.models.openai_server import USAGE
from tests.models.recorded import Part, Recorded, Recording

TARGET = Target("small", "openai", "small-1", "local", "http://127.0.0.1:1")
PLAIN_FULL = replace(
    calls.FULL,
    messages=tuple(
        replace(turn, content=tuple(block for block in turn.content if not isinstance(block, File)))
        for turn in calls.FULL.messages
    ),
    inference=Inference(0.0, 0.9, ("###",), {"top_k": 3}, "flex"),
    guard=None,
)


def endpoint(*recordings: Recording, **more: Any) -> tuple[OpenAIEndpoint, Recorded]:
    transport = Recorded(*recordings)
    return OpenAIEndpoint(TARGET, transport, "sk-test", **more), transport


def whole(message: dict[str, Any], finish: str | None = "stop", **more: Any) -> Recording:
    body = {
        "id": "c1",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": USAGE,
    }
    return Recording((json.dumps(body | more).encode(),), headers={"x-request-id": "r1"})


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    data = {"id": "c1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "usage": None}
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


LAST = f"data: {json.dumps({'choices': [], 'usage': USAGE})}\n\n".encode()
DONE = b"data: [DONE]\n\n"


async def converse(recording: Recording, call: Call = calls.PLAIN) -> Reply:
    return await endpoint(recording)[0].converse(call, time.monotonic() + 30)


async def stream(*parts: Part, call: Call = calls.PLAIN) -> tuple[str, Reply]:
    there, _ = endpoint(Recording(parts, headers={"Content-Type": "text/event-stream; charset=utf-8"}))
    *pieces, reply = [item async for item in there.stream(call, time.monotonic() + 30)]
    assert isinstance(reply, Reply)
    return "".join(map(str, pieces)), reply


async def failure(recording: Recording, call: Call = calls.PLAIN) -> CallFailed:
    with pytest.raises(CallFailed) as failed:
        await converse(recording, call)
    return failed.value


# --- what is asked --------------------------------------------------------------------------------


def test_a_full_call_is_asked_in_the_dialect() -> None:
    body = json.loads(chat_body(PLAIN_FULL, "small-1"))
    TypeAdapter(CompletionCreateParamsNonStreaming).validate_python(body)
    assert [message["role"] for message in body["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
        "tool",
    ]
    assert body["messages"][2] == {
        "role": "assistant",
        "content": "It is 180.",
        "tool_calls": [
            {"id": "t1", "type": "function", "function": {"name": "look_up", "arguments": '{"city":"Oslo"}'}},
            {"id": "t2", "type": "function", "function": {"name": "look_up", "arguments": "{}"}},
        ],
    }
    assert [message["content"] for message in body["messages"][3:]] == ['{"rate":180}', "error: no city"]


def test_settings_are_asked_in_the_dialect() -> None:
    body = json.loads(chat_body(PLAIN_FULL, "small-1", stream=True))
    names = (
        "max_tokens",
        "temperature",
        "top_p",
        "stop",
        "service_tier",
        "top_k",
        "stream",
        "stream_options",
    )
    assert {name: body[name] for name in names} == {
        "max_tokens": 400,
        "temperature": 0.0,
        "top_p": 0.9,
        "stop": ["###"],
        "service_tier": "flex",
        "top_k": 3,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert body["response_format"]["json_schema"]["schema"] == json.loads(calls.SCHEMA)


@pytest.mark.parametrize(
    ("choice", "asked"),
    [
        ("auto", "auto"),
        ("any", "required"),
        ("none", "none"),
        ("look_up", {"type": "function", "function": {"name": "look_up"}}),
    ],
)
def test_a_tool_choice_is_asked(choice: str, asked: object) -> None:
    assert json.loads(chat_body(replace(calls.TOOLED, tool_choice=choice), "m"))["tool_choice"] == asked


def test_an_image_is_asked_about() -> None:
    call = Call((Message("user", (Text("What is it?"), Image("png", b"\x89PNG"))),), 5)
    parts = json.loads(chat_body(call, "m"))["messages"][0]["content"]
    assert parts[1] == {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}}


@pytest.mark.parametrize(
    "call",
    [
        calls.GUARDED,
        Call((Message("user", (File("pdf", "rates", b"%PDF"),)),), 5),
        Call((Message("user", (Reasoning("a"),)),), 5),
        Call((Message("assistant", (Image("png", b"a"),)),), 5),
        Call(calls.asked("half a \ud83d character"), 5),
        replace(calls.PLAIN, inference=Inference(fast=True)),
        replace(calls.PLAIN, inference=Inference(tier="reserved")),
        replace(calls.PLAIN, inference=Inference(extra={"n": 2})),
        replace(calls.PLAIN, inference=Inference(extra={"max_completion_tokens": 9_999})),
        replace(calls.PLAIN, inference=Inference(extra={"messages": []})),
    ],
)
async def test_what_the_dialect_cannot_say_is_not_sent(call: Call) -> None:
    there, transport = endpoint(whole({"content": "a"}))
    with pytest.raises(CallFailed) as failed:
        await there.converse(call, time.monotonic() + 30)
    assert (failed.value.kind, transport.sent) == (Kind.INVALID, [])


async def test_metadata_goes_in_a_header() -> None:
    there, transport = endpoint(whole({"content": "a"}))
    await there.converse(replace(calls.PLAIN, metadata={"app": "Zürich"}), time.monotonic() + 30)
    assert transport.sent[0].headers["X-Request-Metadata"] == '{"app":"Z_rich"}'


async def test_a_server_says_where_it_is_and_what_it_calls_the_limit() -> None:
    there, transport = endpoint(whole({"content": "a"}), path="/api/v1/chat", limit="max_completion_tokens")
    await there.converse(calls.PLAIN, time.monotonic() + 30)
    assert transport.sent[0].path == "/api/v1/chat"
    assert json.loads(transport.sent[0].body)["max_completion_tokens"] == 300


# --- what is read ---------------------------------------------------------------------------------


async def test_a_reply_is_read() -> None:
    reply = await converse(whole({"content": "It is 180.", "reasoning_content": "Hm."}, service_tier="flex"))
    assert reply.content == (Reasoning("Hm."), Text("It is 180."))
    assert (reply.stop, reply.usage) == (StopReason.END, Usage(8, 5, 4))
    assert (reply.request_id, reply.tier) == ("r1", "flex")


@pytest.mark.parametrize(
    ("finish", "stop"),
    [
        ("stop", StopReason.END),
        ("length", StopReason.MAX_TOKENS),
        ("content_filter", StopReason.FILTERED),
        ("tool_calls", StopReason.UNKNOWN),
        ("paused", StopReason.UNKNOWN),
        (None, StopReason.UNKNOWN),
    ],
)
async def test_only_a_stop_is_an_end(finish: str | None, stop: StopReason) -> None:
    if finish == "tool_calls":
        assert (await failure(whole({"content": "a"}, finish))).kind is Kind.MALFORMED
    else:
        assert (await converse(whole({"content": "a"}, finish))).stop is stop


async def test_a_stop_sequence_is_no_end_where_the_server_tells() -> None:
    choice = {"index": 0, "message": {"content": "a"}, "finish_reason": "stop", "stop_reason": "###"}
    call = replace(calls.PLAIN, inference=Inference(stop_sequences=("###",)))
    assert (await converse(whole({}, choices=[choice]), call)).stop is StopReason.STOP_SEQUENCE
    assert (await converse(whole({}, choices=[choice]))).stop is StopReason.END


async def test_comments_keep_a_stream_alive_without_end() -> None:
    text, _ = await stream(*[b": wait\n\n" + b" " * 90_000 + b"\n"] * 300, GOOD)
    assert text == "Grüße 🙂"


def test_lines_without_data_do_not_make_an_event_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proviso.models.server_sent._MOST", 1_000)
    events = ServerSentEvents()
    with pytest.raises(CallFailed, match="no end"):
        _ = [events.feed(b"data:\n:\n") for _ in range(1_000)]


async def test_a_refusal_is_filtered() -> None:
    text, reply = await stream(
        chunk({"refusal": "I can"}), chunk({"refusal": "not."}), chunk({}, "stop"), LAST, DONE
    )
    assert (text, reply.text, reply.stop) == ("I cannot.", "I cannot.", StopReason.FILTERED)


def use(index: int | None, **parts: Any) -> dict[str, Any]:
    return {"tool_calls": [({} if index is None else {"index": index}) | parts]}


async def test_tool_calls_are_put_together() -> None:
    parts = [
        chunk(use(0, id="a", function={"name": "look_up", "arguments": ""})),
        chunk(use(0, function={"arguments": '{"city":'})),
        chunk(use(1, id="b", function={"name": "look_up", "arguments": "{}"})),
        chunk(use(0, function={"arguments": '"Oslo"}'})),
    ]
    _, reply = await stream(*parts, chunk({}, "tool_calls"), LAST, DONE, call=calls.TOOLED)
    oslo = ToolUse("a", "look_up", Raw(b'{"city":"Oslo"}'))
    assert reply.content == (oslo, ToolUse("b", "look_up", Raw(b"{}")))


async def test_a_tool_that_had_to_be_called_ends_with_a_stop() -> None:
    calling = {
        "content": None,
        "tool_calls": [{"id": "a", "function": {"name": "look_up", "arguments": "{}"}}],
    }
    assert (await converse(whole(calling), calls.TOOLED)).stop is StopReason.TOOL_USE


@pytest.mark.parametrize(
    "call",
    [
        {"id": "a", "function": {"name": "look_up", "arguments": '{"a'}},
        {"id": "a", "function": {"name": "look_up", "arguments": "[]"}},
        {"id": "", "function": {"name": "look_up", "arguments": "{}"}},
        {"id": "a", "function": None},
    ],
)
async def test_a_tool_call_that_is_none_is_malformed(call: dict[str, Any]) -> None:
    failed = await failure(whole({"content": None, "tool_calls": [call]}, "tool_calls"), calls.TOOLED)
    assert failed.kind is Kind.MALFORMED


GOOD = b"".join(
    [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Grüße 🙂"}),
        chunk({}, "stop"),
        LAST,
        DONE,
    ]
)


@settings(deadline=None, max_examples=40)
@given(cuts=st.lists(st.integers(0, len(GOOD)), max_size=8), crlf=st.booleans())
async def test_it_does_not_matter_how_a_stream_is_split(cuts: list[int], *, crlf: bool) -> None:
    content = GOOD.replace(b"\n", b"\r\n") if crlf else GOOD
    places = [0, *sorted(cuts), len(content)]
    text, reply = await stream(*[content[a:b] for a, b in pairwise(places)])
    assert text == reply.text == "Grüße 🙂"


@settings(deadline=None, max_examples=100)
@given(place=st.integers(0, len(GOOD)), noise=st.binary(max_size=30), ends=st.booleans())
async def test_a_damaged_stream_fails_or_is_whole(place: int, noise: bytes, *, ends: bool) -> None:
    try:
        text, reply = await stream(GOOD[:place] + noise + (b"" if ends else GOOD[place:]))
    except CallFailed:
        return
    assert (
        text == reply.text
    )  # what is damaged without a trace nobody can see: these streams have no checksums


async def test_what_comes_after_the_end_does_not_matter() -> None:
    text, _ = await stream(GOOD, TransportFailed("reset", sent=True))
    assert text == "Grüße 🙂"


# --- failures -------------------------------------------------------------------------------------

TEXT = chunk({"content": "a"})
STREAM_FAULTS: dict[str, tuple[tuple[Part, ...], Kind]] = {
    "nothing": ((), Kind.CUT),
    "no end": ((TEXT,), Kind.CUT),
    "no [DONE]": ((TEXT, chunk({}, "stop"), LAST), Kind.CUT),
    "no finish_reason": ((TEXT, LAST, DONE), Kind.CUT),
    "no usage": ((TEXT, chunk({}, "stop"), DONE), Kind.GARBLED),
    "text after the stop": ((TEXT, chunk({}, "stop"), TEXT, LAST, DONE), Kind.GARBLED),
    "reset": ((TEXT, TransportFailed("reset", sent=True)), Kind.CUT),
    "no JSON": ((b"data: <html>\n\n",), Kind.GARBLED),
    "throttled": ((TEXT, b'data: {"error": {"code": "rate_limit_exceeded"}}\n\n'), Kind.THROTTLED),
    "status": ((TEXT, b'data: {"error": {"code": 503, "message": "no"}}\n\n'), Kind.UNAVAILABLE),
    "words": ((TEXT, b'data: {"error": "out of memory"}\n\n'), Kind.INTERNAL),
    "too long": ((b"data: " + b"x" * (25 * 1024 * 1024),), Kind.GARBLED),
}


@pytest.mark.parametrize(("parts", "kind"), list(STREAM_FAULTS.values()), ids=list(STREAM_FAULTS))
async def test_a_stream_that_is_not_whole_fails(parts: tuple[Part, ...], kind: Kind) -> None:
    with pytest.raises(CallFailed) as failed:
        await stream(*parts)
    assert failed.value.kind is kind


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (429, {"code": "insufficient_quota", "type": "insufficient_quota"}, Kind.QUOTA),
        (429, {"code": None, "type": "requests"}, Kind.THROTTLED),
        (401, {"code": "invalid_api_key", "type": "invalid_request_error"}, Kind.DENIED),
        (404, {"code": None, "type": "invalid_request_error"}, Kind.NOT_FOUND),
        (400, {"code": "context_length_exceeded"}, Kind.INVALID),
        (503, {"code": 503, "type": "server_error"}, Kind.UNAVAILABLE),
        (500, "out of memory", Kind.INTERNAL),
        (529, [], Kind.UNAVAILABLE),
    ],
)
async def test_an_error_is_known_by_its_code_or_its_status(status: int, error: object, kind: Kind) -> None:
    recording = Recording((json.dumps({"error": error}).encode(),), status, {"Retry-After": "3"})
    failed = await failure(recording)
    assert (failed.kind, failed.retry_after_s) == (kind, 3.0)


@pytest.mark.parametrize(
    ("recording", "kind"),
    [
        (whole({"content": ""}), Kind.EMPTY),
        (whole({"content": "a"}, usage=None), Kind.GARBLED),
        (whole({"content": "a"}, usage={"prompt_tokens": 10**30, "completion_tokens": 1}), Kind.GARBLED),
        (
            Recording((b'{"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}',)),
            Kind.GARBLED,
        ),
        (Recording((b"<html>",)), Kind.GARBLED),
    ],
)
async def test_a_reply_that_is_none_fails(recording: Recording, kind: Kind) -> None:
    assert (await failure(recording)).kind is kind
