"""What is quoted of the sentences that answer: few, no two alike, none that cannot be understood alone."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from proviso.models import wording
from proviso.models.evidence import Candidate
from proviso.types import Passage

# A second and a third sentence are quoted if their scores are at least this share of the best one's: less is asked
# of one that has a word of the question that nothing quoted has, more of a row of a table and of a sentence
# without the figure that is asked for where the best one has it.
_CLOSE: Final = (0.79, 0.99)
_CLOSE_ADDING: Final = (0.67, 0.72)
_MORE_OF_ROW: Final = 0.15
_MORE_OF_UNFIT: Final = 0.1
# Two sentences whose terms overlap this much (Jaccard) say the same.
_ALIKE: Final = 0.8
# A row of a table repeats a sentence, or is its neighbour's twin, if one has this share of the other's terms.
_ROW_ALIKE: Final = 0.5
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
    chosen = [best]
    for candidate in others:
        if len(chosen) > len(_CLOSE):
            break
        needed = _closeness(passages, candidate, chosen)
        if candidate.score >= needed * best.score and not _repeats(passages, candidate, chosen):
            chosen.append(candidate)
            wanted.setdefault(candidate.passage, set()).add(candidate.sentence)
    return [
        Quote(place, wording.past_mark(passages[place], index), passages[place].sentences[index].end)
        for place, indices in wanted.items()
        for index in sorted(indices)
    ]


def _closeness(passages: Sequence[Passage], one: Candidate, chosen: Sequence[Candidate]) -> float:
    """Which share of the best score the sentence needs to be quoted beside the chosen ones."""
    adds = not any(one.hits <= other.hits for other in chosen)
    share = (_CLOSE_ADDING if adds else _CLOSE)[len(chosen) - 1]
    if _is_row(passages, one):
        share += _MORE_OF_ROW
    if chosen[0].fits and not one.fits:
        share += _MORE_OF_UNFIT
    return share


def _repeats(passages: Sequence[Passage], one: Candidate, chosen: Sequence[Candidate]) -> bool:
    """Whether the sentence says what one of the chosen says."""
    return any(_alike(passages, one, other) for other in chosen)


def _alike(passages: Sequence[Passage], one: Candidate, other: Candidate) -> bool:
    terms = passages[one.passage].sentences[one.sentence].terms
    others = passages[other.passage].sentences[other.sentence].terms
    shared = len(terms & others)
    if shared >= _ALIKE * len(terms | others):
        return True
    least = min(len(terms), len(others))
    return shared >= _ROW_ALIKE * least and (_is_row(passages, one) or _is_row(passages, other))


def _is_row(passages: Sequence[Passage], one: Candidate) -> bool:
    return wording.is_row(passages[one.passage], one.sentence)


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
