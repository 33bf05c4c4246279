"""Telephone numbers among the other digits of a text: by shape where that is enough, else by words nearby."""

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
# Shapes that hardly anything else has: North American, a trunk prefix 0 with groups, a code in brackets.
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
# Words before a number that say that it is a telephone number …
_CUES = frozenset(
    str.split(
        """
        phone phones telephone telephones telefon telefonnummer téléphone teléfono telefono tel mobile mobil
        cell cellular cellphone handy rufnummer fax telefax call calls called calling dial dialling
        dialing ring text texted sms whatsapp signal reach reached answering answer hotline helpline desk
        message messages office
        """
    )
)
# … or something else; the nearest word decides.
_OTHERS = frozenset(
    str.split(
        """
        invoice invoices order orders ref reference case ticket account accounts acct policy claim claims
        booking confirmation centre center id ids iban card cards ssn social box zip postcode version page
        pages isbn vat tax serial tracking amount price budget total room flight part product license licence
        passport population eur usd gbp nok sek dkk chf file record document contract project employee member
        customer code
        """
    )
)
_WORDS = re.compile(r"[^\W\d_]+")
_CUE_AFTER = re.compile(r"[\s,:()\-]{0,3}(?:office|fax|mobile|phone|tel|cell|home|work)\b", re.IGNORECASE)
_UNIT_AFTER = re.compile(
    r"\s?(?:[%°$€£¥]|(?:EUR|USD|GBP|NOK|SEK|DKK|CHF|euros?|dollars?|pounds?|kroner|million|people|km|kg|m²)\b)",
    re.IGNORECASE,
)


def phone_number(text: str, start: int, end: int) -> Found | None:
    """A telephone number that begins at `start`; up to 15 digits (ITU-T E.164) and an extension.

    International and well-known national shapes stand by themselves, unless the nearest telling word is
    `invoice`, `account` and the like; other digits count only beside a word such as `call` or `fax`.
    """
    if (start and (text[start - 1].isalnum() or text[start - 1] in "_@#$€£&=")) or _goes_on_left(text, start):
        return None
    if text[start] == "+" or text.startswith("00", start):
        return _international(text, start)
    if _DATE.search(text, start, end) or _YEARS.match(text, start):
        return None
    named = _named(text, start)
    if named is False:
        return None
    national = _NATIONAL.match(text, start)
    if national and not (national["trunk"] and not _trunk_is_plausible(text, national)):
        return start, national.end(), 0.85
    return _by_context(text, start, end, cued=named is True)


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
    return 9 <= _count(text, *match.span("trunk")) <= 12


def _goes_on_left(text: str, start: int, separators: str = ".,-/") -> bool:
    return start > 1 and text[start - 1] in separators and text[start - 2].isdigit()


def _named(text: str, start: int) -> bool | None:
    """Whether the nearest telling word on the left says telephone; None where there is none."""
    for word in reversed(_WORDS.findall(text[max(0, start - _LEFT) : start].lower())):
        if word in _CUES:
            return True
        if word in _OTHERS:
            return False
    return None


def _count(text: str, start: int, end: int) -> int:
    return sum(map(str.isdigit, text[start:end]))
