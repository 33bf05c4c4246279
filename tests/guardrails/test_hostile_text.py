"""Hostile text: a decision in linear time, never an exception."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.types import Channel
from tests.guardrails.made import masking
from tests.linear import is_linear

MADE = masking(outputs={"disallowed": [{"id": "x", "description": "d", "patterns": ["a+b", "(x+x+)+y"]}]})
SIZE = 50_000
REPEATED = [
    "a",
    "1",
    "1 ",
    "11 ",
    "1234 ",
    "4111 1111 1111 1111 ",
    "a@",
    "@",
    ".",
    "a.",
    "1.",
    ":",
    "f:",
    "é",
    "\x00",
]
REPEATED += [
    "\ud800",
    "\u202e",
    "\u200b",
    "ﷺ",
    "e\u0301",
    "+",
    "(",
    "GB82 ",
    "+1 ",
    "x@y.zz ",
    "aws ",
    "0 ",
    "call 1 ",
    "4539\t",
    "4539 \n ",
    "536 22 ",
    "a @ ",
    "a%40",
    "a&#64;",
]


@pytest.mark.parametrize("unit", REPEATED)
def test_a_long_repetition_is_decided_in_linear_time(unit: str) -> None:
    assert is_linear(lambda size: MADE.screen(unit * (size // len(unit)), Channel.OUTPUT), SIZE)


@settings(deadline=None, max_examples=100)
@given(st.text(st.characters(codec=None), max_size=200))
def test_any_text_gets_a_decision_that_can_be_stored(text: str) -> None:
    MADE.screen(text, Channel.OUTPUT).text.encode()
