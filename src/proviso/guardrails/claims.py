"""A draft as claims: its sentences, what each cites, and whether it states something."""

import re
from bisect import bisect_right
from collections.abc import Sequence

from msgspec import Struct

from proviso.text import sentence_spans
from proviso.types import Draft, DraftCitation

_MARK = re.compile(r"\[\d{1,3}(?:\s?[,;]\s?\d{1,3})*\]")
_NUMBER = re.compile(r"\d+")
_ITEM = re.compile(r"\s*(?:[-*+•]\s+|\#{1,6}\s+|>\s+)*(?:\(?\d{1,3}[.)]\s+)?")
_HAS_DIGIT = re.compile(r"\d")
_LEAD_IN_WORDS = 12


class Claim(Struct, frozen=True):
    """A sentence `[start, end)` of the draft, and which passages it cites, by number.

    `[start, body)` is the sentence without the marks that close it. `states` is False for a heading, a
    question or a line that leads in to a list, if it is short and has no number: it needs no source.
    """

    start: int
    end: int
    body: int
    cited: frozenset[int]
    citations: tuple[DraftCitation, ...]
    states: bool


def claims(draft: Draft) -> list[Claim]:
    """The sentences of a draft in order, each with its marks and the citations that reach into it."""
    text = draft.text
    spans = sentence_spans(text)
    starts = [start for start, _ in spans]
    marks: list[set[int]] = [set() for _ in spans]
    bodies = [end for _, end in spans]
    for mark in _MARK.finditer(text):
        place = bisect_right(starts, mark.end() - 1) - 1
        if place >= 0:
            marks[place].update(map(int, _NUMBER.findall(mark.group())))
    cites = _by_sentence(spans, draft.citations)
    for place, (start, end) in enumerate(spans):
        if marks[place]:
            bodies[place] = start + len(_without_last_marks(text[start:end]))
    return [
        Claim(
            start,
            end,
            bodies[place],
            frozenset(marks[place]).union(citation.number for citation in cites[place]),
            tuple(cites[place]),
            _states(text[start : bodies[place]]),
        )
        for place, (start, end) in enumerate(spans)
    ]


def unmarked(text: str) -> str:
    """The text without citation marks and the space before them."""
    pieces: list[str] = []
    done = 0
    for mark in _MARK.finditer(text):
        pieces.append(text[done : mark.start()].rstrip(" \t"))
        done = mark.end()
    return "".join(pieces) + text[done:] if done else text


def plain(text: str) -> str:
    """The text of a sentence without citation marks and without the number or bullet of a list item."""
    text = unmarked(text)
    item = _ITEM.match(text)
    return text[item.end() :] if item else text


def _by_sentence(
    spans: Sequence[tuple[int, int]], citations: Sequence[DraftCitation]
) -> list[list[DraftCitation]]:
    """For each sentence the citations whose span overlaps it; both lists are short."""
    return [
        [citation for citation in citations if citation.start < end and citation.end > start]
        for start, end in spans
    ]


def _without_last_marks(sentence: str) -> str:
    """The sentence up to the marks at its end (`… 95 EUR. [1]`, `… 95 EUR [1].`)."""
    body = sentence.rstrip(".!? \t")
    last = None
    while (last := _mark_at_end(body)) is not None:
        body = body[:last].rstrip(" \t")
    return sentence if body == sentence.rstrip(".!? \t") else body


def _mark_at_end(text: str) -> int | None:
    """Where a mark that ends the text begins."""
    if not text.endswith("]"):
        return None
    start = text.rfind("[")
    return start if start >= 0 and _MARK.fullmatch(text, start) else None


def _states(body: str) -> bool:
    stripped = body.strip()
    leads_in = stripped.endswith((":", "?")) or stripped.startswith("#")
    short = stripped.count(" ") < _LEAD_IN_WORDS and not _HAS_DIGIT.search(stripped)
    return not (leads_in and short) and any(map(str.isalnum, stripped))
