"""A plain form of a text for looking at it, with the way back to the characters as they were written.

Every character is folded by itself, so a text folds the same however it is cut. Decoders that fold
several characters into one (HTML entities, percent escapes, `[at]`) fit the same type: `starts` and `ends`
name, for each folded character, the span that it stands for.
"""

import re
import unicodedata
from array import array

from msgspec import Struct

_SURROGATE = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\ufffd"
_DASHES = frozenset("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d")
# Not of category Cf, but as invisible: grapheme joiner, Hangul fillers, variation selectors, Mongolian ones.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)


class Normalised(Struct, frozen=True, gc=False):
    """The folded text: character `i` stands for `[starts[i], ends[i])` of the original; None: `[i, i+1)`."""

    text: str
    starts: "array[int] | None" = None
    ends: "array[int] | None" = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The part of the original that `[start, end)` of the folded text stands for; `start < end`."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]

    def whole(self, place: int) -> int:
        """The last place up to `place` (≥ 0) in the folded text where a character of the original begins."""
        if self.starts is not None:
            while 0 < place < len(self.starts) and self.starts[place] == self.starts[place - 1]:
                place -= 1
        return place


def normalise(text: str) -> Normalised:
    """NFKC character by character; nothing invisible; every script's digits, dashes and spaces in ASCII.

    Linear in the text; a text of ASCII alone is returned as it is. Lone surrogates become U+FFFD.
    """
    if text.isascii():
        return Normalised(text)
    folds = {char: fold for char in set(text) if char > "\x7f" and (fold := _fold(char)) != char}
    if not folds:
        return Normalised(text)
    if all(len(fold) == 1 for fold in folds.values()):
        return Normalised(text.translate({ord(char): fold for char, fold in folds.items()}))
    return _with_offsets(text, folds)


def encodable(text: str) -> str:
    """The text with each lone surrogate replaced by U+FFFD: same length, and every encoder takes it."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub(_REPLACEMENT, text)
    return text


def _fold(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cf" or _INVISIBLE.match(char):
        return ""
    if category == "Cs":
        return _REPLACEMENT
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if char in _DASHES:
        return "-"
    if category == "Zs":
        return " "
    return unicodedata.normalize("NFKC", char)


def _with_offsets(text: str, folds: dict[str, str]) -> Normalised:
    pieces: list[str] = []
    starts = array("L")
    ends = array("L")
    done = 0
    for match in re.finditer("[" + "".join(map(re.escape, folds)) + "]", text):
        here = match.start()
        fold = folds[match.group()]
        starts.extend(range(done, here))
        ends.extend(range(done + 1, here + 1))
        starts.extend([here] * len(fold))
        ends.extend([here + 1] * len(fold))
        pieces += (text[done:here], fold)
        done = here + 1
    starts.extend(range(done, len(text)))
    ends.extend(range(done + 1, len(text) + 1))
    pieces.append(text[done:])
    return Normalised("".join(pieces), starts, ends)
