"""Checks of candidates made of words: e-mail addresses, AWS keys, URLs."""

import re

_LEFT = 48
_AT = re.compile(r" @ |@|%40|&(?:#0?64|#x0?40|commat);", re.IGNORECASE)
_AWS_WORDS = re.compile(r"aws|amazon|secret|access[\s_-]?key", re.IGNORECASE)
_KEY_CHARACTERS = re.compile(r"[A-Za-z0-9/+=]")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_TOP_LEVEL = re.compile(r"[^\W\d_]{2,24}|xn--[a-z0-9\-]{2,59}", re.IGNORECASE)
_CLOSING = re.compile(r"[.,;:!?)\]}]+\Z")


def email(text: str, start: int, end: int) -> tuple[int, int, float] | None:
    """An address with a plausible last label; leading and trailing marks of the sentence are left out."""
    # The last one: the part before it may have a `%40` of its own, the part after it none.
    local_end, domain = [sign.span() for sign in _AT.finditer(text, start, end)][-1]
    while start < local_end and text[start] in ".'-":
        start += 1
    labels = text[domain:end].split(".")
    # Marks of the sentence, and what follows them, are no part of the address: `a@b.com.`, `a@b.com.Next`.
    good = next((place for place, label in enumerate(labels) if not label.strip("-")), len(labels))
    while good > 1 and not _TOP_LEVEL.fullmatch(labels[good - 1]):
        good -= 1
    if start == local_end or good < 2:
        return None
    return start, domain + len(".".join(labels[:good])), 0.95


def aws_access_key(text: str, start: int, end: int) -> tuple[int, int, float] | None:
    """The ID of an AWS access key: the prefix and the length are enough."""
    return start, end, 0.95


def aws_secret_key(text: str, start: int, end: int) -> tuple[int, int, float] | None:
    """Forty base64 characters near a word that says what they are; hexadecimal digests are not."""
    # `=` may stand before a value: `secret=…`.
    if _KEY_CHARACTERS.match(text, end) or (
        start and text[start - 1] != "=" and _KEY_CHARACTERS.match(text, start - 1)
    ):
        return None
    value = text[start:end]
    mixed = any(map(str.isdigit, value)) and value.upper() != value != value.lower()
    if not mixed or _HEX.fullmatch(value) or not _AWS_WORDS.search(text, max(0, start - _LEFT), start):
        return None
    return start, end, 0.9


def url(text: str, start: int, end: int) -> tuple[int, int, float] | None:
    """A web address without the marks of the sentence around it."""
    trailing = _CLOSING.search(text, start, end)
    return start, trailing.start() if trailing else end, 0.95
