"""Minute rollups: what each event adds to the signals, in the transaction that makes the event durable.

A cell is a minute and a set of labels. Cardinality: every label is a word of the deployment (app,
release, clause, model, group …), none comes from a caller: no key, no subject, no text. So a minute has
as many cells as combinations that really occurred. Groups have cells of their own, because a caller with
three groups would otherwise count three times.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from proviso.ledger import Event, RunFinished, RunGap
from proviso.monitoring.histogram import bucket
from proviso.store import NO_BUCKET, Increment

GAP = "gap"  # the outcome of a run that never ended

_MINUTE_US = 60_000_000
_ONE = (1, 0, 0, 0, 0, 0)  # a run that is counted, and nothing else of it
_MOST_CELLS = 4_096  # whose labels are kept encoded in memory

Labels = tuple[tuple[str, str], ...]


class Rollups:
    """The projection of events into minute rollups."""

    def __init__(self) -> None:
        self._known: dict[Labels, tuple[int, str]] = {}

    def rows(self, event: Event) -> Sequence[Increment]:
        """Return what an event adds: to the cells of its run, of its groups, of the clauses that decided."""
        if isinstance(event, RunFinished):
            return self._of_run(event)
        if isinstance(event, RunGap):
            return self._of_gap(event)
        return ()

    def _of_run(self, event: RunFinished) -> list[Increment]:
        minute = event.at // _MINUTE_US
        cell, labels = self._cell(
            (
                ("app", event.app),
                ("clause", event.clause),
                ("empty", event.retrieval_empty),
                ("model", event.model),
                ("of", "runs"),
                ("outcome", event.outcome),
                ("provider", event.provider),
                ("purpose", event.purpose),
                ("release", event.release),
                ("workflow", event.workflow),
            )
        )
        amounts = (
            1,
            1 if event.citations else 0,
            event.duration_us,
            event.input_tokens,
            event.output_tokens,
            event.cost_micro_usd,
        )
        run = Increment(minute, cell, labels, amounts, bucket(event.duration_us))
        groups = (self._of_group(minute, event, group, event.outcome) for group in event.groups)
        decided = dict.fromkeys((d.clause, d.action) for d in event.decisions)  # a run counts once, in order
        return [run, *groups, *(self._of_decision(minute, event, *pair) for pair in decided)]

    def _of_gap(self, event: RunGap) -> list[Increment]:
        minute = event.at // _MINUTE_US
        cell, labels = self._cell(
            (
                ("app", event.app),
                ("of", "runs"),
                ("outcome", GAP),
                ("purpose", event.purpose),
                ("release", event.release),
                ("workflow", event.workflow),
            )
        )
        run = Increment(minute, cell, labels, _ONE)
        return [run, *(self._of_group(minute, event, group, GAP) for group in event.groups)]

    def _of_group(self, minute: int, event: RunFinished | RunGap, group: str, outcome: str) -> Increment:
        cell, labels = self._cell(
            (
                ("app", event.app),
                ("group", group),
                ("of", "groups"),
                ("outcome", outcome),
                ("purpose", event.purpose),
            )
        )
        return Increment(minute, cell, labels, _ONE, NO_BUCKET)

    def _of_decision(self, minute: int, event: RunFinished, clause: str, action: str) -> Increment:
        cell, labels = self._cell(
            (
                ("action", action),
                ("app", event.app),
                ("clause", clause),
                ("of", "decisions"),
                ("purpose", event.purpose),
            )
        )
        return Increment(minute, cell, labels, _ONE, NO_BUCKET)

    def _cell(self, labels: Labels) -> tuple[int, str]:
        """Return a cell's number and its labels as sorted JSON, without those that are empty."""
        known = self._known.get(labels)
        if known is None:
            text = msgspec.json.encode({name: value for name, value in labels if value}, order="sorted")
            number = int.from_bytes(hashlib.sha256(text).digest()[:8], "big", signed=True)
            known = (number, text.decode())
            if len(self._known) >= _MOST_CELLS:
                self._known.clear()
            self._known[labels] = known
        return known
