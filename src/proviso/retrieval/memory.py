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
    SYNONYM_WEIGHT,
    TITLE_WEIGHT,
    Found,
    Query,
)
from proviso.text import Alternative, Analyser
from proviso.types import Passage

_K1: Final = 1.2
_B: Final = 0.75


class MemoryIndex:
    """Passages ranked by BM25 over the terms of their text and title, like those of a snapshot."""

    def __init__(self, passages: Iterable[Passage]) -> None:
        self._passages = tuple(passages)
        self.longest = max((len(passage.text.encode()) for passage in self._passages), default=0)
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
        alike = query.synonyms.alternatives(query.text) if query.synonyms else []
        reworded = {term for part in alike for term in part.own}
        weights = dict.fromkeys(self._analyser.terms(query.context), CONTEXT_WEIGHT)
        weights |= dict.fromkeys(self._analyser.terms(query.text), 1.0)
        scores: dict[int, float] = defaultdict(float)
        for term, weight in weights.items():
            if term not in reworded:
                for row, score in self._bm25(term).items():
                    scores[row] += weight * score
        for part in alike:
            for row, score in self._best_wording(part).items():
                scores[row] += score
        return scores

    def _best_wording(self, part: Alternative) -> dict[int, float]:
        """For each row, the score of the best of the ways to say a part of the question."""
        best: dict[int, float] = defaultdict(float)
        for term in part.own:
            for row, score in self._bm25(term).items():
                best[row] += score
        for other in part.others:
            found = [self._bm25(term) for term in other]
            for row in set[int].intersection(*map(set, found)):
                best[row] = max(best[row], SYNONYM_WEIGHT * sum([scores[row] for scores in found]))
        return best

    def _bm25(self, term: int) -> dict[int, float]:
        postings = self._postings.get(term, [])
        count = len(self._passages)
        mean = sum(self._lengths) / max(1, count)
        rarity = log(1 + (count - len(postings) + 0.5) / (len(postings) + 0.5))
        damping = {row: _K1 * (1 - _B + _B * self._lengths[row] / mean) for row, _ in postings}
        return {row: rarity * times * (_K1 + 1) / (times + damping[row]) for row, times in postings}
