"""YAML with places: what it reads, what it refuses, and where it says so."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.contract.document import MAX_BYTES, MAX_DEPTH, MAX_PROBLEMS, parse_document


def refused(content: bytes) -> tuple[int, int, str]:
    """Return line, column and words of the only problem."""
    _, problems = parse_document("f.yaml", content)
    assert len(problems) == 1
    return problems[0].at.line, problems[0].at.column, f"{problems[0].what}; {problems[0].fix}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("2026-01-31", "2026-01-31"),
        ("1:30", "1:30"),
        ("0123", "0123"),
        ("0x1F", "0x1F"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1_000", "1_000"),
        ("'5'", "5"),
        ('"true"', "true"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("7", 7),
        ("-7", -7),
        ("+7", 7),
        ("0.5", 0.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("-1.5E-2", -0.015),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(text: str, value: object) -> None:
    document, problems = parse_document("f.yaml", f"a: {text}\n".encode())
    assert not problems
    assert isinstance(document.value, dict)
    assert document.value["a"] == value
    assert type(document.value["a"]) is type(value)


def test_every_key_and_value_has_its_place() -> None:
    document, _ = parse_document("f.yaml", b"a:\n  b: [x,\n    {c: 1}]\n")
    assert str(document.key(("a", "b"))) == "f.yaml:2:3"
    assert str(document.at(("a", "b"))) == "f.yaml:2:6"
    assert str(document.at(("a", "b", 1, "c"))) == "f.yaml:3:9"


def test_what_is_not_there_is_placed_at_the_section_that_would_hold_it() -> None:
    document, _ = parse_document("f.yaml", b"a:\n  b: 1\n")
    assert str(document.at(("a", "missing", "deep"))) == "f.yaml:1:1"


def test_columns_count_characters_and_not_bytes() -> None:
    document, _ = parse_document("f.yaml", "{ü: 1, b: 2}".encode())
    assert document.at(("b",)).column == 11


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    document, problems = parse_document("f.yaml", b"\xef\xbb\xbfa: 1")
    assert (document.value, problems) == ({"a": 1}, ())


@pytest.mark.parametrize(
    ("content", "line", "column", "words"),
    [
        (b"a: 1\nb: 2\na: 3\n", 3, 1, "a second time, first in line 1"),
        (b"a: &x 1\n", 1, 4, "anchor"),
        (b"a: *x\n", 1, 4, "alias"),
        (b"a: !!python/object:os.system x\n", 1, 4, "is a tag"),
        (b"? [a]\n: b\n", 1, 3, "a key is a list"),
        (b"a: 1\n---\nb: 2\n", 2, 1, "a second document"),
        (b"a:\n\tb: 1\n", 2, 1, "use spaces, not tabs"),
        (b"a: b: c\n", 1, 5, "put the text in quotes"),
        (b"a: 1\nb: 'x\nc: 1\n", 2, 4, "close the quote"),
        (b"a: [1, 2\n", 1, 4, "not closed"),
        (b"a: 1\nb: \xff\n", 2, 4, "save the file as UTF-8"),
        (b"a: \x01", 1, 4, "remove the character"),
        ("a: \u00e9\nb: d\u00e9\x00".encode(), 2, 6, "U+0000"),
        (b"a: 99999999999999999999", 1, 4, "too large a number"),
        (b"a: 1e999", 1, 4, "too large a number"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place_and_fix(
    content: bytes, line: int, column: int, words: str
) -> None:
    found_line, found_column, text = refused(content)
    assert (found_line, found_column) == (line, column)
    assert words in text


def test_the_first_of_two_equal_keys_counts_and_the_second_is_skipped_whole() -> None:
    document, problems = parse_document("f.yaml", b"a: {b: 1}\na: {c: [2, {d: 3}]}\ne: 4\n")
    assert document.value == {"a": {"b": 1}, "e": 4}
    assert [problem.clause for problem in problems] == ["a"]


def test_every_problem_of_a_file_is_told_at_once() -> None:
    _, problems = parse_document("f.yaml", b"a: &x 1\nb: !t 2\na: 3\n")
    assert [(p.at.line, p.clause) for p in problems] == [(1, "a"), (2, "b"), (3, "a")]


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 900_000,
        b"{a: " * 200_000,
        b"- " * 500_000,
        b"a: &x [1]\nb: [*x, *x]\n" * 40_000,
        b"? " * 400_000,
    ],
)
def test_a_hostile_file_is_refused_at_once_and_in_a_few_words(content: bytes) -> None:
    _, problems = parse_document("f.yaml", content)
    assert 1 <= len(problems) <= MAX_PROBLEMS


def test_depth_is_bounded_and_what_stays_below_the_bound_is_read() -> None:
    document, problems = parse_document("f.yaml", b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert not problems
    assert document.value == eval("[" * MAX_DEPTH + "]" * MAX_DEPTH)


def test_a_file_over_the_limit_is_not_read_at_all() -> None:
    assert "bytes long" in refused(b"#" * (MAX_BYTES + 1))[2]


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_problems_and_nothing_else(content: bytes) -> None:
    document, problems = parse_document("f.yaml", content)
    assert document.whole or problems


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet="ab:-[]{}'\"#&*!|>%@ \n\t0.", max_size=60))
def test_any_yaml_like_text_gives_a_value_or_problems_and_nothing_else(text: str) -> None:
    document, problems = parse_document("f.yaml", text.encode())
    assert document.whole or problems
