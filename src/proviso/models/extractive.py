"""The extractive model: it answers by quoting the passages' own sentences, and needs no network."""

from collections.abc import AsyncIterator
from typing import Final

from proviso.models.evidence import Evidence
from proviso.models.protocol import ModelRequest
from proviso.models.questions import Reader
from proviso.models.quoting import Quote, quotes
from proviso.text import Analyser
from proviso.types import Draft, DraftCitation, Passage, Rendered, StopReason, Usage

_TITLES_KEPT: Final = 4_096
_STOPS: Final = (".", "!", "?", "…", ".”", '."', ".)", "。", "！", "？", "؟")


class Extractive:
    """Chooses the sentences of the passages that answer the question, and says when none does.

    A draft is verbatim sentences, each followed by its citation mark: `The rate is 90 EUR. [1]`. Its
    citations give the span of each sentence in the draft (without the mark) and in its passage. When the
    passages do not answer, the draft is empty and stops with `no_evidence`. The same request gives the same
    draft. `analyser` must be of the language in which the passages were indexed.
    """

    provider = "extractive"
    model = "extractive"

    def __init__(self, analyser: Analyser | None = None, *, name: str = "extractive") -> None:
        """`name`: what models.yaml calls it."""
        self._name = name
        self._analyser = analyser or Analyser()
        self._reader = Reader(self._analyser)
        self._titles: dict[str, frozenset[int]] = {}

    async def converse(self, request: ModelRequest) -> Draft:
        """The whole draft, in well under a millisecond; it never waits."""
        return self._draft(request)[0]

    async def stream(self, request: ModelRequest) -> AsyncIterator[str | Draft]:
        """The draft, one quoted sentence with its mark at a time."""
        draft, pieces = self._draft(request)
        for piece in pieces:
            yield piece
        yield draft

    def _draft(self, request: ModelRequest) -> tuple[Draft, list[str]]:
        rendered = request.rendered
        passages = rendered.passages
        question = self._reader.read(rendered.question.text, _previous_question(rendered), request.synonyms)
        evidence = Evidence(question, passages, [self._title(p.title) for p in passages])
        answering = evidence.answering()
        answers = quotes(passages, answering) if answering else []
        pieces, citations, stop = _write(passages, answers, request.max_tokens)
        text = "".join(pieces)
        asked = _words(rendered.question.text) + sum([_words(p.text) for p in passages])
        usage = Usage(asked, _words(text) if text else 0)
        return Draft(text, tuple(citations), stop, usage, self.provider, self.model, self._name), pieces

    def _title(self, title: str) -> frozenset[int]:
        terms = self._titles.get(title)
        if terms is None:
            if len(self._titles) >= _TITLES_KEPT:
                self._titles.clear()
            terms = self._titles[title] = frozenset(self._analyser.terms(title))
        return terms


def _previous_question(rendered: Rendered) -> str:
    return next((turn.text for turn in reversed(rendered.history) if turn.role == "user"), "")


def _words(text: str) -> int:
    return text.count(" ") + 1


def _write(
    passages: tuple[Passage, ...], answers: list[Quote], max_tokens: int
) -> tuple[list[str], list[DraftCitation], StopReason]:
    """The pieces of the draft, one a quote; a sentence that would pass `max_tokens` is left out whole."""
    pieces: list[str] = []
    citations: list[DraftCitation] = []
    position = spent = 0
    between = ""
    for quote in answers:
        passage = passages[quote.passage]
        text = passage.text[quote.start : quote.end]
        spent += _words(text) + 1
        if spent > max_tokens:
            return pieces, citations, StopReason.MAX_TOKENS
        start = position + len(between)
        citations.append(DraftCitation(start, start + len(text), passage.number, quote.start, quote.end))
        pieces.append(f"{between}{text} [{passage.number}]")
        position += len(pieces[-1])
        # A row, an item or a heading has no stop of its own: the next sentence begins a paragraph.
        between = " " if text.endswith(_STOPS) else "\n\n"
    return pieces, citations, StopReason.END if pieces else StopReason.NO_EVIDENCE
