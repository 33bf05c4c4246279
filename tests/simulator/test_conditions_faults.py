"""What each fault puts on the wire."""

import json
from collections.abc import Awaitable, Callable

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer, InvalidPayloadLength
from botocore.session import get_session

from bedrock_simulator.conditions import Network
from bedrock_simulator.exchange import Outgoing, ServiceError, Tokens
from bedrock_simulator.faults import KINDS
from bedrock_simulator.scenario import Fault, Scenario
from tests.simulator.conditions_made import (
    USED,
    Recorder,
    converse,
    converse_stream,
    exchange,
    stream,
    whole,
)

Get = Callable[[str], Awaitable[Recorder]]
ALL = [
    "messageStart",
    "contentBlockDelta",
    "contentBlockDelta",
    "contentBlockStop",
    "messageStop",
    "metadata",
]
TOOL = {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Oslo"}}}


async def refused(kind: str) -> ServiceError:
    network = Network(Scenario(faults=(Fault(kind=kind),), time_scale=0.5))
    with pytest.raises(ServiceError) as caught:
        await network.admit(exchange(), 1)
    return caught.value


# -- instead of an answer


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("throttling", "ThrottlingException"),
        ("retry-after", "ThrottlingException"),
        ("quota-exceeded", "ServiceQuotaExceededException"),
        ("model-not-ready", "ModelNotReadyException"),
        ("unavailable", "ServiceUnavailableException"),
        ("internal", "InternalServerException"),
        ("model-timeout", "ModelTimeoutException"),
        ("model-error", "ModelErrorException"),
        ("access-denied", "AccessDeniedException"),
        ("not-found", "ResourceNotFoundException"),
        ("validation", "ValidationException"),
    ],
)
async def test_an_exception_has_the_status_and_members_of_the_service_model(kind: str, code: str) -> None:
    shape = get_session().get_service_model("bedrock-runtime").shape_for(code)
    error = await refused(kind)
    assert (error.code, error.status) == (code, shape.metadata["error"]["httpStatusCode"])
    assert {"message", *error.members} == set(shape.members)


async def test_expired_credentials_are_refused_as_the_signature_check_does() -> None:
    error = await refused("expired-token")
    assert (error.code, error.status) == ("ExpiredTokenException", 403)


async def test_a_throttle_may_say_in_milliseconds_when_to_come_back() -> None:
    assert (await refused("retry-after")).headers == {"x-amz-retry-after": "500"}


@pytest.mark.parametrize("get", [converse, converse_stream])
async def test_a_proxy_in_between_answers_in_html(get: Get) -> None:
    connection = await get("html-error")
    assert (connection.status, connection.headers) == (502, {"content-type": "text/html"})
    assert connection.length == len(connection.body)
    assert connection.body.startswith(b"<!DOCTYPE html>")


async def test_a_reset_before_the_answer_writes_nothing() -> None:
    connection = await converse("reset-before")
    assert (connection.status, connection.writes, connection.end) == (None, [], "reset")


# -- exceptions in mid-stream


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("stream-throttling", "throttlingException"),
        ("stream-internal", "internalServerException"),
        ("stream-unavailable", "serviceUnavailableException"),
        ("stream-validation", "validationException"),
        ("stream-model-error", "modelStreamErrorException"),
    ],
)
async def test_an_exception_frame_ends_the_stream(kind: str, name: str) -> None:
    connection = await converse_stream(kind, after=2)
    *before, (last, payload) = connection.events()
    assert ([event for event, _ in before], last) == (ALL[:2], name)
    model = get_session().get_service_model("bedrock-runtime")
    members = model.operation_model("ConverseStream").output_shape.members["stream"].members[name].members
    assert set(payload) == set(members)
    assert (connection.status, connection.end) == (200, "finished")


async def test_an_error_that_the_service_model_does_not_list_comes_as_an_error_frame() -> None:
    assert (await converse_stream("stream-error", after=1)).names() == ["messageStart", "InternalFailure"]


# -- early ends


async def test_a_stream_is_cut_inside_a_frame_and_ends_cleanly() -> None:
    connection, sound = (
        await converse_stream("stream-cut-in-frame", after=3),
        await converse_stream("tiny-writes"),
    )
    assert connection.names() == ALL[:3]
    assert sound.body.startswith(connection.body)
    assert len(connection.body) > len(b"".join(connection.writes[:3]))
    assert connection.end == "finished"


async def test_a_stream_is_cut_before_its_stop() -> None:
    connection = await converse_stream("stream-cut-before-stop", after=0)
    assert (connection.names(), connection.end) == (ALL[:4], "finished")


@pytest.mark.parametrize(("kind", "end"), [("stream-closed", "closed"), ("reset-during", "reset")])
async def test_a_connection_ends_in_mid_stream(kind: str, end: str) -> None:
    connection = await converse_stream(kind, after=1)
    assert (connection.names(), connection.end) == (ALL[:1], end)


async def test_a_connection_is_reset_in_the_middle_of_a_body() -> None:
    connection = await converse("reset-during")
    assert connection.length is not None
    assert (len(connection.body), connection.end) == (connection.length // 2, "reset")


async def test_a_fault_comes_before_the_stop_however_late_it_was_asked_for() -> None:
    assert (await converse_stream("stream-closed", after=1_000)).names() == ALL[:4]


# -- bytes that are not what they should be


@pytest.mark.parametrize("kind", ["bad-crc", "bad-prelude-crc"])
async def test_a_wrong_checksum_is_found_by_botocore(kind: str) -> None:
    connection = await converse_stream(kind, after=2)
    buffer = EventStreamBuffer()
    buffer.add_data(connection.body)
    assert [next(buffer).headers[":event-type"] for _ in range(2)] == ALL[:2]
    with pytest.raises(ChecksumMismatch):
        next(buffer)
    assert connection.end == "finished"


async def test_a_frame_that_says_it_is_huge_is_refused_by_botocore() -> None:
    with pytest.raises(InvalidPayloadLength):
        (await converse_stream("bad-length", after=0)).names()


async def test_garbage_is_no_frame_and_no_json() -> None:
    with pytest.raises((ChecksumMismatch, InvalidPayloadLength)):
        (await converse_stream("garbage", after=1)).names()
    connection = await converse("garbage")
    with pytest.raises(UnicodeDecodeError):
        connection.json()
    assert connection.length == len(connection.body)


async def test_half_of_the_json_comes_under_a_sound_length_and_checksum() -> None:
    connection = await converse("half-json")
    with pytest.raises(json.JSONDecodeError):
        connection.json()
    assert connection.length == len(connection.body)
    with pytest.raises(json.JSONDecodeError):
        (await converse_stream("half-json", after=1)).names()


async def test_a_length_promises_more_than_comes() -> None:
    connection = await converse("wrong-length")
    assert connection.json()["stopReason"] == "end_turn"
    assert connection.length == len(connection.body) + 16
    assert connection.end == "closed"


@pytest.mark.parametrize("text", ["Grüße, 世界 🙂", "plain"])
async def test_a_character_is_split_over_two_writes_and_nothing_else_changes(text: str) -> None:
    unary = await converse(
        "split-utf8", Outgoing(200, (), json.dumps({"text": text}, ensure_ascii=False).encode())
    )
    streamed = await converse_stream("split-utf8", stream({"text": text}))
    for connection in (unary, streamed):
        with pytest.raises(UnicodeDecodeError):
            connection.writes[-2 if connection is unary else 1].decode("utf-8")
    assert unary.json()["text"] == text
    assert streamed.events()[1][1]["delta"]["text"].removesuffix("🙂") == text.removesuffix("🙂")


@pytest.mark.parametrize("get", [converse, converse_stream])
async def test_tiny_writes_hold_one_byte_each(get: Get) -> None:
    connection, sound = await get("tiny-writes"), await get("slow-first-byte")
    assert {len(content) for content in connection.writes} == {1}
    assert connection.body == sound.body


# -- answers that are none


@pytest.mark.parametrize(
    ("kind", "stop"),
    [
        ("empty-end-turn", "end_turn"),
        ("malformed-tool-use", "malformed_tool_use"),
        ("malformed-output", "malformed_model_output"),
        ("unknown-stop", "simulated_stop"),
    ],
)
async def test_a_turn_stops_for_another_reason(kind: str, stop: str) -> None:
    assert (await converse(kind)).json()["stopReason"] == stop
    assert dict((await converse_stream(kind)).events())["messageStop"] == {"stopReason": stop}


async def test_an_empty_turn_has_no_content() -> None:
    assert (await converse("empty-end-turn")).json()["output"]["message"]["content"] == []
    assert (await converse_stream("empty-end-turn")).names() == ["messageStart", "messageStop", "metadata"]


async def test_malformed_tool_use_cuts_the_tools_input() -> None:
    body = (await converse("malformed-tool-use", whole(content=[{"text": "I look."}, TOOL]))).json()
    assert body["output"]["message"]["content"][1]["toolUse"]["input"] == '{"city":'
    connection = await converse_stream(
        "malformed-tool-use", stream({"toolUse": {"input": '{"city":"Oslo"}'}})
    )
    assert connection.events()[1][1]["delta"]["toolUse"]["input"] == '{"city"'


async def test_usage_is_left_out() -> None:
    assert "usage" not in (await converse("no-usage")).json()
    assert (await converse_stream("no-usage")).names() == ALL[:5]


async def test_the_trace_is_left_out() -> None:
    assert "trace" not in (await converse("missing-trace")).json()
    metadata = dict((await converse_stream("missing-trace")).events())["metadata"]
    assert set(metadata) == {"usage", "metrics"}


async def test_the_stop_comes_twice() -> None:
    assert (await converse_stream("duplicate-stop")).names() == [*ALL[:5], "messageStop", "metadata"]


async def test_an_event_comes_that_no_client_knows() -> None:
    assert (await converse_stream("unknown-event", after=2)).names() == [*ALL[:2], "simulatedEvent", *ALL[2:]]


# -- all of them


@pytest.mark.parametrize("kind", KINDS)
async def test_no_fault_stumbles_over_an_answer_of_another_shape(kind: str) -> None:
    answers = [
        Outgoing(500, (), b'{"message": "no"}'),
        *(Outgoing(200, (), b) for b in (b"[]", b"", b"<a/>")),
    ]
    for answer in answers:
        network, connection = Network(Scenario(faults=(Fault(kind=kind, seconds=0),))), Recorder()
        try:
            ticket = await network.admit(exchange("CountTokens"), 1)
        except ServiceError:
            return
        if kind != "never-ends":
            await network.deliver(ticket, answer, Tokens(), connection)
            assert connection.end


async def test_a_stream_that_could_not_be_made_goes_out_as_the_error_that_it_is() -> None:
    network, connection = Network(Scenario(faults=(Fault(kind="bad-crc"),))), Recorder()
    ticket = await network.admit(exchange("ConverseStream"), 1)
    await network.deliver(ticket, Outgoing(400, (), b'{"message":"no"}'), USED, connection)
    assert (connection.status, connection.json(), connection.end) == (400, {"message": "no"}, "finished")
