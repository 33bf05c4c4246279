"""Words and sentences of a text, as far as a simulator needs them."""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

_WORD: Final = re.compile(r"\w+(?:['’]\w+)?")
_END: Final = re.compile(
    r"(?<![.!?…])[.!?…]++[\"'”’)\]]*(?=\s)"  # a stop
    r"|[。！？]"
    r"|\n[ \t]*\n"  # a paragraph
    r"|\n(?=[ \t]*(?:[-*•|#]|\d{1,3}[.)])[ \t])"  # an item, a row or a heading
)
_SHORT: Final = frozenset(("e.g.", "i.e.", "etc.", "cf.", "no.", "art.", "sec.", "mr.", "mrs.", "dr.", "vs."))
_STOPPED_WORDS: Final = (
    "a about after all also am an and any are as at be been before but by can could did do does every for from had"
    " has have he her his how i if in into is it its may me more most much must my no not of on or our out shall"
    " she should so some than that the their them then there these they this those to under us was we were what"
    " when where which who whom whose why will with would you your please tell"
    " das dem den der des die ein eine einem einen einer es für ich im ist mit oder sich sie und von was welche"
    " welcher welches wer wie wird wo zu zum zur"
)
_STOPPED: Final = frozenset(_STOPPED_WORDS.split())


class Span(Struct, frozen=True, gc=False):
    """`[start, end)` of a text, in characters."""

    start: int
    end: int


def terms(text: str) -> list[str]:
    """Return the words of a text that carry meaning, in lower case and without the commonest endings."""
    return [_stem(word) for word in all_words(text) if word not in _STOPPED]


def all_words(text: str) -> list[str]:
    """Return every word of a text, in lower case."""
    return _WORD.findall(text.lower())


def sentences(text: str) -> Iterator[Span]:
    """Yield the sentences, items and rows of a text, without the space around them."""
    start = 0
    for found in _END.finditer(text):
        newline = found[0][0] == "\n"
        if not newline and _is_short(text, found.end()):
            continue
        yield from _trimmed(text, start, found.start() if newline else found.end())
        start = found.end()
    yield from _trimmed(text, start, len(text))


def overlap(asked: list[str], told: list[str]) -> float:
    """Return which share of the words asked for is among the words told: 0 to 1."""
    wanted = set(asked)
    return len(wanted & set(told)) / len(wanted) if wanted else 0.0


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    whole = text[start:end]
    left = start + len(whole) - len(whole.lstrip())
    right = end - (len(whole) - len(whole.rstrip()))
    if left < right:
        yield Span(left, right)


def _is_short(text: str, end: int) -> bool:
    last = text[max(0, end - 8) : end].split()
    return bool(last) and last[-1].lower() in _SHORT


def _stem(word: str) -> str:
    word = word.removesuffix("'s").removesuffix("’s")
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    for ending in ("ing", "ed", "es", "s"):
        if len(word) > len(ending) + 2 and word.endswith(ending) and not word.endswith("ss"):
            return word[: -len(ending)].removesuffix("e") or word
    return word.removesuffix("e") if len(word) > 3 else word
