"""Which sentences of the passages bear on a question, best first, and which of them answer it."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from math import log
from typing import Final, NamedTuple

from proviso.models import wording
from proviso.models.questions import Question
from proviso.types import Passage

# The score of a sentence is in shares of the question. What the sentence itself covers counts most; then what
# the passage covers, the sentence before, a question right before (as in a list of questions and answers),
# and the title and the heading above; each later passage loses a little.
_OWN: Final = 0.6
_SUBJECT: Final = 0.47
_PASSAGE: Final = 0.03
_BEFORE: Final = 0.27
_ASKED_BEFORE: Final = 0.76
_UNDER: Final = 0.09
_CONTEXT: Final = 0.1
_RANK: Final = 0.018
# A sentence of the kind that is asked for gains, a heading and a fragment lose.
_FITS: Final = 0.18
_FITS_OWN: Final = 0.11
_POOR: Final = 0.6
_FEW_TERMS: Final = 4
# How many sentences are read, and for how many of the best of them it is asked whether they answer.
_SHORT_LIST: Final = 10
_LOOKED_AT: Final = 6
# What a sentence must cover of the question to answer it: a share, with what stands above it counting less. The
# more is asked, the less of it must be said again. Logistic regression on public sets, with sentences of documents
# that hold no answer, gave this form; nothing else that passages cover told more.
_NEEDED: Final = 0.93
_LESS: Final = 0.41
_ABOVE: Final = 0.7
_LEAST: Final = 0.3
# What a sentence beside it needs of that.
_BESIDE: Final = 0.47
# A sentence without the figure that is asked for must cover this much more.
_OTHER_KIND: Final = 0.18

_NOTHING: Final[frozenset[int]] = frozenset()


# (negative score, passage, sentence): sorts by merit, ties as they stand in the passages.
_Merit = tuple[float, int, int]


class Candidate(NamedTuple):
    """A sentence that may answer: the `sentence`-th of `passages[passage]`.

    `fits`: it is of the kind that is asked for; `hits`: the terms of the question that it has.
    """

    score: float
    passage: int
    sentence: int
    fits: bool
    hits: frozenset[int]


class Evidence:
    """The passages, read for one question. `titles` holds the terms of each passage's title."""

    def __init__(
        self, question: Question, passages: Sequence[Passage], titles: Sequence[frozenset[int]]
    ) -> None:
        asked = frozenset(question.weights)
        self._question = question
        self._passages = passages
        self._whole = sum(question.weights.values()) or 1.0
        self._needed = _NEEDED - _LESS * log(self._whole)
        if question.alike:
            asked = asked.union(*[other for part in question.alike for other in part.others])
        self._titles = [title & asked for title in titles]
        self._hits = [[sentence.terms & asked for sentence in passage.sentences] for passage in passages]
        if question.alike:
            self._titles = [self._in_own_words(hit) for hit in self._titles]
            self._hits = [[self._in_own_words(hit) for hit in row] for row in self._hits]
        self._seen = Counter(chain.from_iterable(chain.from_iterable(self._hits)))

    def _in_own_words(self, hit: frozenset[int]) -> frozenset[int]:
        """The terms of the question that are there, as they are or by another wording."""
        if not hit:
            return hit
        said = hit & self._question.weights.keys()
        for part in self._question.alike:
            if not part.own <= said and any(other <= hit for other in part.others):
                said |= part.own
        return said

    def ranked(self) -> list[Candidate]:
        """The best sentences, the best first.

        Each term of the question is weighted by its rarity among the sentences here: the inverse document
        frequency of BM25 (Robertson and Zaragoza, 2009), with sentences for documents.
        """
        if not self._seen:
            return []
        weights = self._question.weights
        count = sum(map(len, self._hits)) + 0.5
        rarity = {
            term: weight * log(1 + count / (self._seen[term] + 0.5)) for term, weight in weights.items()
        }
        whole = sum(rarity.values())
        share = {term: value / whole for term, value in rarity.items()}
        found: list[_Merit] = []
        for place in range(len(self._passages)):
            found += self._of_passage(place, share)
        found.sort()
        # A question is no answer.
        closer = [self._looked_at(merit) for merit in found[:_SHORT_LIST] if not self._asks(merit)]
        closer.sort(key=lambda one: (-one.score, one.passage, one.sentence))
        return closer

    def near(self) -> list[tuple[Candidate, float]]:
        """The best few sentences, each with its `support`."""
        return [(candidate, self.support(candidate)) for candidate in self.ranked()[:_LOOKED_AT]]

    def answering(self) -> list[Candidate]:
        """The best sentence that answers, then those that may be quoted beside it, the best first."""
        near = self.near()
        best = next((candidate for candidate, support in near if support >= 1), None)
        if best is None:
            return []
        return [best] + [other for other, support in near if other is not best and support >= _BESIDE]

    def _of_passage(self, place: int, share: dict[int, float]) -> list[_Merit]:
        passage, row, title = self._passages[place], self._hits[place], self._titles[place]
        text, sentences = passage.text, passage.sentences
        weigh, part = self._question.weights.__getitem__, share.__getitem__
        around = title.union(*row)
        base = _SUBJECT * sum(map(weigh, around)) / self._whole
        base += _PASSAGE * sum(map(part, around)) - _RANK * place + self._context(passage)
        before, under = _NOTHING, title
        below = _UNDER * sum(map(part, under))
        found: list[_Merit] = []
        for index, hit in enumerate(row):
            if hit or before or under:
                score = base + below
                if hit:
                    score += _OWN * sum(map(part, hit)) - _UNDER * sum(map(part, under & hit))
                if new := before - hit:
                    credit = _ASKED_BEFORE if wording.is_question(passage, index - 1) else _BEFORE
                    score += credit * sum(map(part, new))
                found.append((-score, place, index))
            if text.startswith(wording.HEADING_MARK, sentences[index].start):
                under = title | hit
                below = _UNDER * sum(map(part, under))
            before = hit
        return found

    def _context(self, passage: Passage) -> float:
        """Credit for terms of the previous question."""
        context = self._question.context
        if not context:
            return 0.0
        found = context.intersection(chain.from_iterable([s.terms for s in passage.sentences]))
        return _CONTEXT * len(found) / len(context)

    def _asks(self, merit: _Merit) -> bool:
        return wording.is_question(self._passages[merit[1]], merit[2])

    def _looked_at(self, merit: _Merit) -> Candidate:
        """The sentence scored anew after reading its text."""
        loss, place, index = merit
        score = -loss
        passage = self._passages[place]
        text = wording.text_of(passage, index)
        terms = len(passage.sentences[index].terms)
        question = self._question
        fits = question.shape is not None and question.shape.search(text) is not None
        if fits:
            own = sum([question.weights[t] for t in self._hits[place][index]])
            score += _FITS + _FITS_OWN * own / self._whole
        if wording.is_heading(text) and terms < 2 * _FEW_TERMS:
            score -= 2 * _POOR
        elif terms < _FEW_TERMS:
            score -= _POOR
        return Candidate(score, place, index, fits, self._hits[place][index])

    def support(self, candidate: Candidate) -> float:
        """How well the sentence, below its headings, covers what is asked; from 1 on, it answers."""
        place, index = candidate.passage, candidate.sentence
        own = self._hits[place][index]
        if index and wording.is_question(self._passages[place], index - 1):
            own |= self._hits[place][index - 1]
        if not own:
            return 0.0
        stake = self._question.weights.__getitem__
        covered = sum(map(stake, own)) + _ABOVE * sum(map(stake, self._above(place, index) - own))
        needed = self._needed
        if self._question.strict and not candidate.fits:
            needed += _OTHER_KIND
        return covered / self._whole / max(needed, _LEAST)

    def _above(self, place: int, index: int) -> frozenset[int]:
        """What the title and the heading above the sentence cover."""
        passage = self._passages[place]
        for above in range(index - 1, -1, -1):
            if wording.is_marked_heading(passage, above):
                return self._titles[place] | self._hits[place][above]
        return self._titles[place]
