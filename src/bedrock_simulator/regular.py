"""Makes a text that a simple regular expression fits: literals, classes, groups, alternatives and repetition."""

import string
from random import Random
from typing import Final

_DIGITS: Final = string.digits
_WORDS: Final = string.ascii_letters + string.digits + "_"
_SPACES: Final = " \t"
_ANY: Final = string.ascii_letters + string.digits + string.punctuation + " "
_CLASSES: Final = {
    "d": _DIGITS,
    "w": _WORDS,
    "s": _SPACES,
    "D": string.ascii_letters,
    "W": "-.,; ",
    "S": string.ascii_letters + string.digits,
}
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_MORE: Final = 4  # repetitions of what may repeat for ever
_MOST: Final = 20_000  # parts that a text is made of: repetitions within repetitions multiply


class NotSimple(Exception):
    """No text is made from the expression: it looks around, refers back, or wants a text that is too long."""


def text_for(pattern: str, random: Random, least: int = 0) -> str:
    """Return a text that the pattern fits. `least`: how long it should be, where the pattern leaves it open."""
    maker = _Maker(pattern, random, least)
    text = maker.alternatives(0)
    if maker.place != len(pattern):
        raise NotSimple(f"`{pattern}` has a `)` too many")
    return text


class _Maker:
    """Reads a pattern once, from left to right, and makes the text on the way."""

    def __init__(self, pattern: str, random: Random, least: int) -> None:
        self.place = 0
        self._pattern = pattern
        self._random = random
        self._more = max(_MORE, least)
        self._left = _MOST

    def alternatives(self, depth: int) -> str:
        """Read `a|b|c` and return one of them."""
        if depth > 20:
            raise NotSimple("groups lie more than 20 deep")
        made = [self._sequence(depth)]
        while self._next() == "|":
            self.place += 1
            made.append(self._sequence(depth))
        return self._random.choice(made)

    def _sequence(self, depth: int) -> str:
        pieces = []
        while (sign := self._next()) and sign not in "|)":
            pieces.append(self._repeated(depth))
        return "".join(pieces)

    def _repeated(self, depth: int) -> str:
        start = self.place
        made = self._atom(depth)
        end = self.place
        least, most = self._times()
        times = self._random.randint(least, most)
        pieces = [made] if times else []
        after = self.place
        for _ in range(times - 1):  # each time anew: `[ab]{3}` is not always `aaa`
            self.place = start
            pieces.append(self._atom(depth))
            self.place = end
        self.place = after
        return "".join(pieces)

    def _atom(self, depth: int) -> str:
        self._left -= 1
        if self._left < 0:
            raise NotSimple("the text would be too long")
        sign = self._pattern[self.place]
        self.place += 1
        if sign in "^$":
            return ""
        if sign == ".":
            return self._random.choice(_ANY)
        if sign == "[":
            return self._random.choice(self._characters())
        if sign == "(":
            return self._group(depth)
        if sign == "\\":
            return self._escaped()
        if sign in "*+?":
            raise NotSimple(f"`{sign}` repeats nothing")
        return sign

    def _group(self, depth: int) -> str:
        if self._pattern.startswith("?:", self.place):
            self.place += 2
        elif self._pattern.startswith("?", self.place):
            named = self._pattern.startswith(("?P<", "?<"), self.place)
            end = self._pattern.find(">", self.place)
            if not named or end < 0 or self._pattern.startswith(("?<=", "?<!"), self.place):
                raise NotSimple("the pattern looks around")
            self.place = end + 1
        made = self.alternatives(depth + 1)
        if self._next() != ")":
            raise NotSimple("a group does not end")
        self.place += 1
        return made

    def _escaped(self) -> str:
        sign = self._take()
        if sign in _CLASSES:
            return self._random.choice(_CLASSES[sign])
        if sign in "bBAzZ":
            return ""
        if sign.isdigit() or sign in "pPk":
            raise NotSimple(f"`\\{sign}` cannot be made")
        return self._literal(sign)

    def _literal(self, sign: str) -> str:
        """Return the character that an escape stands for."""
        size = {"x": 2, "u": 4}.get(sign)
        if size is None:
            return _ESCAPES.get(sign, sign)
        digits = self._pattern[self.place : self.place + size]
        self.place += size
        try:
            return chr(int(digits, 16))
        except ValueError as error:
            raise NotSimple(f"`\\{sign}{digits}` is no character") from error

    def _characters(self) -> str:
        """Read a class such as `[a-z\\d_]` and return its characters; of a negated one those printable."""
        negated = self._next() == "^"
        self.place += negated
        chosen: list[str] = []
        first = True
        while first or self._next() != "]":
            first = False
            characters = self._of_class()
            rest = self._pattern[self.place : self.place + 2]
            if len(characters) == 1 and len(rest) == 2 and rest[0] == "-" and rest[1] != "]":
                self.place += 1
                last = self._of_class()
                characters = "".join(
                    map(chr, range(ord(characters), min(ord(last[-1]), ord(characters) + 500) + 1))
                )
            chosen.append(characters)
        self.place += 1
        found = "".join(chosen)
        if negated:
            found = "".join(sign for sign in _ANY if sign not in found)
        if not found:
            raise NotSimple("a class has no character")
        return found

    def _of_class(self) -> str:
        sign = self._take()
        if sign != "\\":
            return sign
        sign = self._take()
        return _CLASSES.get(sign) or self._literal(sign)

    def _times(self) -> tuple[int, int]:
        """Read `*`, `+`, `?`, `{m,n}` or nothing; return how often at least and at most."""
        sign = self._next()
        least, most = 1, 1
        if sign and sign in "*+?":
            self.place += 1
            least, most = {"*": (0, self._more), "+": (1, self._more), "?": (0, 1)}[sign]
        elif sign == "{" and (end := self._pattern.find("}", self.place)) > 0:
            low, comma, high = self._pattern[self.place + 1 : end].partition(",")
            if not low.isdigit() or (high and not high.isdigit()):
                return 1, 1
            self.place = end + 1
            least = min(int(low), 1_000)
            most = least if not comma else min(int(high or least + self._more), 1_000)
        if (sign or "") and self._next() == "?":  # as few as possible: any number fits
            self.place += least != 1 or most != 1
        return least, max(least, most)

    def _next(self) -> str:
        return self._pattern[self.place : self.place + 1]

    def _take(self) -> str:
        sign = self._next()
        if not sign:
            raise NotSimple("the pattern ends in the middle")
        self.place += 1
        return sign
