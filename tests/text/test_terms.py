"""Terms bring together what means the same, and are the same on every machine."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.text import Analyser
from tests.linear import is_linear

ANALYSER = Analyser()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,200", "1200.00"),
        ("reimbursed", "Reimbursement"),
        ("organisation's", "organizations"),
        ("labour", "labor"),
        ("ｈｏｔｅｌ", "HOTEL"),
        ("cafe\u0301", "café"),
        ("the 3rd rule", "rule 3"),
        ("U.S. office", "US office"),
        ("lost and paid", "losing payments"),
    ],
)
def test_what_means_the_same_has_the_same_terms(one: str, other: str) -> None:
    assert sorted(set(ANALYSER.terms(one))) == sorted(set(ANALYSER.terms(other)))


def test_stop_words_have_no_terms() -> None:
    assert ANALYSER.terms("What is it that we don't have?") == []


def test_terms_keep_order_and_repeats() -> None:
    terms = ANALYSER.terms("hotel, flight, hotel")
    assert terms[0] == terms[2] != terms[1]


def test_ids_are_stable() -> None:
    assert ANALYSER.terms("hotel 90") == [55795417, 1770303465]


def test_chinese_is_cut_by_character() -> None:
    assert len(ANALYSER.terms("六本木 Hotel")) == 4


def test_german_has_its_own_stems() -> None:
    assert Analyser("de").terms("die Reisen") == Analyser("de").terms("Reise")


@settings(deadline=None, max_examples=100)
@given(st.text())
def test_any_text_gives_32_bit_terms_again_and_again(text: str) -> None:
    terms = ANALYSER.terms(text)
    assert terms == Analyser().terms(text)
    assert all(0 <= term < 2**32 for term in terms)


def test_memory_does_not_grow_with_the_words_met() -> None:
    analyser = Analyser()
    analyser.terms(" ".join(f"word{number}" for number in range(40_000)))
    assert len(analyser._ids) <= 32_768


def test_a_run_of_combining_marks_takes_linear_time() -> None:
    assert is_linear(lambda size: ANALYSER.terms("a" + "\u0301\u0323" * size), 100_000)
