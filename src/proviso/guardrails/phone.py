"""Telephone numbers among all the other digits of a text: by shape where it is enough, else by the words nearby."""

import re

Found = tuple[int, int, float]
_LEFT = 48
_RIGHT = 12
_MOST_DIGITS = 15  # ITU-T E.164
_FEWEST_DIGITS = 7
_MOST_NATIONAL_DIGITS = 13

_END = r"(?![\d]|[.\-/,:]\d)"
_EXTENSION = r"(?:\ ?(?:x|ext\.?)\ ?\d{1,5})?(?![A-Za-z0-9_])"
_INTERNATIONAL = re.compile(
    rf"""(?:\+\ ?(?=[1-9(])|00[ -]?(?=[1-9]))\(?\d{{1,3}}\)?(?:[ .\-/]?\(0\))?
         (?:[ .\-/]{{0,2}}\(?\d{{2,14}}\)?){{1,6}}{_END}{_EXTENSION}""",
    re.VERBOSE,
)
# Shapes that hardly anything else has: North American, a trunk prefix 0 set off from groups, an area code in brackets.
_NATIONAL = re.compile(
    rf"""(?: (?:1[ .\-])?(?:\(\d{{3}}\)[ .\-]?|\d{{3}}[.\-])\d{{3}}[ .\-]\d{{4}}
           | (?:1[ ])?[2-9]\d\d[ ][2-9]\d\d[ ]\d{{4}}
           | (?P<trunk>0\d{{1,4}}(?:[ .\-/]\d{{2,8}}){{1,4}})
           | \(\d{{2,5}}\)[ \-]?\d{{2,8}}(?:[ .\-]\d{{2,8}}){{0,3}}
         ){_END}{_EXTENSION}""",
    re.VERBOSE,
)
_DATE = re.compile(r"(?<!\d)(?:(?:19|20)\d\d([-./ ])\d\d?\1\d\d?|\d\d?([-./ ])\d\d?\2(?:19|20)\d\d)(?!\d)")
_YEARS = re.compile(r"(?:19|20)\d\d(?:[ \-/.]{1,3}(?:19|20)\d\d)+")
_CUE = re.compile(
    r"""phone|\btel\b|telefon|t[ée]l[ée]ph|\bmobile?\b|\bcell(?:ular)?\b|\bfax|\bcall(?:s|ed|ing)?\b|\bdial|\bring\b
      |\btext(?:ed)?\b|\bsms\b|whats\s?app|\breach|\banswer|hot\s?line|help\s?line|\bdesk\b|\bmessages?\b
      |rufnummer|handy|\boffice\b""",
    re.VERBOSE | re.IGNORECASE,
)
_CUE_AFTER = re.compile(r"[\s,:()\-]{0,3}(?:office|fax|mobile|phone|tel|cell|home|work)\b", re.IGNORECASE)
# Words after which a number is something else.
_OTHER = re.compile(
    r"""invoice|\border|\bref\b|reference|\bcase\b|ticket|account|\bacct|\bpolicy\b|claim|booking|confirmation
      |cent(?:re|er)\b|\bids?\b|\biban\b|\bcards?\b|\bssn\b|social\s+sec|\bbox\b|\bzip\b|postcode|version|\bpages?\b|\bisbn
      |\bvat\b|\btax\b|serial|tracking|amount|\bprice|budget|\btotal|\broom|flight|\bpart\b|product|licen[cs]e
      |passport|population|[$€£¥]|\b(?:EUR|USD|GBP|NOK|SEK|DKK|CHF)\b""",
    re.VERBOSE | re.IGNORECASE,
)
_UNIT_AFTER = re.compile(
    r"\s?(?:[%°$€£¥]|(?:EUR|USD|GBP|NOK|SEK|DKK|CHF|euros?|dollars?|pounds?|kroner|million|people|km|kg|m²)\b)",
    re.IGNORECASE,
)


def phone_number(text: str, start: int, end: int) -> Found | None:
    """A telephone number that begins at `start`; up to 15 digits (ITU-T E.164) and an extension.

    International and well-known national shapes stand by themselves, unless the nearest word says that they are
    an invoice, an account and the like; other digits count only beside a word such as `call` or `fax`.
    """
    if start and (text[start - 1].isalnum() or text[start - 1] in "_@#$€£&=") or _goes_on_left(text, start):
        return None
    if text[start] == "+" or text.startswith("00", start):
        return _international(text, start)
    cue, other = _last(_CUE, text, start), _last(_OTHER, text, start)
    if other > cue or _DATE.search(text, start, end) or _YEARS.match(text, start):
        return None
    national = _NATIONAL.match(text, start)
    if national and not (national["trunk"] and not _trunk_is_plausible(text, national)):
        return start, national.end(), 0.85
    return _by_context(text, start, end, cued=cue >= 0)


def _international(text: str, start: int) -> Found | None:
    match = _INTERNATIONAL.match(text, start)
    if match is None:
        return None
    end = match.end()
    digits = _count(text, start, end)
    fewest = 8 if text[start] == "+" else 10
    extended = "x" in text[start:end]
    while digits > _MOST_DIGITS and not extended:
        cut = text.rfind(" ", start, end)
        if cut <= start:
            return None
        end = cut
        digits = _count(text, start, end)
    return (start, end, 0.95) if digits >= fewest else None


def _by_context(text: str, start: int, end: int, *, cued: bool) -> Found | None:
    if not cued and not _CUE_AFTER.match(text, end):
        return None
    following = text[end : end + 2]
    goes_on = following[:1].isalnum() or (following[:1] in ".,:-/" and following[1:].isdigit())
    if goes_on or _UNIT_AFTER.match(text, end):
        return None
    digits = _count(text, start, end)
    return (start, end, 0.7) if _FEWEST_DIGITS <= digits <= _MOST_NATIONAL_DIGITS else None


def _trunk_is_plausible(text: str, match: "re.Match[str]") -> bool:
    if _goes_on_left(text, match.start(), separators=" ./-"):
        return False
    return 9 <= _count(text, *match.span("trunk")) <= 12  # noqa: PLR2004  national numbers with their 0


def _goes_on_left(text: str, start: int, separators: str = ".,-/") -> bool:
    return start > 1 and text[start - 1] in separators and text[start - 2].isdigit()


def _last(pattern: "re.Pattern[str]", text: str, start: int) -> int:
    """Where the last match in the left context begins, or -1."""
    place = -1
    for match in pattern.finditer(text, max(0, start - _LEFT), start):
        place = match.start()
    return place


def _count(text: str, start: int, end: int) -> int:
    return sum(map(str.isdigit, text[start:end]))
