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
_GROUP = re.compile(r"[A-Za-z0-9]")
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
    if _inside_number(text, start, end):
        return None
    while end > start:
        digits = _digits(text[start:end])
        if _CARD.fullmatch(digits) and _luhn(digits):
            # Maestro's 12 to 15 digits are shared by many other numbers.
            short = digits[0] in "56" and len(digits) < 16
            if short and not _CARD_WORDS.search(text, max(0, start - _LEFT), start):
                return None
            return start, end, 0.95
        cut = max(text.rfind(" ", start, end), text.rfind("-", start, end))
        end = cut if cut > start else start
    return None


def social_security_number(text: str, start: int, end: int) -> Found | None:
    """A number that the SSA may have given (20 CFR 422.110; no 000, 666, 9xx; no zero group or serial).

    Nine digits without hyphens count only where a word nearby says what they are.
    """
    value = text[start:end]
    digits = _digits(value)
    if digits[:3] in ("000", "666") or digits[0] == "9" or digits[3:5] == "00" or digits[5:] == "0000":
        return None
    hyphens = value.count("-")
    if hyphens not in (0, 2) or (hyphens and " " in value) or _inside_number(text, start, end):
        return None
    if hyphens == 0 and len(set(digits)) == 1:
        return None
    named = _SSN_WORDS.search(text, max(0, start - _LEFT), min(len(text), end + _RIGHT))
    if hyphens or named:
        return start, end, 0.95 if named else 0.85
    return None


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
    return value.replace(" ", "").replace("-", "")


def _inside_number(text: str, start: int, end: int) -> bool:
    """Whether a longer number, a decimal or an identifier goes on beyond the candidate."""
    before = text[max(0, start - 2) : start]
    after = text[end : end + 2]
    left = len(before) == 2 and before[1] in "-./" and before[0].isdigit()
    right = len(after) == 2 and after[0] in "-./" and after[1].isdigit()
    return left or right
