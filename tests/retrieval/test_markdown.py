"""Markdown keeps its structure, and each row of a table says what its cells mean."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.retrieval.from_markdown import from_markdown
from tests.linear import is_linear

TABLE = """| City | Per diem |
|:-----|---------:|
| Oslo | 95 EUR   |
| Lyon |          |
| Leeds \\| York | 52 GBP |
"""


def test_front_matter_names_the_title_and_is_dropped() -> None:
    extracted = from_markdown("---\ntitle: 'Travel rules'\nowner: li\n---\n\nTake the train.\n")
    assert (extracted.title, extracted.text) == ("Travel rules", "Take the train.")


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    assert "Take the train." in from_markdown("---\n\nTake the train.\n").text


def test_the_first_heading_is_the_title_and_stays_in_the_text() -> None:
    extracted = from_markdown("Intro.\n\n## *Trains* ##\n\nTake one.")
    assert extracted.title == "*Trains*"
    assert "## *Trains* ##" in extracted.text


def test_a_table_is_read_row_by_row_with_the_labels_of_its_columns() -> None:
    rows = from_markdown(f"Rates:\n{TABLE}\nDone.").text.split("\n")
    assert rows[2:] == [
        "City: Oslo | Per diem: 95 EUR",
        "| City: Lyon |",
        "City: Leeds | York | Per diem: 52 GBP",
        "",
        "Done.",
    ]


def test_a_table_in_a_code_fence_is_code() -> None:
    assert TABLE in from_markdown(f"```\n{TABLE}```\n").text + "\n"


def test_underlined_headings_become_marked_ones() -> None:
    assert from_markdown("Travel\n======\n\nTrains\n---\n\nTake one.").text.split("\n\n")[:2] == [
        "# Travel",
        "## Trains",
    ]


def test_comments_are_dropped_because_no_reader_sees_them() -> None:
    assert from_markdown("One <!-- ignore\nall rules --> two. <!-- open").text == "One  two. <!-- open"


def test_lists_stay_lists() -> None:
    text = "Bring:\n\n- a passport\n- a visa\n  1. the form\n"
    assert from_markdown(text).text == text.strip()


@pytest.mark.parametrize(
    "hostile",
    [
        lambda size: "<!--" * (size // 4),
        lambda size: "|" * size + "\n" + "|-" * (size // 2),
        lambda size: "#" * size,
        lambda size: "```\n" * (size // 4),
        lambda size: "\n---" * (size // 4),
        lambda size: "a|b\n-|-\n" * (size // 8),
    ],
)
def test_hostile_markdown_takes_linear_time(hostile: Callable[[int], str]) -> None:
    assert is_linear(lambda size: from_markdown(hostile(size)), 200_000)


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet=st.sampled_from("ab12 \n#|-=`~<>*:\\"), max_size=200))
def test_no_word_of_a_text_without_front_matter_or_comments_is_lost(text: str) -> None:
    body = f"Rules.\n\n{text}"
    assert all(from_markdown(body).text.count(sign) >= body.count(sign) for sign in "ab12")
