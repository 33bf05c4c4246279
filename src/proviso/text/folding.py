"""Folding: one spelling for characters that mean the same (NFKC, fractions, digit grouping)."""

import re
from typing import Final
from unicodedata import normalize

# CPython's normalisation takes quadratic time on a run of combining marks: it sees a bounded piece at a time,
# cut at white space where there is some.
_PIECE: Final = re.compile(r"(?s)(?=.{1024}).{1,1023}(?:\s|(?<=.{1023}))|.+")
_HALVES: Final = {"½": ".5", "¼": ".25", "¾": ".75"}
_AFTER_DIGIT: Final = re.compile(
    r"(?<=\d)(?:(?P<grouping>[\u00a0\u2009\u202f'’٬](?=\d{3}(?!\d)))|(?P<half>[½¼¾])|٫(?=\d)|[⅐-⅞²³¹⁰⁴-⁹₀-₉])"
)


def _spell(match: re.Match[str]) -> str:
    found = match[0]
    if match["grouping"]:
        return ","
    if match["half"]:
        return _HALVES[found]
    return "." if found == "٫" else f" {found}"


def fold(text: str) -> str:
    """The text in compatibility form (NFKC, Unicode Standard Annex 15); offsets are not kept.

    Numbers stay readable: `6½` becomes `6.5`, a footnote mark leaves its number (`50¹` is `50 1`), and a
    digit group set off by a no-break space or an apostrophe gets a comma (`1'200` is `1,200`). Case is kept.
    Time is linear in the text's length.
    """
    if text.isascii():
        return _AFTER_DIGIT.sub(_spell, text) if "'" in text else text
    text = _AFTER_DIGIT.sub(_spell, text)
    if len(text) <= 1024:
        return normalize("NFKC", text)
    return "".join([normalize("NFKC", piece) for piece in _PIECE.findall(text)])
