"""How long a match of an RE2 pattern can be: what a stream must hold back for it."""

import re
from math import inf

_TOKEN = re.compile(
    r"""
      (?P<quoted>\\Q.*?(?:\\E|\Z))
    | (?P<anchor>\^|\$|\\[bBAz])
    | (?P<one>\\[pP](?:\{[^}]*\}|.)|\\x(?:\{[^}]*\}|..)|\\[0-7]{1,3}|\\.)
    | (?P<class>\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\])
    | (?P<flags>\(\?[a-zA-Z-]+\))
    | (?P<open>\((?:\?(?:P?<[^>]*>|[a-zA-Z-]*:))?)
    | (?P<close>\))
    | (?P<or>\|)
    | (?P<repeat>[*+?]|\{\d+(?:,\d*)?\})
    | (?P<literal>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def longest_match(pattern: str) -> int | None:
    """The characters of the longest text that `pattern` (which RE2 compiles) can match; None: no limit."""
    # Each open group: the widest alternative so far, the width before the last atom, the last atom's width.
    stack: list[list[float]] = [[0, 0, 0]]
    for token in _TOKEN.finditer(pattern):
        kind, text = token.lastgroup, token.group()
        top = stack[-1]
        if kind == "repeat":
            top[2] = _repeated(top[2], text)
        elif kind == "or":
            top[:] = [max(top[0], top[1] + top[2]), 0, 0]
        elif kind == "open":
            stack.append([0, 0, 0])
        elif kind == "close":
            if len(stack) > 1:
                stack.pop()
                _append(stack[-1], max(top[0], top[1] + top[2]))
        else:
            _append(top, _atom(kind, text))
    best, before, last = stack[0]
    widest = max(best, before + last)
    return None if widest == inf else int(widest)


def _append(group: list[float], width: float) -> None:
    group[1] += group[2]
    group[2] = width


def _atom(kind: str | None, text: str) -> int:
    if kind in ("anchor", "flags"):
        return 0
    return len(text.removeprefix("\\Q").removesuffix("\\E")) if kind == "quoted" else 1


def _repeated(width: float, quantifier: str) -> float:
    if quantifier == "?" or width == 0:
        return width
    if quantifier in "*+":
        return inf
    low, comma, high = quantifier[1:-1].partition(",")
    if comma and not high:
        return inf
    return width * int(high or low)
