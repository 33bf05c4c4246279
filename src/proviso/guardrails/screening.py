"""What happens to what the scanner found: one channel's actions, masks, decisions."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from proviso.guardrails.scanner import Match, Scanner
from proviso.text.normalise import Normalised
from proviso.types import Action, Channel, Decision, Mask

_LOWEST_CONFIDENCE = 0.5


class Measure(Struct, frozen=True):
    """What the contract wants done about one rule's findings."""

    clause: str
    action: Action
    mask: str  # the typed placeholder, e.g. `[EMAIL]`


class Finding(Struct, frozen=True, gc=False):
    """A span `[start, end)` of the original text that a rule covers; types and places, never the value."""

    rule: str
    start: int
    end: int
    confidence: float
    measure: Measure


class ChannelPolicy:
    """The scanner of a channel and, rule by rule, what is done about a finding."""

    __slots__ = ("_measures", "scanner")

    def __init__(self, scanner: Scanner, measures: Sequence[Measure]) -> None:
        self.scanner = scanner
        self._measures = tuple(measures)

    def findings(self, text: Normalised) -> list[Finding]:
        """Everything found in a folded text, in order, overlaps resolved."""
        matches = self.scanner.matches(text.text)
        return self.resolve(matches, text) if matches else []

    def resolve(self, matches: Iterable[Match], text: Normalised, offset: int = 0) -> list[Finding]:
        """The findings that matches amount to. `offset`: how many folded characters stand before `text`.

        Overlapping values become one finding over all of them, so that no part of a value stays visible. It
        has the type of the most severe one (refuse before mask), among equals of the longest.
        """
        valid = sorted(
            (match for match in matches if match.confidence >= _LOWEST_CONFIDENCE),
            key=lambda match: (match.start, -match.end, match.rule),
        )
        findings: list[Finding] = []
        group: list[Match] = []
        reach = -1
        for match in valid:
            if match.start >= reach and group:
                findings.append(self._merged(group, text, offset))
                group = []
            group.append(match)
            reach = max(reach, match.end)
        if group:
            findings.append(self._merged(group, text, offset))
        return findings

    def _merged(self, group: list[Match], text: Normalised, offset: int) -> Finding:
        strongest = max(
            group,
            key=lambda match: (
                self._measures[match.rule].action is Action.REFUSE,
                match.end - match.start,
                -match.rule,
            ),
        )
        first = min(match.start for match in group) - offset
        last = max(match.end for match in group) - offset
        start, end = text.span(first, last)
        name = self.scanner.rules[strongest.rule].name
        return Finding(name, start, end, strongest.confidence, self._measures[strongest.rule])


class Tally:
    """Counts findings into decisions, in the order in which their rules were first met."""

    __slots__ = ("_counts", "channel", "refused")

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._counts: dict[str, tuple[Finding, int]] = {}
        self.refused: Measure | None = None  # of the first finding that refuses the text

    def add(self, findings: Iterable[Finding]) -> None:
        """Count findings; a refusing one is remembered."""
        for finding in findings:
            clause = finding.measure.clause
            first, count = self._counts.get(clause, (finding, 0))
            self._counts[clause] = (first, count + 1)
            if self.refused is None and finding.measure.action is Action.REFUSE:
                self.refused = finding.measure

    def decisions(self) -> tuple[Decision, ...]:
        """One decision for each clause that had findings."""
        return tuple(
            Decision(clause, finding.measure.action, finding.rule, self.channel, count)
            for clause, (finding, count) in self._counts.items()
        )


class Masking:
    """Puts placeholders into one text, whole or piece by piece, and notes where they stand in it."""

    __slots__ = ("_masks", "_read", "_written")

    def __init__(self) -> None:
        self._masks: list[Mask] = []
        self._read = 0  # characters of the original that came before the next piece
        self._written = 0  # characters of the masked text that they became

    def apply(self, piece: str, findings: Iterable[Finding]) -> str:
        """The text's next piece, each finding's span (characters of the piece) replaced by its placeholder."""
        parts: list[str] = []
        done, written = 0, self._written
        for finding in findings:
            mask = finding.measure.mask
            start = written + finding.start - done
            written = start + len(mask)
            self._masks.append(Mask(start, written, self._read + finding.start, self._read + finding.end))
            parts += (piece[done : finding.start], mask)
            done = finding.end
        self._written = written + len(piece) - done
        self._read += len(piece)
        parts.append(piece[done:])
        return "".join(parts)

    @property
    def masks(self) -> tuple[Mask, ...]:
        """The placeholders so far, in their order; characters count from the beginning of the whole text."""
        return tuple(self._masks)
