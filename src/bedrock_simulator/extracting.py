"""The extractive answer: sentences of the prompt's passages that share most words with the question."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from bedrock_simulator.passages import Passage
from bedrock_simulator.wording import Span, sentences, terms

_MOST: Final = 3  # sentences
_CLOSE: Final = 0.75  # of the best score, for another sentence to be quoted
_FITS: Final = 0.34  # the share of the question that a sentence, with its title, must have words for
_OF_TITLE: Final = 0.5  # what a word is worth that only the title has


class Quoted(Struct, frozen=True):
    """A sentence of a passage: where it lies in which of its parts."""

    passage: Passage
    part: int
    span: Span

    @property
    def text(self) -> str:
        """The sentence on one line."""
        return " ".join(self.source.split())

    @property
    def source(self) -> str:
        """The sentence as the passage has it."""
        return self.passage.parts[self.part][self.span.start : self.span.end]


class _Candidate(Struct):
    quoted: Quoted
    words: frozenset[str]
    title: frozenset[str]
    score: float = 0.0


def extract(question: str, passages: Sequence[Passage]) -> tuple[Quoted, ...]:
    """Return the sentences that answer a question best, the best one first; none where none does."""
    asked = list(dict.fromkeys(terms(question)))
    candidates = [one for passage in passages for one in _candidates(passage)]
    if not asked or not candidates:
        return ()
    weights = _weights(asked, candidates)
    whole = sum(weights.values())
    for one in candidates:
        own = sum(weights[word] for word in asked if word in one.words)
        title = sum(weights[word] for word in asked if word in one.title - one.words)
        one.score = (own + _OF_TITLE * title) / whole if own else 0.0
    ranked = sorted(candidates, key=lambda one: -one.score)  # stable: the order of the prompt breaks ties
    if ranked[0].score < _FITS:
        return ()
    chosen = [ranked[0]]
    for one in ranked[1:]:
        if len(chosen) == _MOST or one.score < _CLOSE * ranked[0].score:
            break
        if all(one.words != other.words for other in chosen):
            chosen.append(one)
    return tuple(one.quoted for one in chosen)


def blocks_of(quotes: Sequence[Quoted]) -> list[dict[str, Any]]:
    """Return content blocks: words with `[n]` after each sentence, citation blocks for documents that ask for them."""
    blocks: list[dict[str, Any]] = []
    for quoted in quotes:
        if quoted.passage.place == "mark":
            text = f"{quoted.text} [{quoted.passage.number}]"
            if blocks and "text" in blocks[-1]:
                blocks[-1] = {"text": f"{blocks[-1]['text']} {text}"}
            else:
                blocks.append({"text": text})
        else:
            blocks.append({"citationsContent": _cited(quoted)})
    return blocks


def text_of(quotes: Sequence[Quoted]) -> str:
    """Return the sentences, each with its `[n]`."""
    return " ".join(f"{quoted.text} [{quoted.passage.number}]" for quoted in quotes)


def _cited(quoted: Quoted) -> dict[str, Any]:
    passage, span = quoted.passage, quoted.span
    if passage.place == "characters":
        location = {"documentChar": {"documentIndex": passage.index, "start": span.start, "end": span.end}}
    elif passage.place == "chunks":
        chunk = {"documentIndex": passage.index, "start": quoted.part, "end": quoted.part + 1}
        location = {"documentChunk": chunk}
    else:
        block = {"searchResultIndex": passage.index, "start": quoted.part, "end": quoted.part + 1}
        location = {"searchResultLocation": block}
    citation: dict[str, Any] = {"title": passage.title, "sourceContent": [{"text": quoted.source}]}
    if passage.source:
        citation["source"] = passage.source
    return {"content": [{"text": quoted.text}], "citations": [citation | {"location": location}]}


def _candidates(passage: Passage) -> list[_Candidate]:
    title = frozenset(terms(passage.title))
    return [
        _Candidate(Quoted(passage, index, span), frozenset(terms(part[span.start : span.end])), title)
        for index, part in enumerate(passage.parts)
        for span in sentences(part)
    ]


def _weights(asked: Sequence[str], candidates: Sequence[_Candidate]) -> dict[str, float]:
    """Return what each word of the question is worth: more where fewer sentences have it."""
    spread = Counter(word for one in candidates for word in one.words)
    return {word: math.log(1 + len(candidates) / (1 + spread[word])) + 0.1 for word in asked}
