"""An index in memory: the double of the real one, for tests and for a handful of passages."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from math import log
from typing import Final

import msgspec

from proviso.retrieval.index import (
    CONTEXT_WEIGHT,
    FILTERED_BY_ACCESS,
    FOUND,
    NO_MATCH,
    TITLE_WEIGHT,
    Found,
    Query,
)
from proviso.text import Analyser
from proviso.types import Passage

_K1: Final = 1.2
_B: Final = 0.75


class MemoryIndex:
    """Passages ranked by BM25 over the terms of their text and title, like those of a snapshot."""

    def __init__(self, passages: Iterable[Passage]) -> None:
        self._passages = tuple(passages)
        self._analyser = Analyser()
        self._postings: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._lengths = []
        for row, passage in enumerate(self._passages):
            terms = self._analyser.terms(passage.text) + self._analyser.terms(passage.title) * TITLE_WEIGHT
            self._lengths.append(len(terms))
            for term, count in Counter(terms).items():
                self._postings[term].append((row, count))

    async def search(self, query: Query, *, sources: frozenset[str], limit: int) -> Found:
        """The best `limit` passages among `sources`; see `Index`."""
        if limit < 1:
            raise ValueError("`limit` must be at least 1")
        scores = self._scores(query)
        readable = [row for row in scores if self._passages[row].source in sources]
        if not readable:
            return Found((), FILTERED_BY_ACCESS if scores else NO_MATCH)
        best = sorted(readable, key=lambda row: (-scores[row], row))[:limit]
        numbered = [
            msgspec.structs.replace(self._passages[row], number=number) for number, row in enumerate(best, 1)
        ]
        return Found(tuple(numbered), FOUND)

    def _scores(self, query: Query) -> dict[int, float]:
        weights = dict.fromkeys(self._analyser.terms(query.context), CONTEXT_WEIGHT)
        weights |= dict.fromkeys(self._analyser.terms(query.text), 1.0)
        count = len(self._passages)
        mean = sum(self._lengths) / max(1, count)
        scores: dict[int, float] = defaultdict(float)
        for term, weight in weights.items():
            postings = self._postings.get(term, [])
            rarity = log(1 + (count - len(postings) + 0.5) / (len(postings) + 0.5))
            for row, times in postings:
                damping = _K1 * (1 - _B + _B * self._lengths[row] / mean)
                scores[row] += weight * rarity * times * (_K1 + 1) / (times + damping)
        return scores
