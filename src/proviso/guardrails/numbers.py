"""Checks of candidates made of digits: cards, social security numbers, bank accounts, addresses."""

import ipaddress
import re

_LEFT = 48
_RIGHT = 12
Found = tuple[int, int, float]

_CARD_WORDS = re.compile(r"card|\bcc\b|visa|master|amex|maestro|credit|debit|\bpan\b", re.IGNORECASE)
_SSN_WORDS = re.compile(r"\bssn\b|\bss#|social[\s-]{1,2}sec|\bsocial\b", re.IGNORECASE)
_VERSION_WORDS = re.compile(
    r"(?:version|release|build|firmware|section|clause|chapter|\bv\.?)\s{0,2}\Z", re.IGNORECASE
)
_OTHER_WORDS = re.compile(
    r"\b(?:invoice|order|account|case|ticket|claim|policy|booking|part|page|room|table|row|serial|tracking|isbn"
    r"|phone|tel|telephone|fax|call|amount|price|total|budget|ref|reference|suite|apt|apartment|unit|flat|floor"
    r"|building)s?\b",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"[0-9]+")
_GAP = re.compile(r"[^0-9]+")
_LAST_GROUP = re.compile(r"[^0-9]+[0-9]+\Z")
_CELL = re.compile(r"\s{1,3}[0-9]{4}(?![0-9])")
_CELL_BEFORE = re.compile(r"(?<![0-9])[0-9]{4}\s{1,3}\Z")
_NUMBER_BEFORE = re.compile(r"[0-9][\s.,_/:\-]{1,3}\Z|[$€£¥#=+(*]\s?\Z")
_NUMBER_AFTER = re.compile(r"[\s.,_/:\-]{1,3}[0-9]|\s?(?:[%°$€£¥)]|(?:EUR|USD|GBP|NOK|SEK|DKK|CHF)\b)")
# Between the groups of a social security number that no word announces; a line may end between two of them.
_SSN_GAPS = ([" ", " "], [" ", "\n"], ["\n", " "], [".", "."], ["_", "_"])
# Issuer ranges (ISO/IEC 7812): Visa, Mastercard, Amex, Diners, Discover, UnionPay, JCB, Maestro.
_CARD = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-59]|[689]\d)\d{11,16}"
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12,15}|62\d{14,17}|35\d{14,17}|(?:2131|1800)\d{11}"
    r"|(?:50|5[6-8]|6\d)\d{10,17}"
)


# Lengths by country (SWIFT, IBAN registry).
IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HN HU LB NI PL SV", 29: "BR EG PS QA UA",
        30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip


def payment_card(text: str, start: int, end: int) -> Found | None:
    """A number of an issuer's range with a right Luhn digit (ISO/IEC 7812-1), without groups after it."""
    if _goes_on_left(text, start):
        return None
    while True:
        digits = _digits(text[start:end])
        if _CARD.fullmatch(digits) and _luhn(digits) and _written_as_card(text, start, end):
            # Maestro's 12 to 15 digits are shared by many other numbers.
            short = digits[0] in "56" and len(digits) < 16
            if short and not _CARD_WORDS.search(text, max(0, start - _LEFT), start):
                return None
            return start, end, 0.95
        last = _LAST_GROUP.search(text, start, end)
        if last is None:
            return None
        end = last.start()


def _written_as_card(text: str, start: int, end: int) -> bool:
    """Whether the groups look like one number's, and not like the cells of a table."""
    gaps = _GAP.findall(text, start, end)
    # A date such as `12/27` may follow a card in groups.
    if _goes_on_right(text, end, "-." if gaps else "-./"):
        return False
    lengths = [len(group) for group in _DIGITS.findall(text, start, end)]
    if gaps and max(lengths) > 4 and lengths[:2] != [4, 6]:
        return any(not gap.isprintable() for gap in gaps)  # one number over two lines, not two numbers
    tabular = any(gap.isspace() and gap != " " for gap in gaps)
    return not (tabular and (_CELL_BEFORE.search(text[max(0, start - 8) : start]) or _CELL.match(text, end)))


def social_security_number(text: str, start: int, end: int) -> Found | None:
    """A number that the SSA may have given (20 CFR 422.110; no 000, 666, 9xx; no zero group or serial).

    With hyphens it stands by itself; with spaces, dots or underscores too, unless it may be a part of
    something else. Nine digits in other groups count only where a word nearby says what they are.
    """
    digits = _digits(text[start:end])
    if digits[:3] in ("000", "666") or digits[0] == "9" or digits[3:5] == "00" or digits[5:] == "0000":
        return None
    gaps = _GAP.findall(text, start, end)
    marks = [gap.strip() for gap in gaps]
    if ("-" in "".join(marks) and marks != ["-", "-"]) or (not gaps and len(set(digits)) == 1):
        return None
    if _goes_on_left(text, start) or _goes_on_right(text, end, "-./"):
        return None
    if _SSN_WORDS.search(text, max(0, start - _LEFT), min(len(text), end + _RIGHT)):
        return start, end, 0.95
    if marks == ["-", "-"]:
        return start, end, 0.85
    alone = gaps in _SSN_GAPS and digits[-2:] != "00" and not _part_of_more(text, start, end)
    return (start, end, 0.6) if alone else None


def _part_of_more(text: str, start: int, end: int) -> bool:
    """Whether digits or an amount stand beside a number, or a word before it says that it is another one."""
    return bool(
        _NUMBER_BEFORE.search(text[max(0, start - 4) : start])
        or _NUMBER_AFTER.match(text, end)
        or _OTHER_WORDS.search(text, max(0, start - _LEFT), start)
        or _VERSION_WORDS.search(text, max(0, start - _LEFT), start)
    )


def bank_account(text: str, start: int, end: int) -> Found | None:
    """An IBAN: the length of its country, and right check digits (ISO 13616-1, MOD 97-10 of ISO/IEC 7064)."""
    length = IBAN_LENGTHS.get(text[start : start + 2].upper())
    if length is None:
        return None
    characters: list[str] = []
    for place in range(start, end):
        if text[place].isalnum():
            characters.append(text[place])
            if len(characters) == length:
                whole = not text[place + 1 : place + 2].isalnum()
                return (start, place + 1, 0.99) if whole and _mod_97(characters) == 1 else None
    return None


def ip_address(text: str, start: int, end: int) -> Found | None:
    """An IPv4 or IPv6 address, and not a version, a time, or a name such as `std::dec`."""
    value = text[start:end]
    before, after = text[start - 1 : start], text[end : end + 2]
    if (before in (".", ":", "-") and start) or (after[:1] in (".", ":", "-") and after[1:2].isalnum()):
        return None
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return None
    if address.version == 6:
        enough = sum(map(str.isalnum, value)) >= 5 and any(map(str.isdigit, value))
        return (start, end, 0.95) if enough else None
    if _VERSION_WORDS.search(text, max(0, start - _LEFT), start):
        return None
    return start, end, 0.9


def mac_address(text: str, start: int, end: int) -> Found | None:
    """Six octets with one kind of separator."""
    separators = set(text[start + 2 : end : 3])
    around = text[start - 1 : start] if start else "", text[end : end + 1]
    if len(separators) != 1 or separators & set(around):
        return None
    return start, end, 0.95


def _luhn(digits: str) -> bool:
    """The check digit of ISO/IEC 7812-1, annex B."""
    doubled = sum(int("0246813579"[int(digit)]) for digit in digits[-2::-2])
    return (doubled + sum(map(int, digits[-1::-2]))) % 10 == 0


def _mod_97(characters: list[str]) -> int:
    moved = characters[4:] + characters[:4]
    return int("".join([str(int(character, 36)) for character in moved])) % 97


def _digits(value: str) -> str:
    return "".join(_DIGITS.findall(value))


def _goes_on_left(text: str, start: int) -> bool:
    """Whether a longer number, a decimal or an identifier began before the candidate."""
    return start > 1 and text[start - 1] in "-./" and text[start - 2].isdigit()


def _goes_on_right(text: str, end: int, marks: str) -> bool:
    """Whether a longer number, a decimal or an identifier goes on beyond the candidate."""
    return text[end : end + 1] in tuple(marks) and text[end + 1 : end + 2].isdigit()
