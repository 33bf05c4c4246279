"""Patterns of a contract: what is accepted, and how long a match can be."""

import pytest

from proviso.guardrails import pattern_problem
from proviso.guardrails.patterns import Pattern, PatternSet, flexible_spaces
from proviso.guardrails.width import longest_match


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(", "missing"),
        ("a(?=b)", "RE2"),
        (r"(a)\1", "RE2"),
        ("a*", "empty"),
        ("x?|y", "empty"),
        (r"\b", "empty"),
        ("a" * 1001, "characters"),
        ("\ud800", "surrogate"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_explained(pattern: str, words: str) -> None:
    problem = pattern_problem(pattern)
    assert problem is not None
    assert words in problem


@pytest.mark.parametrize("pattern", ["we will reimburse", r"\bEMP-\d{4}\b", "[A-Z]+", "(?i)a|b", "^x$"])
def test_a_good_pattern_has_no_problem(pattern: str) -> None:
    assert pattern_problem(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "width"),
    [
        ("abc", 3), ("a|bcd|ef", 3), (r"\bEMP-\d{3,5}\b", 9), ("(?:ab){2}c?", 5), ("a+", None), ("a{2,}", None),
        ("(?i:x)", 1), (r"\Qa.b\E", 3), (r"[]a\]]{4}", 4), (r"\x{1F600}\p{Greek}", 2), ("^a$", 1),
        ("(?P<n>a|(b|cc)d)e", 4), ("(?i)abc", 3), ("(?:)*", 0),
    ],
)  # fmt: skip
def test_the_longest_match_is_known(pattern: str, width: int | None) -> None:
    assert longest_match(pattern) == width


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("a b", "a \n b"), ("[ ]b", " b"), (r"a\ b", "a b"), ("a *b", "a    b"), (r"\Qa b\E", "a b")],
)
def test_a_space_stands_for_any_white_space(pattern: str, text: str) -> None:
    assert Pattern(flexible_spaces(pattern)).search(text.encode()) == (0, len(text))


def test_patterns_too_large_together_are_each_tried() -> None:
    wide = [f"(?:[{a}-z]{{1,40}}[0-9]{{1,40}}){{1,12}}!{a}" for a in "abcdefgh"]
    assert list(PatternSet(wide, memory=200_000).occurring(b"no match")) == list(range(8))
    assert list(PatternSet(wide).occurring(b"x1!c x1!a")) == [0, 2]
