"""PDF pages become paragraphs, headings and table rows; what has no text says so."""

import pytest

from proviso.errors import UnreadableSource
from proviso.retrieval.from_pdf import from_pdf
from proviso.retrieval.layout import blocks, running_lines
from tests.retrieval.files import ROWS, pdf_of, picture_pdf

LONG = "Every employee who travels for the company is paid for every night and each day of a journey. "


def test_broken_lines_are_joined_into_sentences() -> None:
    assert LONG.strip() in from_pdf(pdf_of(LONG * 3)).text.split("\n\n")[0]


def test_a_table_is_read_row_by_row_with_the_labels_of_its_columns() -> None:
    text = from_pdf(pdf_of("The rates of this year are these.", table=ROWS)).text
    assert "City: Oslo | Per diem: 95 EUR\nCity: Lyon | Per diem: 68 EUR" in text


def test_a_line_above_a_paragraph_is_a_heading() -> None:
    assert from_pdf(pdf_of(f"Who is paid\n\n{LONG * 2}")).text.startswith("## Who is paid\n\nEvery employee")


def test_the_title_is_that_of_the_metadata() -> None:
    assert from_pdf(pdf_of(LONG, title="Per diem\n2026")).title == "Per diem 2026"


def test_footers_that_repeat_are_left_out() -> None:
    pages = [f"{word} is the first word of this page. {LONG}" for word in ("One", "Two", "Three")]
    text = from_pdf(pdf_of(*pages, footer="Company - page")).text
    assert "Company" not in text
    assert text.count("Every employee") == 3


def test_pages_that_are_all_alike_keep_their_text() -> None:
    assert from_pdf(pdf_of("The same.", "The same.")).text.count("The same.") == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (picture_pdf(), "only images"),
        (pdf_of(LONG, password="secret"), "encrypted"),
        (pdf_of(LONG)[:300], "broken"),
        (b"%PDF-1.7\n%%EOF", "broken"),
        (b"", "broken"),
    ],
)
def test_a_pdf_without_text_says_why(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableSource, match=reason):
        from_pdf(content)


def test_columns_of_running_text_are_read_one_after_the_other() -> None:
    left = [f"The left column tells its part {n} of it" for n in range(6)]
    right = [f"while the right one goes on with {n}" for n in range(6)]
    lines = [f"{one:<50}{other}" for one, other in zip(left, right, strict=True)]
    text = " ".join(blocks(lines, frozenset()))
    assert text.index(left[5]) < text.index(right[0])
    assert "|" not in text


def test_a_cell_broken_into_lines_is_put_together() -> None:
    lines = [
        "Cover            Papers",
        "Baggage 1        The airline's report",
        "                 and a list",
    ]
    assert blocks(lines, frozenset()) == ["Cover: Baggage 1 | Papers: The airline's report and a list"]


def test_words_parted_at_a_lines_end_are_joined() -> None:
    assert blocks(["This is a re-", "imbursement."], frozenset()) == ["This is a reimbursement."]


def test_running_lines_are_those_that_differ_only_in_digits() -> None:
    pages = [["Rules", f"text {word}", f"page {n}"] for n, word in enumerate(["a", "b", "c"], 8)]
    assert running_lines(pages) == {"Rules", "page 0"}
    assert running_lines(pages[:1]) == frozenset()
