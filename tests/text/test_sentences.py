"""Sentences are found where a reader sees them, and nothing is lost between them."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.text import sentence_spans
from tests.linear import is_linear

PIECES = st.lists(
    st.sampled_from(
        [
            "Hotels cost EUR 1.50",
            ". ",
            "\n",
            "\n\n",
            "- ",
            "| a | b |\n",
            "# ",
            "? ",
            "U.S. ",
            "No. 5",
            "。",
            "!”",
            "[1]",
        ]
    )
    | st.text(max_size=6),
    max_size=30,
).map("".join)


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@settings(deadline=None, max_examples=100)
@given(PIECES)
def test_nothing_but_white_space_stands_between_sentences(text: str) -> None:
    position = 0
    for start, end in sentence_spans(text):
        assert position <= start < end
        assert not text[position:start].strip()
        assert text[start:end] == text[start:end].strip()
        position = end
    assert not text[position:].strip()


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Li paid EUR 1.50 to the U.S. Government, e.g. for stamps.",
        "See No. 5 of Sec. 3 on p. 12.",
        "J. R. Miller, Ph.D. wrote it for Acme Inc. of Oslo.",
        "It leaves at 5 p.m. sharp, approx. 30 km from here.",
        "Visit www.example.com or write to a.b@example.com today.",
        "What is due (see Fig. 2) is paid.",
        'He said "Stop!" and went on.',
        "The case of Roe v. Wade is old.",
    ],
)
def test_a_point_inside_a_sentence_does_not_end_it(text: str) -> None:
    assert sentences(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is so. Is it? Yes! Good.", ["It is so.", "Is it?", "Yes!", "Good."]),
        ("She works in the U.S. The office is small.", ["She works in the U.S.", "The office is small."]),
        ("The answer is No. Ask again.", ["The answer is No.", "Ask again."]),
        ('He wrote: "We pay." Then he left.', ['He wrote: "We pay."', "Then he left."]),
        ("旅費は五千円です。申請してください！", ["旅費は五千円です。", "申請してください！"]),
        ("هل هذا صحيح؟ نعم.", ["هل هذا صحيح؟", "نعم."]),
        ("We pay. [1] You claim. [2]", ["We pay. [1]", "You claim. [2]"]),
    ],
)
def test_a_stop_ends_a_sentence(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_headings_and_list_items_stand_alone() -> None:
    lines = [
        "# Travel",
        "Book:",
        "- by rail",
        "- by air",
        "1. Ask first.",
        "Per diem",
        "The rate is paid daily.",
    ]
    assert sentences("\n".join(lines)) == lines


def test_a_table_row_is_one_sentence() -> None:
    rows = ["| City | Rate |", "|---|---|", "| Oslo | EUR 90. Max. 3 days |", "Bergen | EUR 80. Max. 2 days"]
    assert sentences("\n".join(["Rates:", *rows, "That is all."])) == ["Rates:", *rows, "That is all."]


def test_a_wrapped_line_does_not_end_its_sentence() -> None:
    text = "All claims must be sent to the finance\nteam within thirty days of the\nend of the journey."
    assert sentences(text) == [text]


@pytest.mark.parametrize(
    "piece",
    [".", "1. ", "A. ", "a b. c ", "\n", "A | \n\n", "!)", " ", "A\n", "(1) ", "[1]", ". \n", "- ", "。"],
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    assert is_linear(lambda size: sentence_spans(piece * (size // len(piece))), 80_000)


def test_every_offset_is_an_offset_of_the_text_as_given() -> None:
    text = "Ｆｕｌｌ width costs ５０.  \u00a0Then e\u0301 follows."
    assert [re.sub(r"\s", "", s) for s in sentences(text)] == [
        "Ｆｕｌｌwidthcosts５０.",
        "Thene\u0301follows.",
    ]
