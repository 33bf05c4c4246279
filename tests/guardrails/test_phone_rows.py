"""Telephone numbers in a row: none of them shows because of its neighbours."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.types import Channel, Screened
from tests.guardrails.made import masking

PHONES = masking("PHONE")
SEPARATORS = st.sampled_from([" ", ", ", " / ", "; ", "\n", " or ", "/", ",", " - "])
# Each `d` is a digit, each `n` one that a subscriber's number may begin with.
ALONE = [
    "+47 nd dd dd dd", "+47nddddddd", "0047 nd dd dd dd", "+1 212 nnn dddd", "+1 (312) nnn-dddd", "+1-212-nnn-dddd",
    "+44 20 7ddd dddd", "+44 (0)20 7ddd dddd", "+49 30 nddddddd", "+33 1 nd dd dd dd", "+41 44 nnd dd dd",
    "+353 1 ndd dddd", "(212) nnn-dddd", "212-nnn-dddd", "212.nnn.dddd", "212 nnn dddd", "020 7ddd dddd",
    "01632 960ddd", "044 nnd dd dd", "0228/nddddd-dd", "(212) nnn-dddd x1d",
]  # fmt: skip
BESIDE = ["nd dd dd dd", "nnn dddd", "nnn-dddd", "nnd dd ddd", "ndddddddd"]


@st.composite
def written(draw: st.DrawFn, shapes: list[str]) -> str:
    """A number in one of these shapes."""
    digit = {"d": st.integers(0, 9), "n": st.integers(3, 9)}
    return "".join(
        str(draw(digit[mark])) if mark in digit else mark for mark in draw(st.sampled_from(shapes))
    )


@st.composite
def rows(draw: st.DrawFn) -> str:
    """Two to four numbers; after the first also those that only a neighbour tells."""
    text = draw(written(ALONE))
    for _ in range(draw(st.integers(1, 3))):
        text += draw(SEPARATORS) + draw(written(ALONE + BESIDE))
    return text


def screened(text: str) -> str:
    outcome = PHONES.screen(text, Channel.USER)
    assert isinstance(outcome, Screened)
    return outcome.text


@settings(deadline=None, max_examples=100)
@given(rows(), st.sampled_from(["", "Ring ", "It is the same: "]), st.sampled_from(["", ".", " please"]))
def test_no_digit_of_numbers_in_a_row_is_left(row: str, before: str, after: str) -> None:
    shown = screened(before + row + after).removeprefix(before)
    assert not any(char.isdigit() for char in shown), shown


@settings(deadline=None, max_examples=100)
@given(rows(), st.lists(st.integers(1, 30), min_size=1, max_size=4))
def test_numbers_in_a_row_are_masked_alike_in_a_stream(row: str, sizes: list[int]) -> None:
    text = f"The desk is there for all who travel, on every day of the week, all day long: {row}"
    stream, out, place = PHONES.stream(Channel.OUTPUT), "", 0
    for turn in range(len(text)):
        size = sizes[turn % len(sizes)]
        out += stream.feed(text[place : place + size])
        place += size
    end = stream.close()
    assert isinstance(end, Screened)
    assert out + end.text == screened(text)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("+47 22 00 00 00 (212) 555-1234", "[PHONE] [PHONE]"),
        ("+47 22 00 00 00 / 22 00 00 01", "[PHONE] / [PHONE]"),
        ("22 00 00 01 or +47 22 00 00 00", "[PHONE] or [PHONE]"),
        ("Dana,+47 22 00 00 00,22 00 00 01", "Dana,[PHONE],[PHONE]"),
        ("+47 22 00 00 00 / 22 00 00 01 / 22 00 00 02", "[PHONE] / [PHONE] / [PHONE]"),
        ("044 330 00 00 30 00 00 00 30 00 00 00", "[PHONE] [PHONE]"),
        ("0228/123456-78/0228/123456-79", "[PHONE]/[PHONE]"),
        ("+47 22 00 00 00" + "; 22 00 00 01" * 30, "[PHONE]" + "; [PHONE]" * 30),
    ],
)
def test_each_number_of_a_row_has_its_own_mask(text: str, masked: str) -> None:
    assert screened(text) == masked


@pytest.mark.parametrize(
    "after",
    [
        ", 1 200 000 EUR", "\n2026-03-01", ", 04.03.2026 10:30", ". 1200000 people", " has 10 lines", ", room 4242",
        ", invoice 22 00 00 01", " costs 12 345 678,90",
    ],
)  # fmt: skip
def test_what_stands_beside_a_number_and_is_none_stays(after: str) -> None:
    assert screened(f"+47 22 00 00 00{after}") == f"[PHONE]{after}"
