"""Whether what a sentence says stands in the passages that it cites: numbers and terms, without a model.

It sees invented numbers and foreign words. It does not see swapped words, negations, or a right number in a
wrong place: only a model that reads both texts does.
"""

import re
from collections.abc import Sequence

from proviso.text import Analyser, numbers
from proviso.types import Passage, Sentence

_WORDS = tuple(str.split("zero one two three four five six seven eight nine ten eleven twelve"))
_DIGIT = re.compile(r"\d")
_MOST_SENTENCES_OF_A_QUOTE = 3


class Support:
    """The terms of some passages, as tokenised when they were indexed; their titles count too."""

    __slots__ = ("_analyser", "_terms")

    def __init__(self, passages: Sequence[Passage], analyser: Analyser) -> None:
        self._analyser = analyser
        parts = [sentence.terms for passage in passages for sentence in passage.sentences]
        titles = [analyser.terms(passage.title) for passage in passages]
        self._terms = frozenset().union(*parts, *titles)

    def unsupported_number(self, sentence: str) -> str | None:
        """The first number of the sentence in no passage; up to twelve it may stand there as a word."""
        for number in numbers(sentence) if _DIGIT.search(sentence) else ():
            spellings = [number]
            if number.isdecimal() and int(number) < len(_WORDS):
                spellings.append(_WORDS[int(number)])
            if not any(self._terms.intersection(self._analyser.terms(spelling)) for spelling in spellings):
                return number
        return None

    def coverage(self, terms: frozenset[int]) -> float:
        """The share of a sentence's terms that the passages have, 0 … 1; a sentence without terms has 1."""
        return len(terms & self._terms) / len(terms) if terms else 1.0


def best_quote(terms: frozenset[int], sentences: Sequence[Sentence]) -> tuple[int, int] | None:
    """The run `[start, end)` of up to three sentences that covers most terms, the shortest of equals."""
    hits = [terms & sentence.terms for sentence in sentences]
    whole = len(frozenset().union(*hits))
    best: tuple[int, int] | None = None
    most = 0
    for length in range(1, _MOST_SENTENCES_OF_A_QUOTE + 1):
        if most == whole:  # no longer run covers more
            break
        for first in range(len(sentences) - length + 1):
            covered = len(hits[first].union(*hits[first + 1 : first + length]))
            if covered > most:
                most = covered
                best = (sentences[first].start, sentences[first + length - 1].end)
    return best
