"""The guardrails of one release: compiled once, immutable, shared by all its requests."""

from collections.abc import Mapping, Sequence

from proviso.contract.model import ReleasePart
from proviso.guardrails.policies import channel_policies
from proviso.guardrails.refusals import Refusals
from proviso.guardrails.screening import ChannelPolicy, Tally, masked
from proviso.guardrails.streaming import ScreenStream
from proviso.text.normalise import encodable, normalise
from proviso.types import Action, Channel, Decision, Refusal, Screened


class Guardrails:
    """Screens what goes in and out, refuses what the contract refuses, verifies what a model drafted."""

    def __init__(
        self, policies: Mapping[Channel, ChannelPolicy], refusals: Refusals, *, max_chars: int
    ) -> None:
        self._policies = policies
        self._refusals = refusals
        self._max_chars = max_chars

    def screen(self, text: str, channel: Channel) -> Screened | Refusal:
        """The text with masks in place, or the refusal of a blocked field, disallowed content or excess length.

        Never raises, in time linear in the text; lone surrogates become U+FFFD.
        """
        tally = Tally(channel)
        if channel is Channel.USER and len(text) > self._max_chars:
            return self._finish("", tally, len(text))
        text = encodable(text)
        findings = self._policies[channel].findings(normalise(text))
        if not findings:
            return Screened(text, channel)
        tally.add(findings)
        return self._finish(masked(text, findings), tally, len(text))

    def stream(self, channel: Channel) -> ScreenStream:
        """The same for a text that arrives in chunks."""
        return ScreenStream(self._policies[channel], channel, self._finish)

    def refuse(self, reason: str, clause: str, decisions: Sequence[Decision] = ()) -> Refusal:
        """A refusal in the words of the contract's templates."""
        return self._refusals.refuse(reason, clause, decisions)

    def _finish(self, text: str, tally: Tally, length: int) -> Screened | Refusal:
        """The outcome of one text: `length` is that of the whole, `text` what is still to be handed on."""
        channel = tally.channel
        if channel is Channel.USER and length > self._max_chars:
            clause = "inputs.max_chars"
            return self.refuse(
                "too_long", clause, (Decision(clause, Action.REFUSE, "max_chars", channel),)
            )
        if tally.refused is not None:
            reason = "failed_check" if channel is Channel.OUTPUT else "blocked_input"
            return self.refuse(reason, tally.refused.clause, tally.decisions())
        return Screened(text, channel, tally.decisions())


def compile_guardrails(contract: ReleasePart, texts: Mapping[str, str]) -> Guardrails:
    """Everything that requests need, from the contract's clauses.

    `texts` has the rendered refusal texts: by clause (`purpose.refuses.<id>`) or by reason (`blocked_input`, …).
    """
    return Guardrails(
        channel_policies(contract.inputs, contract.outputs),
        Refusals(texts),
        max_chars=contract.inputs.max_chars,
    )
