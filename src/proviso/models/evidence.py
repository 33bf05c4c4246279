"""Which sentences of the passages answer a question, and whether any does."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from math import log
from typing import Final

from msgspec import Struct

from proviso.models.questions import Question
from proviso.types import Passage

# Weights of a sentence's score, in units of the share of the question that the sentence itself covers.
_OWN: Final = 0.9
_PASSAGE: Final = 0.1
_SUBJECT: Final = 0.5
_BEFORE: Final = 0.1
_ASKED_BEFORE: Final = 0.7  # the sentence before is a question, as in a list of questions and answers
_RANK: Final = 0.02
_CONTEXT: Final = 0.1
_FITS: Final = 0.15
_FITS_OWN: Final = 0.3
_POOR: Final = 0.3
# How many of the best are looked at more closely.
_SHORT_LIST: Final = 10
_FEW_TERMS: Final = 4
_MOST_QUOTES: Final = 3
_MOST_ITEMS: Final = 6
# A further sentence is quoted if its score is at least this share of the best one's.
_CLOSE: Final = (1.0, 0.7, 0.8)
_ALIKE: Final = 0.8
# What the evidence must cover of the question: a share of it, and a part of one ordinary term on top, so that
# a question of two terms is not answered by one of them.
_SHARE: Final = 0.25
_TERM: Final = 0.52

_HEADING: Final = re.compile(r"\#{1,6}\s|(?![-*+•‣◦▪·–—]\s)[^.!?:;|。！？؟\d]{1,80}$")
_ITEM: Final = re.compile(r"(?:[-*+•‣◦▪·–—]|\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,5})[.)])\s+|\#{1,6}\s+|>\s+")
_POINTS_BACK: Final = re.compile(r"(?:It|Its|This|That|They|Their|These|Those|Such|He|She|Both|Otherwise)\b")


class Quote(Struct, frozen=True, gc=False):
    """A sentence to quote: `[start, end)` of the text of `passages[passage]`, which is its `sentence`-th."""

    passage: int
    sentence: int
    start: int
    end: int


class _Scored(Struct, frozen=True, gc=False, order=True):
    """A candidate; the order of fields is the order of merit, ties broken by place."""

    score: float
    before_passage: int
    before_sentence: int

    @property
    def passage(self) -> int:
        return -self.before_passage

    @property
    def sentence(self) -> int:
        return -self.before_sentence


def choose(
    question: Question, passages: Sequence[Passage], titles: Sequence[frozenset[int]]
) -> tuple[Quote, ...]:
    """The sentences that answer: the best passage's first, in reading order in a passage; empty if none does.

    `titles` holds the terms of each passage's title. The score of a sentence is the share of the question's
    terms that it covers, each weighted by its rarity among the sentences here (inverse document frequency),
    with smaller credit for the passage around it, its rank, and the kind of answer that it could hold.
    """
    ranked = _closer_look(question, passages, _rank(question, passages, titles))
    if not ranked or not _proves(question, passages, titles, ranked[0]):
        return ()
    return _quotes(passages, _select(passages, ranked))


def _rank(question: Question, passages: Sequence[Passage], titles: Sequence[frozenset[int]]) -> list[_Scored]:
    """The best sentences by their terms alone."""
    asked = frozenset(question.weights)
    hits = [[sentence.terms & asked for sentence in passage.sentences] for passage in passages]
    count = sum(map(len, hits)) + 0.5
    seen = Counter(chain.from_iterable(chain.from_iterable(hits)))
    rarity = {t: w * log(1 + count / (seen[t] + 0.5)) for t, w in question.weights.items()}
    whole, whole_weight = sum(rarity.values()), sum(question.weights.values())
    if not seen:
        return []
    scored: list[_Scored] = []
    for place, row in enumerate(hits):
        around = (titles[place] & asked).union(*row)
        base = _SUBJECT * sum([question.weights[t] for t in around]) / whole_weight
        base += _PASSAGE * sum([rarity[t] for t in around]) / whole - _RANK * place
        base += _context(question, passages[place])
        before: frozenset[int] = frozenset()
        for index, hit in enumerate(row):
            score = base
            if hit:
                score += _OWN * sum([rarity[t] for t in hit]) / whole
            if before and not before <= hit:
                credit = _BEFORE + (_ASKED_BEFORE if _is_question(passages[place], index - 1) else 0.0)
                score += credit * sum([rarity[t] for t in before - hit]) / whole
            if hit or before:
                scored.append(_Scored(score, -place, -index))
            before = hit
    scored.sort(reverse=True)
    return scored[:_SHORT_LIST]


def _context(question: Question, passage: Passage) -> float:
    """Credit for terms of the previous question."""
    if not question.context:
        return 0.0
    found = question.context.intersection(chain.from_iterable([s.terms for s in passage.sentences]))
    return _CONTEXT * len(found) / len(question.context)


def _is_question(passage: Passage, index: int) -> bool:
    return passage.text[passage.sentences[index].end - 1] in "?？؟"


def _closer_look(question: Question, passages: Sequence[Passage], ranked: list[_Scored]) -> list[_Scored]:
    """The short list ordered anew after reading its text: the kind of answer, headings, questions."""
    looked: list[_Scored] = []
    for candidate in ranked:
        passage = passages[candidate.passage]
        sentence = passage.sentences[candidate.sentence]
        text = passage.text[sentence.start : sentence.end]
        score = candidate.score
        if question.shape is not None and question.shape.search(text):
            own = sum([question.weights.get(t, 0.0) for t in sentence.terms & question.weights.keys()])
            score += _FITS + _FITS_OWN * own / sum(question.weights.values())
        if text[-1] in "?？؟":
            score -= _POOR
        if _HEADING.match(text) and len(sentence.terms) < 2 * _FEW_TERMS:
            score -= 2 * _POOR
        elif len(sentence.terms) < _FEW_TERMS:
            score -= _POOR
        looked.append(_Scored(score, candidate.before_passage, candidate.before_sentence))
    looked.sort(reverse=True)
    return looked


def _proves(
    question: Question, passages: Sequence[Passage], titles: Sequence[frozenset[int]], best: _Scored
) -> bool:
    """Whether the best sentence, in its passage, speaks of what is asked."""
    passage = passages[best.passage]
    terms = passage.sentences[best.sentence].terms
    if best.sentence and _is_question(passage, best.sentence - 1):
        terms |= passage.sentences[best.sentence - 1].terms
    around = titles[best.passage].union(*[s.terms for s in passage.sentences])
    stakes = question.stakes
    covered = sum([(w if t in terms else 0.0) + (w if t in around else 0.0) for t, w in stakes.items()]) / 2
    return covered >= _SHARE * sum(stakes.values()) + _TERM


def _select(passages: Sequence[Passage], ranked: list[_Scored]) -> list[_Scored]:
    """The best sentence and those that come close and say something else."""
    best = ranked[0]
    chosen = [best]
    for candidate in ranked[1:]:
        if len(chosen) == _MOST_QUOTES or candidate.score < _CLOSE[len(chosen)] * best.score:
            break
        terms = passages[candidate.passage].sentences[candidate.sentence].terms
        if all(_overlap(terms, passages[c.passage].sentences[c.sentence].terms) < _ALIKE for c in chosen):
            chosen.append(candidate)
    return chosen


def _overlap(one: frozenset[int], other: frozenset[int]) -> float:
    """Jaccard similarity; chunks overlap and documents repeat each other."""
    return len(one & other) / (len(one | other) or 1)


def _quotes(passages: Sequence[Passage], chosen: list[_Scored]) -> tuple[Quote, ...]:
    """What is quoted: the chosen, with what they point back to and the items that they announce."""
    wanted: dict[int, set[int]] = {}
    for candidate in chosen:
        wanted.setdefault(candidate.passage, set()).add(candidate.sentence)
    best = chosen[0]
    wanted[best.passage].update(_companions(passages[best.passage], best.sentence))
    return tuple(
        [
            _quote(passages[place], place, index)
            for place, indices in wanted.items()
            for index in sorted(indices)
        ]
    )


def _companions(passage: Passage, index: int) -> list[int]:
    """The sentence that this one points back to, and the list items that it announces."""
    text, sentences = passage.text, passage.sentences
    own = text[sentences[index].start : sentences[index].end]
    if own.endswith(":"):
        last = index + 1
        while (
            last < len(sentences) and last <= index + _MOST_ITEMS and _ITEM.match(text, sentences[last].start)
        ):
            last += 1
        return list(range(index + 1, last))
    if index and _POINTS_BACK.match(own):
        before = sentences[index - 1]
        if not _HEADING.match(text[before.start : before.end]):
            return [index - 1]
    return []


def _quote(passage: Passage, place: int, index: int) -> Quote:
    """The sentence without the list mark before it."""
    sentence = passage.sentences[index]
    mark = _ITEM.match(passage.text, sentence.start, sentence.end)
    start = mark.end() if mark else sentence.start
    return Quote(place, index, start, sentence.end)
