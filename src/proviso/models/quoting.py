"""What is quoted of the sentences that answer: few, no two alike, none that cannot be understood alone."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from proviso.models import wording
from proviso.models.evidence import Candidate
from proviso.types import Passage

# A second and a third sentence are quoted if their scores are at least this share of the best one's.
_CLOSE: Final = (0.7, 0.8)
# Two sentences whose terms overlap this much (Jaccard) say the same.
_ALIKE: Final = 0.8
_MOST_ITEMS: Final = 6
# An answer of fewer terms needs its question beside it.
_BRIEF: Final = 3


class Quote(Struct, frozen=True, gc=False):
    """`[start, end)` of the text of `passages[passage]`: one sentence, without a list mark before it."""

    passage: int
    start: int
    end: int


def quotes(passages: Sequence[Passage], ranked: Sequence[Candidate]) -> list[Quote]:
    """The quotes of the best candidates: the best one's passage first, in reading order within a passage."""
    best, *others = ranked
    wanted = {best.passage: {best.sentence, *_companions(passages[best.passage], best.sentence)}}
    chosen = [_terms(passages, best)]
    for candidate in others:
        if len(chosen) > len(_CLOSE) or candidate.score < _CLOSE[len(chosen) - 1] * best.score:
            break
        terms = _terms(passages, candidate)
        if all(_overlap(terms, other) < _ALIKE for other in chosen):
            chosen.append(terms)
            wanted.setdefault(candidate.passage, set()).add(candidate.sentence)
    return [
        Quote(place, wording.past_mark(passages[place], index), passages[place].sentences[index].end)
        for place, indices in wanted.items()
        for index in sorted(indices)
    ]


def _terms(passages: Sequence[Passage], candidate: Candidate) -> frozenset[int]:
    return passages[candidate.passage].sentences[candidate.sentence].terms


def _overlap(one: frozenset[int], other: frozenset[int]) -> float:
    return len(one & other) / (len(one | other) or 1)


def _companions(passage: Passage, index: int) -> list[int]:
    """What the sentence points back to or briefly answers, or the list items that it announces."""
    text = wording.text_of(passage, index)
    if text.endswith(":"):
        last = index + 1
        end = min(len(passage.sentences), last + _MOST_ITEMS)
        while last < end and _is_item(passage, last):
            last += 1
        return list(range(index + 1, last))
    if not index or wording.is_heading(wording.text_of(passage, index - 1)):
        return []
    brief = len(passage.sentences[index].terms) < _BRIEF and wording.is_question(passage, index - 1)
    return [index - 1] if brief or wording.points_back(text) else []


def _is_item(passage: Passage, index: int) -> bool:
    start = passage.sentences[index].start
    return wording.past_mark(passage, index) > start and not wording.is_marked_heading(passage, index)
