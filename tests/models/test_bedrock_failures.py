"""Bedrock's endpoint over recorded responses: whatever goes wrong is a failure of its kind, and leaves nothing open."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bedrock_simulator import event_stream
from proviso.aws import TimedOut, TransportFailed, TransportFull
from proviso.models.failure import CallFailed, Kind
from proviso.types import Usage
from tests.models import bedrock_said as said
from tests.models import calls
from tests.models.bedrock_calls import (
    TEXT,
    endpoint,
    failure,
    soon,
    stream,
    stream_failure,
)
from tests.models.recorded import Part, Recording

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
        ("Retry_After", "9" * 400, 86_400.0),
        ("Retry_After", "Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0),
    ],
)
async def test_when_to_come_back_is_passed_on(header: str, value: str, seconds: float | None) -> None:
    failed = await failure(said.refused(429, "ThrottlingException", **{header: value}))
    assert failed.retry_after_s == seconds


async def test_a_message_cannot_speak_to_a_terminal_nor_break_a_log() -> None:
    failed = await failure(
        said.refused(400, "ValidationException", "no \x1b[2Jway", x_amzn_requestid="\udcff")
    )
    assert failed.message.isprintable()
    assert "no \ufffd[2Jway" in failed.message


@pytest.mark.parametrize("length", [1, 1_000])
async def test_what_a_message_quotes_is_not_passed_on(length: int) -> None:
    value = "my card is 4111 " * length
    message = f"1 validation error detected: Value '{value}' at 'messages' failed to satisfy constraint"
    failed = await failure(said.refused(400, "ValidationException", message))
    assert "4111" not in str(failed)
    assert "a value at" in str(failed)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TransportFailed("refused", sent=False), Kind.CONNECT),
        (TransportFull("all are in use", sent=False), Kind.BUSY),
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
