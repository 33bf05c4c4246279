"""Screening a text that arrives in pieces: what is safe goes on, what a rule may still need is held back."""

from collections.abc import Callable

from proviso.guardrails.scanner import Match
from proviso.guardrails.screening import ChannelPolicy, Masking, Tally
from proviso.text.normalise import Normalised, encodable, normalise
from proviso.types import Channel, Mask, Refusal, Screened

# Characters of folded text kept before the undecided part: more than any check looks back.
_KEPT = 64

Finish = Callable[[str, Tally, int, tuple[Mask, ...]], Screened | Refusal]


class ScreenStream:
    """One text in chunks. However it is cut, the outcome is that of `Guardrails.screen` on the whole.

    `feed` returns what is safe to hand on, masks in place; after a refusing finding it returns nothing more.
    `close` returns what was held back as `Screened`, or the `Refusal`; its decisions and masks are about the
    whole.
    """

    def __init__(self, policy: ChannelPolicy, channel: Channel, finish: Finish) -> None:
        self._policy = policy
        self._finish = finish
        self._tally = Tally(channel)
        self._masking = Masking()
        self._pending: list[str] = []
        self._before = ""
        self._last: dict[int, int] = {}  # by rule: where in `_before` its last value has ended
        self._length = 0

    def feed(self, chunk: str) -> str:
        """The text that can no longer change, given one more chunk (possibly empty)."""
        self._length += len(chunk)
        self._pending.append(chunk)
        if self._policy.scanner.holds_lines and "\n" not in chunk:
            return ""
        return self._advance(last=False)

    def close(self) -> Screened | Refusal:
        """What was held back, and the decisions and masks of the whole; or the refusal of the whole."""
        rest = self._advance(last=True)
        return self._finish(rest, self._tally, self._length, self._masking.masks)

    def _advance(self, *, last: bool) -> str:
        pending = encodable("".join(self._pending))
        folded = normalise(pending)
        text = self._before + folded.text
        offset = len(self._before)
        scanner = self._policy.scanner
        hold = len(text) if last else max(offset, scanner.open_from(text))
        matches: list[Match] = []
        if hold > offset:
            matches = scanner.matches(text, offset, self._last)
            hold = max(offset, self._before_crossings(matches, folded, offset, hold))
        if hold == offset and not last:
            self._pending = [pending]
            return ""
        decided = [match for match in matches if match.start < hold]
        findings = self._policy.resolve(decided, folded, offset)
        self._tally.add(findings)
        done = folded.span(hold - offset, hold - offset + 1)[0] if hold < len(text) else len(pending)
        self._pending = [pending[done:]]
        kept = max(0, hold - _KEPT)
        self._before = text[kept:hold]
        self._last.update((match.rule, match.end) for match in decided if match.confidence)
        self._last = {rule: end - kept for rule, end in self._last.items() if end >= kept}
        return "" if self._tally.refused else self._masking.apply(pending[:done], findings)

    @staticmethod
    def _before_crossings(matches: list[Match], folded: Normalised, offset: int, hold: int) -> int:
        """The last place up to `hold` inside no match, accepted or not, and inside no folded character."""
        ordered = sorted(matches, key=lambda match: match.to, reverse=True)
        while True:
            for match in ordered:
                if match.from_ < hold < match.to:
                    hold = match.from_
            whole = offset + folded.whole(hold - offset) if hold > offset else hold
            if whole == hold:
                return hold
            hold = whole
