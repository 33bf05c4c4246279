"""Numbers as they are written, in one canonical form: `1,200.50`, `1.200,50` and `1200.5` are the same."""

import re
from typing import Final
from unicodedata import decimal

from proviso.text.folding import fold

NUMERAL: Final = r"\d+(?:[.,]\d+)*"
_NUMERAL: Final = re.compile(NUMERAL)
_DIGITS: Final = re.compile(r"\d+")
_GROUPED: Final = re.compile(
    r"[1-9]\d{0,2}(?:(?P<mark>[.,])\d{3}(?:(?P=mark)\d{3})*)(?:(?!(?P=mark))[.,]\d+)?", re.ASCII
)
_DATE: Final = re.compile(r"\d{1,2}\.\d{1,2}\.\d{2,4}", re.ASCII)
_MANY_GROUPS: Final = 2


def _plain(whole: str, fraction: str = "") -> str:
    fraction = fraction.rstrip("0")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{fraction}" if fraction else whole


def _grouped(numeral: str) -> str | None:
    """The number if its marks group thousands, else None."""
    match = _GROUPED.fullmatch(numeral)
    if match is None:
        return None
    mark = match["mark"]
    head, _, last = numeral.rpartition("." if mark == "," else ",")
    if head:
        return _plain(head.replace(mark, ""), last)
    # `1.200` alone is read as in English; `1,200` and `1.200.000` group thousands.
    if mark == "." and numeral.count(".") < _MANY_GROUPS:
        return None
    return _plain(numeral.replace(mark, ""))


def canonical_numbers(numeral: str) -> list[str]:
    """The numbers that one numeral (digits with `.` and `,` between them) stands for, usually one.

    A date such as `12.03.2026` gives its parts, a list such as `1,2,3` its members; more than one point that
    groups no thousands is an identifier (`1.2.3`) and stays as it is.
    """
    if not numeral.isascii():
        numeral = "".join([c if c in ".," else str(decimal(c)) for c in numeral])
    if numeral.isdecimal():
        return [_plain(numeral)]
    if (grouped := _grouped(numeral)) is not None:
        return [grouped]
    points, commas = numeral.count("."), numeral.count(",")
    if points + commas == 1:
        whole, _, fraction = numeral.replace(",", ".").partition(".")
        return [_plain(whole, fraction)]
    if points > 1 and not commas and not _DATE.fullmatch(numeral):
        return [numeral]
    if points and commas:
        return [number for part in numeral.split(",") for number in canonical_numbers(part)]
    return [_plain(digits) for digits in _DIGITS.findall(numeral)]


def numbers(text: str) -> list[str]:
    """The numbers of a text in order and in canonical form: no grouping, no trailing zeros, `.` for decimals.

    Signs, units, currencies and ordinal endings are left out (`50 %` is `50`, `3rd` is `3`); a date gives its
    parts; numbers written as words are left alone. Time is linear in the text's length.
    """
    return [number for numeral in _NUMERAL.findall(fold(text)) for number in canonical_numbers(numeral)]
