"""Chunks: runs of whole sentences of about 200 words, each under its headings."""

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

REVISION: Final = 1
WORDS: Final = 200
OVERLAP: Final = 40
_ENOUGH: Final = WORDS // 2  # from here on a heading begins a new chunk
_UNSPACED: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
# Of scripts without blanks each character counts as a word; no word is longer than 100 characters.
_WORD: Final = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]{{1,100}}")
_HEADING: Final = re.compile(r"(#{1,6}) +(.*)")
_FENCES: Final = ("```", "~~~")


class Piece(Struct, frozen=True, gc=False):
    """A sentence, or a part of one that is longer than a chunk."""

    start: int
    end: int
    words: int
    heading: int  # how many headings have begun up to here
    is_heading: bool


class Chunk(Struct, frozen=True):
    """`[start, end)` of the text, the sentences in it, and the headings that all of it stands under."""

    start: int
    end: int
    headings: tuple[str, ...]
    sentences: tuple[tuple[int, int], ...]


def chunk(text: str, sentences: Sequence[tuple[int, int]]) -> list[Chunk]:
    """The text as chunks of at most `WORDS` words that overlap by whole sentences of at most `OVERLAP` words.

    A sentence longer than a chunk is cut between words. A heading begins a new chunk once the one before it
    is half full, never ends one, and no overlap reaches back over it. Every word is in at least one chunk.
    """
    headings = _headings(text)
    pieces = _pieces(text, sentences, [start for start, _ in headings])
    paths = _paths([heading for _, heading in headings])
    found, first = [], 0
    while first < len(pieces):
        last = _last(pieces, first)
        members = pieces[first:last]
        found.append(
            Chunk(
                start=members[0].start,
                end=members[-1].end,
                headings=_shared([paths[piece.heading] for piece in members]),
                sentences=tuple([(piece.start, piece.end) for piece in members]),
            )
        )
        first = _next(pieces, first, last)
    return found


def _headings(text: str) -> list[tuple[int, tuple[int, str]]]:
    """Where each heading begins, its level and its words; `#` inside a code fence begins none."""
    found: list[tuple[int, tuple[int, str]]] = []
    at, fenced = 0, False
    for line in text.split("\n"):
        if line.lstrip(" ").startswith(_FENCES):
            fenced = not fenced
        elif not fenced and (match := _HEADING.fullmatch(line)) and (words := match[2].strip("# \t")):
            found.append((at, (len(match[1]), words)))
        at += len(line) + 1
    return found


def _paths(headings: Sequence[tuple[int, str]]) -> list[tuple[str, ...]]:
    """For each count of headings passed, the headings that the text stands under."""
    stack: list[tuple[int, str]] = []
    paths: list[tuple[str, ...]] = [()]
    for level, words in headings:
        while stack and stack[-1][0] >= level:
            stack.pop()
        stack.append((level, words))
        paths.append(tuple([words for _, words in stack]))
    return paths


def _shared(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    shortest = min(paths, key=len)
    for depth, heading in enumerate(shortest):
        if any(path[depth] != heading for path in paths):
            return shortest[:depth]
    return shortest


def _pieces(text: str, sentences: Sequence[tuple[int, int]], heading_starts: Sequence[int]) -> list[Piece]:
    pieces: list[Piece] = []
    passed = 0
    for start, end in sentences:
        is_heading = False
        while passed < len(heading_starts) and heading_starts[passed] <= start:
            is_heading = heading_starts[passed] == start
            passed += 1
        words = [match.span() for match in _WORD.finditer(text, start, end)]
        for first in range(0, len(words), WORDS):
            part = words[first : first + WORDS]
            pieces.append(Piece(part[0][0], part[-1][1], len(part), passed, is_heading))
    return pieces


def _last(pieces: Sequence[Piece], first: int) -> int:
    """One past the last piece of the chunk that begins at `first`."""
    words, last = 0, first
    while last < len(pieces):
        piece = pieces[last]
        if last > first and (words + piece.words > WORDS or (piece.is_heading and words >= _ENOUGH)):
            break
        words += piece.words
        last += 1
    if last == len(pieces):
        return last
    content = last
    while content > first and pieces[content - 1].is_heading:
        content -= 1
    return content if content > first else last


def _next(pieces: Sequence[Piece], first: int, last: int) -> int:
    """Where the chunk after `[first, last)` begins: as far back as the overlap allows."""
    if last >= len(pieces) or pieces[last].is_heading:
        return last
    words, begin = 0, last
    while begin - 1 > first and not pieces[begin - 1].is_heading:
        words += pieces[begin - 1].words
        if words > OVERLAP:
            break
        begin -= 1
    # INVARIANT: the next chunk takes at least one new piece, or it would never end.
    if words + pieces[last].words > WORDS:
        while begin < last and sum(piece.words for piece in pieces[begin : last + 1]) > WORDS:
            begin += 1
    return begin
