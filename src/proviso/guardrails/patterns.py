"""Patterns that search in linear time: the only module that knows RE2."""

from collections.abc import Sequence

import re2

from proviso.guardrails.width import longest_match

Span = tuple[int, int]
_LONGEST_PATTERN = 1_000


class Pattern:
    """One compiled pattern over UTF-8 bytes; spans are byte offsets."""

    __slots__ = ("_regexp",)

    def __init__(self, source: str, *, one_line: bool = False) -> None:
        options = re2.Options()
        options.log_errors = False
        options.never_nl = one_line
        self._regexp = re2.compile(source.encode(), options)

    def search(self, data: bytes, start: int = 0) -> Span | None:
        """The leftmost match that begins at or after byte `start`; what stands before is seen by `\\b`."""
        match = self._regexp.search(data, start)
        return match.span() if match else None


class PatternSet:
    """Many patterns in one pass: which of them occur at all."""

    __slots__ = ("_all", "_sentinel", "_set")

    def __init__(self, sources: Sequence[str], *, memory: int = 32 << 20) -> None:
        """`memory` is in bytes: patterns that do not fit together are each tried by themselves."""
        options = re2.Options()
        options.log_errors = False
        options.max_mem = memory
        self._all = tuple(range(len(sources)))
        self._set = re2.Set.SearchSet(options)
        for source in sources:
            self._set.Add(source.encode())
        # INVARIANT: the empty pattern occurs in every text. RE2 answers "none" when its automaton outgrows
        # its memory; a missing sentinel tells that from a real "none": then every pattern is tried by itself.
        self._sentinel = self._set.Add(b"")
        try:
            self._set.Compile()
        except re2.error:
            self._set = None

    def occurring(self, data: bytes) -> Sequence[int]:
        """The ascending indexes of the patterns that match in `data` (all, if RE2 cannot tell)."""
        if self._set is None:
            return self._all
        found: list[int] = self._set.Match(data) or []
        if len(found) == 1 and found[0] == self._sentinel:
            return ()
        if self._sentinel not in found:
            return self._all
        return sorted(index for index in found if index != self._sentinel)


def pattern_problem(pattern: str) -> str | None:
    """What is wrong with a pattern of a contract, in words; None if it can be used."""
    if len(pattern) > _LONGEST_PATTERN:
        return f"a pattern of {len(pattern):,} characters; {_LONGEST_PATTERN:,} are the most"
    try:
        compiled = Pattern(flexible_spaces(pattern))
    except re2.error as error:
        reason = error.args[0]
        words = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        return f"not a pattern that RE2 can compile: {words}"
    except UnicodeEncodeError:
        return "a lone surrogate in the pattern"
    if compiled.search(b"") is not None or longest_match(pattern) == 0:
        return "it matches the empty text, and so every text"
    return None


def flexible_spaces(pattern: str) -> str:
    """The pattern with each literal space outside a class standing for one to eight white-space characters.

    So that `we will reimburse` is found across a line break or a double space too.
    """
    pieces: list[str] = []
    in_class = False
    index = 0
    while index < len(pattern):
        char = pattern[index]
        if char == "\\":
            end = _quoted_end(pattern, index) if pattern.startswith("\\Q", index) else index + 2
            pieces.append(pattern[index:end])
            index = end
            continue
        in_class = (in_class or char == "[") and not (in_class and char == "]")
        quantified = pattern[index + 1 : index + 2] in ("*", "+", "?", "{")
        pieces.append(r"\s{1,8}" if char == " " and not in_class and not quantified else char)
        index += 1
    return "".join(pieces)


def _quoted_end(pattern: str, start: int) -> int:
    end = pattern.find("\\E", start)
    return len(pattern) if end < 0 else end
