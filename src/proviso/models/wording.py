"""How a sentence is worded: a heading, a question, an item of a list, one that points back."""

import re
from typing import Final

from proviso.types import Passage

# A mark, or a short line without a stop and without a figure.
_HEADING: Final = re.compile(r"\#{1,6}\s|(?![-*+•‣◦▪·–—]\s)[^.!?:;|。！？؟\d]{1,80}$")
_MARK: Final = re.compile(r"(?:[-*+•‣◦▪·–—]|\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,5})[.)]|\#{1,6}|>)\s+")
_POINTS_BACK: Final = re.compile(
    r"(?:It|Its|This|That|They|Their|These|Those|Such|He|She|Both|Otherwise)\b(?! is why)"
)
HEADING_MARK: Final = "#"
_CELL: Final = " | "
_QUESTION_MARKS: Final = "?？؟"


def text_of(passage: Passage, index: int) -> str:
    """The text of a passage's `index`-th sentence."""
    sentence = passage.sentences[index]
    return passage.text[sentence.start : sentence.end]


def is_question(passage: Passage, index: int) -> bool:
    """Whether the sentence ends with a question mark."""
    return passage.text[passage.sentences[index].end - 1] in _QUESTION_MARKS


def is_marked_heading(passage: Passage, index: int) -> bool:
    """Whether the sentence is a heading with Markdown's mark."""
    return passage.text.startswith(HEADING_MARK, passage.sentences[index].start)


def is_row(passage: Passage, index: int) -> bool:
    """Whether the sentence is a row of a table."""
    sentence = passage.sentences[index]
    return passage.text.find(_CELL, sentence.start, sentence.end) >= 0


def is_heading(text: str) -> bool:
    """Whether the sentence is, or looks like, a heading."""
    return _HEADING.match(text) is not None


def points_back(text: str) -> bool:
    """Whether the sentence can only be understood after the one before."""
    return _POINTS_BACK.match(text) is not None


def past_mark(passage: Passage, index: int) -> int:
    """Where the sentence's words begin: past the mark of a list item, a heading or a quotation."""
    sentence = passage.sentences[index]
    mark = _MARK.match(passage.text, sentence.start, sentence.end)
    return mark.end() if mark else sentence.start
