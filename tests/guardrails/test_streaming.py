"""Streams: however a text is cut, the outcome is that of the whole."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.guardrails import Guardrails
from proviso.types import Channel, Refusal, Screened
from tests.guardrails.made import MASKED, guardrails, masking

PIECES = [
    "dana.smith@example.com", "+47 22 00 00 00", "(212) 555-1234 x12", "GB82 WEST 1234 5698 7654 32",
    "4111 1111 1111 1111", "4111-1111-1111-1111", "078-05-1120", "078 05 1120", "my ssn is", "call me at",
    "4539 1488\n0343 6467", "4539\t1488\t0343\t6467", "4539  1488", "0343.6467", "45391488\r\n03436467", "12/27",
    "536 22 8726", "536.22.8726", "536_22_8726", "dana%40mail.example", "dana&#64;mail.example", "dana @ b.example",
    " @ ", "&#", "64;", "%40", "_", "\t", "\u2028", "\r\n",
    "192.168.1.44", "2001:db8::ff00:42:8329", "00:1A:2b:3C:4d:5E", "AKIAIOSFODNN7EXAMPLE", "2026-03-01",
    "aws secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "https://x.example.com/a?b=c).", "EMP-12345", "office",
    "22 00 00 01", "020 7946 0958", ",", ";", "or", "invoice 20250012345", "785 8949", "fax", "we will  reimburse",
    "<ab c>", "<x", "x>", "\u200b", "\uff14", "ﬁ", "ﷺ", "é", "\ud800", "0047 22", "+", "(", "1", "12", "4", "A", "@",
    ".", "-", "/", " ", "  ", "\n", ":", "the",
]  # fmt: skip
BADGE = {"id": "badge", "pattern": r"EMP-[0-9]{3,5}\b", "action": "mask"}
OPEN = {"id": "tag", "pattern": "<[a-z ]+>", "action": "mask"}
DISALLOWED = {"disallowed": [{"id": "promise", "description": "d", "patterns": ["we will reimburse"]}]}
PLAIN = guardrails(inputs={"sensitive": {"mask": MASKED, "custom": [BADGE]}}, outputs=DISALLOWED)
BY_LINE = guardrails(inputs={"sensitive": {"mask": MASKED, "custom": [BADGE, OPEN]}})
BLOCKING = guardrails(inputs={"sensitive": {"block": MASKED}, "max_chars": 200})


def cut(text: str, sizes: Sequence[int]) -> Iterator[str]:
    place = turn = 0
    while place < len(text):
        yield text[place : place + sizes[turn % len(sizes)]]
        place += sizes[turn % len(sizes)]
        turn += 1


def streamed(made: Guardrails, channel: Channel, chunks: Iterator[str]) -> Screened | Refusal:
    """The outcome of a stream, put together again."""
    stream = made.stream(channel)
    text = "".join([stream.feed(chunk) for chunk in chunks])
    end = stream.close()
    if isinstance(end, Refusal):
        return end
    return Screened(text + end.text, end.channel, end.decisions, end.masks)


@pytest.mark.parametrize(
    ("made", "channel"),
    [(PLAIN, Channel.OUTPUT), (PLAIN, Channel.HISTORY), (BY_LINE, Channel.OUTPUT), (BLOCKING, Channel.USER)],
)
@settings(deadline=None, max_examples=100)
@given(
    parts=st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=25),
    sizes=st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=4), min_size=3, max_size=3),
)
def test_any_chunking_gives_what_the_whole_gives(
    made: Guardrails, channel: Channel, parts: list[str], sizes: list[list[int]]
) -> None:
    text = " ".join(parts)
    whole = made.screen(text, channel)
    for chunking in sizes:
        assert streamed(made, channel, cut(text, chunking)) == whole


def test_a_stream_holds_back_little_of_ordinary_prose() -> None:
    text = "The per diem covers meals for the whole day, whether you eat in a restaurant or not. " * 20
    stream, out = masking().stream(Channel.OUTPUT), 0
    for place, char in enumerate(text):
        out += len(stream.feed(char))
        assert place + 1 - out <= 40


def test_nothing_of_a_disallowed_phrase_leaves_the_stream() -> None:
    stream = PLAIN.stream(Channel.OUTPUT)
    out = "".join([stream.feed(char) for char in "Good news: we will reimburse everything, of course."])
    assert "we will" not in out
    assert isinstance(stream.close(), Refusal)
