"""The shapes of sensitive fields: a pattern, a check, and what of an unfinished text may still be needed."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from proviso.guardrails import numbers, secrets
from proviso.guardrails.phone import neighbouring_number, phone_number

# A check looks at a candidate in its text and answers the value's (start, end, confidence), or None.
Found = tuple[int, int, float]
Check = Callable[[str, int, int], Found | None]
# The same where the last value of the rule has ended at a place (the fourth argument) before the candidate.
CheckAfter = Callable[[str, int, int, int], Found | None]

# How far checks look to the left and to the right of a candidate, in characters.
LEFT_CONTEXT = 48
RIGHT_CONTEXT = 12


class Rule(Struct, frozen=True):
    """How one type of sensitive field is found.

    `tail` is an RE2 pattern: anchored at the end of a text, it matches everything there that a match of
    `pattern` (with its right context) could begin with. A stream holds back no more than that. An empty
    `tail` means that the longest match of `pattern` is held back: a pattern of the contract. `check_after` takes
    the place of `check` once a value has been found: values that are written in a row tell of each other.
    """

    name: str
    pattern: str
    tail: str
    check: Check
    check_after: CheckAfter | None = None


# Latin, Greek and Cyrillic. Scripts without spaces are left out: there an address would swallow the sentence.
_LETTERS = r"A-Za-z\x{C0}-\x{24F}\x{370}-\x{52F}"
_WORD_TAIL = r"[A-Za-z0-9/+=]{1,64}"
# What may stand between the groups of one number; the vertical tab and three of Unicode's line ends are no `\s`.
_GAP_MARKS = r"\s\x{0B}\x{85}\x{2028}\x{2029}._/\-"
_GAP = rf"[{_GAP_MARKS}]{{0,3}}"
_SIGN = r"[+(][ (]{0,2}"
_NUMBER_TAIL = rf"(?s)(?:{_SIGN})?\d[\d()+{_GAP_MARKS}]{{0,96}}(?:(?:x|ext\.?) ?\d{{0,5}})?.{{0,12}}|{_SIGN}"
# How an address writes its `@`: itself, alone between spaces, percent-encoded, as a reference of HTML.
_AT = r"(?:@| @ |%40|&(?i:#0?64|#x0?40|commat);)"
_LOCAL = rf"[{_LETTERS}0-9._%+'\-]{{1,64}}"
_HEX_TAIL = r"[0-9A-Fa-f:.\-]{1,56}"


def built_in_rules() -> Mapping[str, Rule]:
    """Every type that can be found without a model, by its name in the contract."""
    rules = (
        Rule(
            "EMAIL",
            rf"{_LOCAL}{_AT}[{_LETTERS}0-9.\-]{{3,180}}",
            rf"{_LOCAL}(?:{_AT}[{_LETTERS}0-9.\-]{{0,182}}| @?|&[#0-9A-Za-z]{{0,6}})?",
            secrets.email,
        ),
        Rule(
            "CREDIT_DEBIT_CARD_NUMBER",
            rf"\b(?:(?:\d{{4}}{_GAP}){{3}}\d{{1,4}}(?:{_GAP}\d{{1,3}})?|\d{{4}}{_GAP}\d{{6}}{_GAP}\d{{4,5}}|\d{{12,19}})\b",
            _NUMBER_TAIL,
            numbers.payment_card,
        ),
        Rule(
            "US_SOCIAL_SECURITY_NUMBER",
            rf"\b\d{{3}}{_GAP}\d{{2}}{_GAP}\d{{4}}\b",
            _NUMBER_TAIL,
            numbers.social_security_number,
        ),
        Rule(
            "INTERNATIONAL_BANK_ACCOUNT_NUMBER",
            r"\b[A-Za-z]{2}\d{2}[ \-]?[A-Za-z0-9]{4}(?:[ \-]?[A-Za-z0-9]){7,26}",
            r"[A-Za-z]{1,2}(?:\d{1,2}(?:[ \-]?[A-Za-z0-9]){0,30}[ \-]?.?)?",
            numbers.bank_account,
        ),
        Rule(
            "PHONE",
            r"(?:\+ ?)?\(?\d(?:[ .\-/()]{0,3}\d){6,14}(?: ?(?:x|ext\.?) ?\d{1,5}\b)?",
            _NUMBER_TAIL,
            phone_number,
            neighbouring_number,
        ),
        Rule(
            "IP_ADDRESS",
            r"(?i)\b(?:\d{1,3}\.){3}\d{1,3}\b|(?:\b[0-9a-f]{1,4}|:):(?:[0-9a-f]{0,4}:){0,6}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{1,4})\b",
            _HEX_TAIL,
            numbers.ip_address,
        ),
        Rule(
            "MAC_ADDRESS",
            r"\b[0-9A-Fa-f]{2}(?:[:\-][0-9A-Fa-f]{2}){5}\b",
            _HEX_TAIL,
            numbers.mac_address,
        ),
        Rule(
            "AWS_ACCESS_KEY", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", _WORD_TAIL, secrets.aws_access_key
        ),
        Rule("AWS_SECRET_KEY", r"[A-Za-z0-9/+]{40}", _WORD_TAIL, secrets.aws_secret_key),
        Rule(
            "URL",
            r"(?i)\b(?:https?://|ftp://|www\.)[^\s<>\"'`]{2,500}",
            r"[^\s<>\"'`]{1,512}",
            secrets.url,
        ),
    )
    return {rule.name: rule for rule in rules}


def custom_rule(name: str, pattern: str) -> Rule:
    """A type of the contract by its pattern alone; a stream holds back the pattern's longest match."""
    return Rule(name, pattern, "", _as_it_is)


def _as_it_is(text: str, start: int, end: int) -> Found | None:
    return start, end, 1.0
