"""The scanner: one pass tells which rules a folded text may concern, and only those look closer."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from proviso.guardrails.patterns import Pattern, PatternSet, flexible_spaces
from proviso.guardrails.rules import Check, CheckAfter, Found, Rule
from proviso.guardrails.width import longest_match

_WORD_REST = re.compile(rb"[A-Za-z0-9]+")
_NONE: Mapping[int, int] = MappingProxyType({})


class Match(NamedTuple):
    """A place where a rule's pattern matched, in characters of the folded text.

    `[start, end)` is the value if the rule's check agreed (`confidence` over 0); `[from_, to)` is all that
    was matched.
    """

    rule: int
    start: int
    end: int
    confidence: float
    from_: int
    to: int


class Scanner:
    """Rules compiled together. Immutable: one serves all requests of a release at once."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        sources = [rule.pattern if rule.tail else flexible_spaces(rule.pattern) for rule in rules]
        widths = [
            None if rule.tail else longest_match(source) for rule, source in zip(rules, sources, strict=True)
        ]
        # A pattern of the contract without a longest match is looked for within one line.
        lines = [not rule.tail and width is None for rule, width in zip(rules, widths, strict=True)]
        self._patterns = [Pattern(source, one_line=line) for source, line in zip(sources, lines, strict=True)]
        self._joint = [index for index, line in enumerate(lines) if not line]
        self._by_line = [index for index, line in enumerate(lines) if line]
        self._set = PatternSet([sources[index] for index in self._joint])
        tails = sorted({rule.tail for rule in rules if rule.tail})
        self._tail = Pattern(r"(?:" + "|".join(f"(?:{tail})" for tail in tails) + r")\z") if tails else None
        self.width = max((width for width in widths if width), default=0)
        self.holds_lines = bool(self._by_line)

    def matches(self, text: str, start: int = 0, last: Mapping[int, int] = _NONE) -> list[Match]:
        """All matches that begin at or after character `start` of the folded text, rule by rule.

        `last`: where, before `start`, the last value of a rule has ended.
        """
        data = text.encode()
        occurring = [self._joint[index] for index in self._set.occurring(data)]
        if not occurring and not self._by_line:
            return []
        found: list[Match] = []
        search = self._search_ascii if len(data) == len(text) else self._search
        for index in (*occurring, *self._by_line):
            rule = self.rules[index]
            check = _InARow(rule.check, rule.check_after, last.get(index)) if rule.check_after else rule.check
            search(index, check, text, data, start, found)
        return found

    def open_from(self, text: str) -> int:
        """From which character on the end of an unfinished text may still become part of a match."""
        here = len(text) - self.width
        if self.holds_lines:
            here = min(here, text.rfind("\n") + 1)
        if self._tail is not None:
            data = text.encode()
            tail = self._tail.search(data)
            if tail is not None:
                here = min(here, len(data[: tail[0]].decode()))
        return max(0, here)

    def _search_ascii(
        self, index: int, check: Check, text: str, data: bytes, start: int, into: list[Match]
    ) -> None:
        """One rule over a text whose characters are its bytes."""
        search = self._patterns[index].search
        while (span := search(data, start)) is not None:
            found = check(text, *span)
            into.append(_match(index, span, found))
            start = _resume(data, span[0], found[1] if found else 0)

    def _search(
        self, index: int, check: Check, text: str, data: bytes, start: int, into: list[Match]
    ) -> None:
        """One rule over a text with wider characters; both positions only move forward: linear time."""
        search = self._patterns[index].search
        char, byte = start, len(text[:start].encode())
        while (raw := search(data, byte)) is not None:
            first = char + len(data[byte : raw[0]].decode())
            span = (first, first + len(data[raw[0] : raw[1]].decode()))
            found = check(text, *span)
            into.append(_match(index, span, found))
            found_byte = raw[0] + len(text[first : found[1]].encode()) if found else 0
            resume = _resume(data, raw[0], found_byte)
            char = first + len(data[raw[0] : resume].decode())
            byte = resume


class _InARow:
    """A check that knows where the last value has ended."""

    __slots__ = ("_after", "_first", "_last")

    def __init__(self, first: Check, after: CheckAfter, last: int | None) -> None:
        self._first = first
        self._after = after
        self._last = last

    def __call__(self, text: str, start: int, end: int) -> Found | None:
        last = self._last
        found = self._first(text, start, end) if last is None else self._after(text, start, end, last)
        if found is not None:
            self._last = found[1]
        return found


def _match(index: int, span: tuple[int, int], found: Found | None) -> Match:
    if found is None:
        return Match(index, span[0], span[1], 0.0, span[0], span[1])
    return Match(index, found[0], found[1], found[2], span[0], max(span[1], found[1]))


def _resume(data: bytes, start: int, found_end: int) -> int:
    """Where to look on: after a value, else after the first letters and digits of what was no value."""
    if found_end > start:
        return found_end
    run = _WORD_REST.match(data, start)
    if run:
        return run.end()
    width = 1
    while start + width < len(data) and data[start + width] & 0xC0 == 0x80:
        width += 1
    return start + width
