"""Numbers are the same however they are written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.text import fold, numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("EUR 1,200.50", ["1200.5"]),
        ("1.200,50 EUR", ["1200.5"]),
        ("1.200.000", ["1200000"]),
        ("1,200,000", ["1200000"]),
        ("1'200 or 1\u202f200", ["1200", "1200"]),
        ("50 % on the 3rd day", ["50", "3"]),
        ("due 12.03.2026, not 2026-03-12", ["12", "3", "2026", "2026", "3", "12"]),
        ("from 14:30, 0.50 an hour, 1,5 at most", ["14", "30", "0.5", "1.5"]),
        ("sections 1,2,3 of 1.2.3", ["1", "2", "3", "1.2.3"]),
        ("6½ days¹ at 50²", ["6.5", "1", "50", "2"]),
        ("٥٠ or ５０ or 007", ["50", "50", "7"]),
        ("two or three", []),
        ("1.50", ["1.5"]),
        ("12,34.5", ["12", "34.5"]),
    ],
)
def test_a_number_has_one_canonical_form(text: str, expected: list[str]) -> None:
    assert numbers(text) == expected


@settings(deadline=None, max_examples=100)
@given(st.integers(min_value=0, max_value=10**12), st.integers(min_value=0, max_value=99))
def test_english_german_and_plain_spelling_agree(whole: int, cents: int) -> None:
    english = f"{whole:,}.{cents:02}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert numbers(english) == numbers(german) == numbers(f"{whole}.{cents:02}")


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet="0123456789.,'½² \u00a0a-٥", max_size=40))
def test_a_canonical_number_is_its_own_canonical_form(text: str) -> None:
    for number in numbers(text):
        assert numbers(number) == [number]


def test_folding_spells_compatible_characters_alike() -> None:
    assert fold("ﬁfty\u00a0％ of 1'200") == "fifty % of 1,200"
