"""Folding with offsets: the way back to the original is exact."""

import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.text.normalise import encodable, normalise


def test_ascii_text_is_returned_as_it_is() -> None:
    assert normalise("plain 12").starts is None


def test_digits_dashes_and_spaces_of_any_script_become_ascii() -> None:
    assert normalise("４१-\u00a07\u2011٣").text == "41- 7-3"


def test_invisible_characters_are_gone_and_spans_lead_back() -> None:
    text = "a\u200bb\u00adﬁ\ufe0f."
    folded = normalise(text)
    assert folded.text == "abfi."
    assert folded.span(1, 2) == (2, 3)
    assert folded.span(2, 4) == (4, 5)


@settings(deadline=None, max_examples=100)
@given(st.text(st.characters(codec=None), max_size=60), st.integers(0, 60))
def test_a_text_folds_the_same_in_two_parts(text: str, place: int) -> None:
    assert normalise(text).text == normalise(text[:place]).text + normalise(text[place:]).text


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=60))
def test_each_folded_character_comes_from_its_span(text: str) -> None:
    folded = normalise(text)
    for place, char in enumerate(folded.text):
        start, end = folded.span(place, place + 1)
        assert char in normalise(text[start:end]).text


def test_every_character_can_be_folded() -> None:
    for first in range(0, sys.maxunicode, 0x4000):
        normalise("".join(map(chr, range(first, min(first + 0x4000, sys.maxunicode + 1))))).text.encode()


def test_a_lone_surrogate_is_replaced_in_place() -> None:
    assert encodable("a\ud800b") == "a\ufffdb"
    assert encodable("é😀") == "é😀"
