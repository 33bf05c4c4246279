"""Frames are read as botocore reads them, however they are split; nothing damaged is read at all."""

import random
import struct
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.aws.event_stream import MOST_PAYLOAD, Event, EventStream
from proviso.aws.protocol import BrokenStream
from tests.aws.frames import Typed, event, frame, raw_frame, text, with_checksum

LONG = st.integers(-(2**63), 2**63 - 1)
VALUES: st.SearchStrategy[Typed] = st.one_of(
    st.tuples(st.just(0), st.just(True)),
    st.tuples(st.just(1), st.just(False)),
    st.tuples(st.just(2), st.integers(-128, 127)),
    st.tuples(st.just(3), st.integers(-(2**15), 2**15 - 1)),
    st.tuples(st.just(4), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.sampled_from([5, 8]), LONG),
    st.tuples(st.just(6), st.binary(max_size=300)),
    st.tuples(st.just(7), st.text(max_size=40)),
    st.tuples(st.just(9), st.binary(min_size=16, max_size=16)),
)
NAMES = st.text(min_size=1, max_size=20).filter(lambda name: not name.startswith(":"))
EXCEPTION = frame({":message-type": text("exception"), ":exception-type": text("throttlingException")}, b"")
ERROR = frame({":message-type": text("error"), ":error-code": text("500"), ":error-message": text("no")}, b"")


def any_frame(dice: random.Random) -> bytes:
    number = dice.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 9))
    values: dict[int, Any] = {0: True, 1: False, 6: dice.randbytes(dice.randint(0, 99)), 7: "ä€𝄞"}
    values |= {2: -7, 3: -300, 4: 70_000, 5: -(2**40), 8: 2**41, 9: dice.randbytes(16)}
    name = dice.choice(("contentBlockDelta", "metadata", "ä"))
    payload = dice.randbytes(dice.choice((0, 1, 90, 5000)))
    return event(name, payload, **{f"x{dice.randint(0, 99)}": (number, values[number])})


def split(data: bytes, dice: random.Random) -> list[bytes]:
    cuts = sorted(dice.randint(0, len(data)) for _ in range(dice.randint(0, 40)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def seen(events: list[Event]) -> list[tuple[dict[str, Any], bytes]]:
    return [(dict(event.headers), event.payload) for event in events]


def decoded(pieces: list[bytes]) -> list[Event]:
    stream = EventStream()
    events = [event for piece in pieces for event in stream.feed(piece)]
    stream.close()
    return events


def by_botocore(data: bytes) -> list[tuple[dict[str, Any], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(message.headers, message.payload) for message in buffer]


def test_twelve_hundred_frames_are_those_of_botocore_at_any_split() -> None:
    dice = random.Random(4)
    for _ in range(60):
        data = b"".join(any_frame(dice) for _ in range(20))
        assert seen(decoded(split(data, dice))) == by_botocore(data)


@given(st.dictionaries(NAMES, VALUES, max_size=8), st.binary(max_size=200))
@settings(deadline=None, max_examples=100)
def test_headers_of_all_ten_types_are_those_of_botocore(headers: dict[str, Typed], payload: bytes) -> None:
    data = frame({":message-type": text("event"), ":event-type": text("e"), **headers}, payload)
    assert seen(decoded([data])) == by_botocore(data)


@given(st.lists(st.integers(0, 400), max_size=12))
@settings(deadline=None, max_examples=60)
def test_where_a_stream_is_split_does_not_matter(cuts: list[int]) -> None:
    data = event("messageStart") + EXCEPTION + event("messageStop", b'{"a":1}')
    ends = sorted(min(cut, len(data)) for cut in cuts)
    pieces = [data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True)]
    assert decoded(pieces) == decoded([data])


def test_each_kind_of_frame_says_what_it_is() -> None:
    events = decoded([event("metadata", b"1"), EXCEPTION, ERROR])
    assert [(e.kind, e.name, e.content_type) for e in events] == [
        ("event", "metadata", "application/json"),
        ("exception", "throttlingException", ""),
        ("error", "500", ""),
    ]
    assert events[2].headers[":error-message"] == "no"


def test_a_frame_with_any_bit_of_any_byte_flipped_is_refused() -> None:
    good = event("contentBlockDelta", b'{"delta":{"text":"hello"}}')
    for at in range(len(good)):
        bad = bytearray(good)
        bad[at] ^= 1 << (at % 8)
        stream = EventStream()
        with pytest.raises(BrokenStream):  # noqa: PT012  a length that grew is told at the end
            stream.feed(bytes(bad))
            stream.close()


def test_a_stream_that_ends_between_frames_is_whole_and_one_that_ends_inside_is_not() -> None:
    data = event("messageStart") + event("messageStop")
    whole = {0, len(event("messageStart")), len(data)}
    for end in range(len(data) + 1):
        stream = EventStream()
        stream.feed(data[:end])
        if end in whole:
            stream.close()
        else:
            with pytest.raises(BrokenStream, match="was cut after"):
                stream.close()


def test_what_came_before_a_damaged_frame_is_given_back_first() -> None:
    stream = EventStream()
    assert [e.name for e in stream.feed(EXCEPTION + b"HTTP/1.1 502 Bad Gateway")] == ["throttlingException"]
    with pytest.raises(BrokenStream, match="do not fit"):
        stream.close()
    with pytest.raises(BrokenStream):
        stream.feed(event("messageStop"))


@pytest.mark.parametrize(
    "lengths", [(2**32 - 1, 0), (15, 0), (0, 0), (100, 90), (2**19, 2**17 + 1), (MOST_PAYLOAD + 17, 0)]
)
def test_lengths_that_cannot_be_are_refused_before_anything_is_kept(lengths: tuple[int, int]) -> None:
    with pytest.raises(BrokenStream, match=f"a frame of {lengths[0]} bytes"):
        EventStream().feed(with_checksum(struct.pack("!II", *lengths)))


@pytest.mark.parametrize(
    "block",
    [
        b"\x0dcut",
        b"\x01a",
        b"\x01a\x0a",
        b"\x01a\x07\xff\xff",
        b"\x01a\x07\x00\x05abc",
        b"\x01a\x09short",
        b"\x01a\x04\x00",
        b"\x01\xff\x00",
        b"\x01a\x07\x00\x01\xff",
        b"\x01a\x00\x01a\x01",
        b"",
    ],
)
def test_headers_that_cannot_be_read_are_refused_though_the_checksums_fit(block: bytes) -> None:
    with pytest.raises(BrokenStream):
        EventStream().feed(raw_frame(block, b""))


@pytest.mark.parametrize(
    "headers",
    [
        {":event-type": text("e")},
        {":message-type": text("event")},
        {":message-type": text("news"), ":event-type": text("e")},
        {":message-type": (4, 1), ":event-type": text("e")},
        {":message-type": text("event"), ":event-type": (4, 1)},
        {":message-type": text("exception"), ":event-type": text("e")},
    ],
)
def test_a_frame_that_does_not_say_what_it_is_is_refused(headers: dict[str, Typed]) -> None:
    with pytest.raises(BrokenStream, match="has a frame"):
        EventStream().feed(frame(headers, b""))


def test_a_stream_of_ever_new_headers_keeps_few() -> None:
    stream = EventStream()
    for number in range(500):
        stream.feed(event(f"event-{number}"))
    assert len(stream._heads) <= 64


def test_one_byte_at_a_time_a_large_frame_is_read_in_linear_time() -> None:
    data = event("chunk", bytes(300_000))
    stream = EventStream()
    events = [found for at in range(len(data)) for found in stream.feed(data[at : at + 1])]
    assert [len(found.payload) for found in events] == [300_000]
