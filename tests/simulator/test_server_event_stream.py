"""Frames are what botocore's own decoder reads, whole and cut."""

import json

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer, EventStreamMessage
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_simulator import converse_output, event_stream
from bedrock_simulator.exchange import Said, Tokens

NAMES = st.text("abcdefghijklmnopqrstuvwxyz-:", min_size=1, max_size=40)


def decoded(content: bytes) -> list[EventStreamMessage]:
    buffer = EventStreamBuffer()
    buffer.add_data(content)
    return list(buffer)


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(NAMES, st.text(max_size=40), max_size=5), st.binary(max_size=500))
def test_botocore_reads_what_is_encoded(headers: dict[str, str], payload: bytes) -> None:
    (message,) = decoded(event_stream.frame(tuple(headers.items()), payload))
    assert (message.headers, message.payload) == (headers, payload)


@settings(deadline=None, max_examples=50)
@given(st.integers(min_value=0, max_value=10_000), st.integers(min_value=0, max_value=7))
def test_a_flipped_bit_is_noticed(place: int, bit: int) -> None:
    frame = bytearray(event_stream.event("messageStop", b'{"stopReason":"end_turn"}'))
    frame[4 + place % (len(frame) - 4)] ^= 1 << bit  # not the length: a decoder would wait for more
    with pytest.raises(ChecksumMismatch):
        decoded(bytes(frame))


def test_an_exception_is_told_as_one() -> None:
    (message,) = decoded(event_stream.exception("throttlingException", b"{}"))
    assert message.headers[":message-type"] == "exception"
    assert message.headers[":exception-type"] == "throttlingException"


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=300))
def test_the_pieces_of_a_text_are_the_text(text: str) -> None:
    said = Said([{"text": text}], "end_turn", Tokens())
    frames = converse_output.frames(said, {}, 1)
    payloads = [json.loads(decoded(frame.content)[0].payload) for frame in frames if frame.text]
    assert "".join(payload["delta"]["text"] for payload in payloads) == text
    assert all(len(payload["delta"]["text"]) <= 24 for payload in payloads)
