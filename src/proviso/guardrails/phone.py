"""Telephone numbers among the other digits of a text: by shape where that is enough, else by words nearby."""

import re

Found = tuple[int, int, float]
_LEFT = 48
_RIGHT = 12
_MOST_DIGITS = 15  # ITU-T E.164
_FEWEST_DIGITS = 7
_MOST_NATIONAL_DIGITS = 13
_MOST_UNPARTED = _MOST_NATIONAL_DIGITS + _FEWEST_DIGITS - 1
_MOST_TRUNK_DIGITS = 12
_FEWEST_TRUNK_DIGITS = 9

# No decimals, date or version goes on behind it; a comma may also part two fields of a line.
_END = r"(?![\d]|[.\-/:]\d|,\d{1,3}(?![\ .\-/]?\d))"
_EXTENSION = r"(?:\ ?(?:x|ext\.?)\ ?\d{1,5})?(?![A-Za-z0-9_])"
_INTERNATIONAL = re.compile(
    rf"""(?:\+\ ?(?=[1-9(])|00[ -]?(?=[1-9]))\(?\d{{1,3}}\)?(?:[ .\-/]?\(0\))?
         (?:[ .\-/]{{1,2}}\(?\d\)?(?=[ .\-/]))?(?:[ .\-/]{{0,2}}\(?\d{{2,14}}\)?){{1,6}}{_END}{_EXTENSION}""",
    re.VERBOSE,
)
_ENDS = re.compile(_END)
# The digits from here on that one number or several may have, as far as it takes to part them.
_RUN = re.compile(rf"(?:\+\ ?)?\(?\d(?:[ .\-/()]{{0,3}}\d){{0,{_MOST_DIGITS + _FEWEST_DIGITS}}}")
_GROUP_END = re.compile(r"\d\)?(?=[ .\-/()]{1,3}\d)")
# Before what a new number begins rather than a further group of the same one.
_NEW_NUMBER = re.compile(r" ?/ | ?\((?!0\))")
# What may stand between two telephone numbers of a list.
_SEPARATOR = re.compile(r"\s{0,2}(?:[,;/|&\-]\s{0,2}|(?:or|and|oder|und|eller|og)\s{1,2})?|\.", re.IGNORECASE)
_NUMBER_AFTER = re.compile(r"(?:\s?[,;/|&]?\s?|\s(?:or|and)\s)\+\ ?\d\d?[ \-(]?\d", re.IGNORECASE)
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
    `invoice`, `account` and the like; other digits count only beside a word such as `call` or `fax`, or before
    another number. Where digits go on for more than one number has, only as many are taken as leave enough for
    the next one.
    """
    if (start and (text[start - 1].isalnum() or text[start - 1] in "_@#$€£&=")) or _goes_on_left(text, start):
        return None
    if _is_international(text, start):
        return _international(text, start)
    if _is_date(text, start, end):
        return None
    named = _named(text, start)
    if named is False:
        return None
    found = _national(text, start)
    cued = named or _CUE_AFTER.match(text, end) or _NUMBER_AFTER.match(text, end)
    return found or (_some_number(text, start, end) if cued else None)


def neighbouring_number(text: str, start: int, end: int, last: int) -> Found | None:
    """The same where a telephone number has ended at `last`: behind a mere separator all that could be one is one."""
    if not _SEPARATOR.fullmatch(text, last, start):
        return phone_number(text, start, end)
    found = _international(text, start) if _is_international(text, start) else None
    if found or _is_date(text, start, end):
        return found
    return _national(text, start) or _some_number(text, start, end) or _unparted(text, start)


def _is_international(text: str, start: int) -> bool:
    return text[start] == "+" or text.startswith("00", start)


def _is_date(text: str, start: int, end: int) -> bool:
    return bool(_DATE.search(text, start, end) or _YEARS.match(text, start))


def _international(text: str, start: int) -> Found | None:
    match = _INTERNATIONAL.match(text, start)
    if match is None:
        return None
    fewest = 8 if text[start] == "+" else 10
    end = match.end()
    extended = "x" in text[start:end]
    if not extended:
        end = _parted(text, start, fewest, _MOST_DIGITS) or end
    digits = _count(text, start, end)
    while digits > _MOST_DIGITS and not extended:
        cut = text.rfind(" ", start, end)
        if cut <= start:
            return None
        end = cut
        digits = _count(text, start, end)
    return (start, end, 0.95) if digits >= fewest else None


def _national(text: str, start: int) -> Found | None:
    parted = _parted(text, start, _FEWEST_TRUNK_DIGITS, _MOST_TRUNK_DIGITS)
    match = (parted and _NATIONAL.fullmatch(text, start, parted)) or _NATIONAL.match(text, start)
    if match is None or (match["trunk"] and not _trunk_is_plausible(text, match)):
        return None
    return start, match.end(), 0.85


def _some_number(text: str, start: int, end: int, most: int = _MOST_NATIONAL_DIGITS) -> Found | None:
    """A number of no shape of its own; that it is one has been told by something else."""
    parted = _parted(text, start, _FEWEST_DIGITS, _MOST_NATIONAL_DIGITS)
    if parted:
        return start, parted, 0.7
    if text[end : end + 1].isalnum() or not _ENDS.match(text, end) or _UNIT_AFTER.match(text, end):
        return None
    digits = _count(text, start, end)
    return (start, end, 0.7) if _FEWEST_DIGITS <= digits <= most else None


def _unparted(text: str, start: int) -> Found | None:
    """Two numbers whose groups do not say where the second begins: too many digits for one, too few for more."""
    run = _RUN.match(text, start)
    return _some_number(text, start, run.end(), most=_MOST_UNPARTED) if run else None


def _parted(text: str, start: int, fewest: int, most: int) -> int | None:
    """Where the first of several numbers in a row ends; None if the digits are not more than `most`.

    Best before what only a new number begins with, else as late as leaves the next one its digits.
    """
    run = _RUN.match(text, start)
    if run is None or (total := _count(text, *run.span())) <= most:
        return None
    best = None
    digits, place = 0, start
    for group in _GROUP_END.finditer(text, start, run.end()):
        digits += _count(text, place, group.end())
        place = group.end()
        if digits > most or total - digits < _FEWEST_DIGITS:
            break
        if digits >= fewest:
            best = place
            if _NEW_NUMBER.match(text, place):
                break
    return best


def _trunk_is_plausible(text: str, match: "re.Match[str]") -> bool:
    if _goes_on_left(text, match.start(), separators=" ./-"):
        return False
    return _FEWEST_TRUNK_DIGITS <= _count(text, *match.span("trunk")) <= _MOST_TRUNK_DIGITS


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
