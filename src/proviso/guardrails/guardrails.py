"""The guardrails of one release: compiled once, immutable, shared by all its requests."""

from collections.abc import Mapping, Sequence
from typing import Any

from proviso.contract import ReleasePart
from proviso.guardrails.answer_format import format_check, rewritten
from proviso.guardrails.policies import channel_policies
from proviso.guardrails.purpose import PurposeFilter, purpose_filter
from proviso.guardrails.refusals import Refusals
from proviso.guardrails.screening import ChannelPolicy, Finding, Masking, Tally
from proviso.guardrails.streaming import ScreenStream
from proviso.guardrails.verification import FORMAT, Failed, Verifier
from proviso.text import Analyser
from proviso.text.normalise import encodable, normalise
from proviso.types import Action, Answer, Channel, Decision, Draft, Mask, Passage, Refusal, Screened


class Guardrails:
    """Screens what goes in and out, refuses what the contract refuses, verifies what a model drafted."""

    def __init__(
        self,
        policies: Mapping[Channel, ChannelPolicy],
        purposes: PurposeFilter,
        verifier: Verifier,
        refusals: Refusals,
        *,
        max_chars: int,
    ) -> None:
        self._policies = policies
        self._purposes = purposes
        self._verifier = verifier
        self._refusals = refusals
        self._max_chars = max_chars

    @property
    def max_chars(self) -> int:
        """The longest question, in characters (`inputs.max_chars`)."""
        return self._max_chars

    def screen(self, text: str, channel: Channel) -> Screened | Refusal:
        """The text with masks in place, or the refusal of a blocked field, disallowed content, excess length.

        Never raises, in time linear in the text; lone surrogates become U+FFFD.
        """
        tally = Tally(channel)
        if channel is Channel.USER and len(text) > self._max_chars:
            return self._finish("", tally, len(text), ())
        text = encodable(text)
        findings = self._policies[channel].findings(normalise(text))
        if not findings:
            return Screened(text, channel)
        tally.add(findings)
        masking = Masking()
        clean = masking.apply(text, findings)
        return self._finish(clean, tally, len(text), masking.masks)

    def findings(self, text: str, channel: Channel) -> list[Finding]:
        """What screening finds in a text: types and places in the original, overlaps resolved, in order."""
        return self._policies[channel].findings(normalise(encodable(text)))

    def stream(self, channel: Channel) -> ScreenStream:
        """The same for a text that arrives in chunks."""
        return ScreenStream(self._policies[channel], channel, self._finish)

    def purpose(self, question: Screened) -> Refusal | None:
        """The refusal of a question that looks like a refused purpose, or None."""
        name = self._purposes.refused(question.text)
        if name is None:
            return None
        clause = f"purpose.refuses.{name}"
        decision = Decision(clause, Action.REFUSE, name, question.channel)
        return self.refuse("out_of_purpose", clause, (decision,))

    def verify(self, draft: Draft, passages: Sequence[Passage]) -> Answer | Refusal:
        """The part of a draft that passes every check of the contract, screened; or a refusal."""
        outcome = self._verifier.verify(draft, passages)
        if isinstance(outcome, Failed):
            return self.refuse(outcome.reason, outcome.clause, outcome.decisions)
        screened = (self._screen_json if self._verifier.is_json else self.screen)(
            outcome.text, Channel.OUTPUT
        )
        decisions = (*outcome.decisions, *screened.decisions)
        if isinstance(screened, Refusal):
            return self.refuse(screened.reason, screened.clause, decisions)
        if screened.decisions and self._verifier.check_format(screened.text) is not None:
            return self.refuse("failed_check", FORMAT, decisions)  # a mask broke the form
        return Answer(screened.text, outcome.citations, decisions)

    def _screen_json(self, text: str, channel: Channel) -> Screened | Refusal:
        """The same as `screen` for each string of a JSON text, as it reads without escapes.

        No masks are noted: strings are written anew, so places of the new text are none of the old.
        """
        tally = Tally(channel)

        def rewrite(string: str) -> str:
            findings = self.findings(string, channel)
            tally.add(findings)
            return Masking().apply(string, findings)

        return self._finish(rewritten(text, rewrite), tally, len(text), ())

    def refuse(self, reason: str, clause: str, decisions: Sequence[Decision] = ()) -> Refusal:
        """A refusal in the words of the contract's templates."""
        return self._refusals.refuse(reason, clause, decisions)

    def _finish(self, text: str, tally: Tally, length: int, masks: tuple[Mask, ...]) -> Screened | Refusal:
        """The outcome of one text: `length` and `masks` of the whole, `text` what is still to be handed on."""
        channel = tally.channel
        if channel is Channel.USER and length > self._max_chars:
            clause = "inputs.max_chars"
            return self.refuse("too_long", clause, (Decision(clause, Action.REFUSE, "max_chars", channel),))
        if tally.refused is not None:
            reason = "failed_check" if channel is Channel.OUTPUT else "blocked_input"
            return self.refuse(reason, tally.refused.clause, tally.decisions())
        return Screened(text, channel, tally.decisions(), masks)


def compile_guardrails(
    contract: ReleasePart, texts: Mapping[str, str], schemas: Mapping[str, Any] | None = None
) -> Guardrails:
    """Everything that requests need, from the contract's clauses.

    `texts` has the rendered refusal texts, by clause (`purpose.refuses.<id>`) or reason (`blocked_input`, …).
    `schemas` has the parsed JSON Schemas by their path, as `outputs.format.schema` names one.
    """
    outputs = contract.outputs
    analyser = Analyser("de" if contract.inputs.languages[0] == "de" else "en")
    return Guardrails(
        channel_policies(contract.inputs, outputs),
        purpose_filter(contract.purpose, contract.quality, analyser),
        Verifier(outputs, contract.safety, format_check(outputs, schemas or {}), analyser),
        Refusals(texts),
        max_chars=contract.inputs.max_chars,
    )
