"""Verification of a draft against the passages it was given: pure, without a model, sentence by sentence.

What fails is refused or dropped as `outputs.on_failed_sentence` says. `repair` is treated as `drop` here:
repairing takes another model call, which only a workflow pattern can make. What the checks cannot see is in
`grounding`.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from proviso.contract import Outputs, Safety
from proviso.guardrails.answer_format import FormatCheck, json_claims
from proviso.guardrails.claims import Claim, claims, plain, unmarked
from proviso.guardrails.grounding import Support, best_quote
from proviso.text import Analyser
from proviso.text.normalise import encodable
from proviso.types import (
    Action,
    Channel,
    Citation,
    Decision,
    Draft,
    DraftCitation,
    Passage,
    StopReason,
    original_span,
)

CITATIONS = "outputs.citations"
FORMAT = "outputs.format"
NUMBERS = "safety.grounding.method.numbers"
THRESHOLD = "safety.grounding.threshold"
GROUNDING = "safety.grounding"
FILTERS = "safety.filters"

_FILTERED = (StopReason.GUARDRAIL, StopReason.FILTERED)  # by the provider's own checks


class Verified(Struct, frozen=True):
    """What is left of a draft: text whose every claim passed, its citations, and a decision for each drop."""

    text: str
    citations: tuple[Citation, ...]
    decisions: tuple[Decision, ...]


class Failed(Struct, frozen=True):
    """A draft that is not given, for the reason of one clause."""

    reason: str
    clause: str
    decisions: tuple[Decision, ...] = ()


_Quotes = list[tuple[Passage, int, int]]


class Verifier:
    """The checks of one contract. Immutable: one serves all requests of a release."""

    def __init__(
        self, outputs: Outputs, safety: Safety, check_format: FormatCheck, analyser: Analyser
    ) -> None:
        self._required = outputs.citations == "required"
        self._marks = outputs.citations != "none"
        self._cited = "citations" in safety.grounding.method and self._marks
        self._numbers = "numbers" in safety.grounding.method
        self._coverage = "coverage" in safety.grounding.method
        self._threshold = safety.grounding.threshold
        self._drops = outputs.on_failed_sentence != "refuse"
        self.is_json = outputs.format.kind == "json"
        self.check_format = check_format
        self._analyser = analyser

    def verify(self, draft: Draft, passages: Sequence[Passage]) -> Verified | Failed:
        """The verified part of a draft; `passages` are those that the model was given, in any order."""
        if draft.stop is StopReason.NO_EVIDENCE:
            return Failed("no_evidence", GROUNDING)
        if draft.stop is not StopReason.END:
            return _stopped(draft.stop)
        if self.check_format(draft.text) is not None:
            return Failed("failed_check", FORMAT)
        given = {passage.number: passage for passage in passages}
        if not self.is_json:
            return self._sentences(draft, claims(draft), given)
        # Offsets into the JSON's source say nothing about its strings: only marks are kept. They stand for
        # every string and number of the answer that has no mark of its own.
        strings = replace(draft, text=json_claims(draft.text, given), citations=())
        every = claims(strings)
        shared = frozenset().union(*[claim.cited for claim in every])
        outcome = self._sentences(strings, [replace(c, cited=c.cited or shared) for c in every], given)
        return replace(outcome, text=draft.text) if isinstance(outcome, Verified) else outcome

    def _sentences(
        self, draft: Draft, every: Sequence[Claim], passages: Mapping[int, Passage]
    ) -> Verified | Failed:
        kept: list[Claim] = []
        quotes: _Quotes = []
        failures: dict[str, int] = {}
        for claim in every:
            found = self._check(draft.text, claim, passages)
            if isinstance(found, str):
                failures[found] = failures.get(found, 0) + 1
                continue
            kept.append(claim)
            quotes += found
        decisions = tuple(
            Decision(clause, Action.FLAG, "failed_sentence", Channel.OUTPUT, count)
            for clause, count in failures.items()
        )
        if failures and not (self._drops and not self.is_json and any(claim.states for claim in kept)):
            return Failed("failed_check", next(iter(failures)), decisions)
        if self._required and not quotes:
            return Failed("failed_check", CITATIONS, decisions)
        text = _without_dropped(draft.text, every, kept) if failures else draft.text
        return Verified(text if self._marks else unmarked(text), _citations(quotes), decisions)

    def _check(self, text: str, claim: Claim, passages: Mapping[int, Passage]) -> _Quotes | str:
        """The quotes that support a claim, or the clause that it fails."""
        if not claim.cited.issubset(passages) or not all(_in_range(c, passages) for c in claim.citations):
            return CITATIONS
        if self._cited and claim.states and not claim.cited:
            return CITATIONS
        given = [c for c in claim.citations if c.quote_start >= 0]
        quotes = [(passages[c.number], c.quote_start, c.quote_end) for c in given]
        verbatim = any(_is_verbatim(text, claim, c, passages[c.number]) for c in given)
        missing = claim.cited.difference(c.number for c in given)
        if verbatim and not missing:
            return quotes
        sentence = plain(text[claim.start : claim.end])
        terms = frozenset(self._analyser.terms(sentence))
        if not verbatim:
            sources = [passages[number] for number in claim.cited] or list(passages.values())
            failed = self._ungrounded(claim, sentence, terms, sources)
            if failed:
                return failed
        for number in sorted(missing):
            span = best_quote(terms, passages[number].sentences)
            if span is not None:
                quotes.append((passages[number], *span))
            elif claim.states:
                return CITATIONS
        return quotes

    def _ungrounded(
        self, claim: Claim, sentence: str, terms: frozenset[int], sources: Sequence[Passage]
    ) -> str | None:
        """The clause that a sentence fails against what it cites, or None."""
        if not (self._numbers or (self._coverage and claim.states)):
            return None
        support = Support(sources, self._analyser)
        if self._numbers and support.unsupported_number(sentence) is not None:
            return NUMBERS
        if self._coverage and claim.states and support.coverage(terms) < self._threshold:
            return THRESHOLD
        return None


def _stopped(stop: StopReason) -> Failed:
    """No whole answer: the record says why the model stopped, and whose clause that is."""
    clause = FILTERS if stop in _FILTERED else FORMAT
    return Failed("failed_check", clause, (Decision(clause, Action.REFUSE, stop, Channel.OUTPUT),))


def _in_range(citation: DraftCitation, passages: Mapping[int, Passage]) -> bool:
    """Whether the quote, if one is given, is a part of its passage."""
    if citation.quote_start < 0 and citation.quote_end < 0:
        return True
    return 0 <= citation.quote_start < citation.quote_end <= len(passages[citation.number].text)


def _is_verbatim(text: str, claim: Claim, citation: DraftCitation, passage: Passage) -> bool:
    """Whether the whole claim is, letter by letter, within what the citation quotes."""
    if citation.start > claim.start or citation.end < claim.body:
        return False
    return text[citation.start : citation.end] == passage.text[citation.quote_start : citation.quote_end]


def _without_dropped(text: str, every: Sequence[Claim], kept: Sequence[Claim]) -> str:
    """The kept sentences, each with the white space that stood before it."""
    keep = {claim.start for claim in kept}
    pieces: list[str] = []
    before = 0
    for claim in every:
        if claim.start in keep:
            pieces.append(text[before : claim.end])
        before = claim.end
    return "".join(pieces).strip()


def _citations(quotes: _Quotes) -> tuple[Citation, ...]:
    """Each quote once, in the order of the text."""
    unique = {(passage.number, start, end): passage for passage, start, end in quotes}
    return tuple(_citation(passage, start, end) for (_, start, end), passage in unique.items())


def _citation(passage: Passage, start: int, end: int) -> Citation:
    quote = passage.text[start:end]
    first, last = original_span(passage.masks, start, end)
    return Citation(
        passage.number,
        passage.source,
        passage.document,
        passage.title,
        passage.version,
        passage.id,
        passage.start + first,
        passage.start + last,
        quote,
        sha256(encodable(quote).encode()).hexdigest(),
    )
