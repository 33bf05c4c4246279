"""The seams of the record: writing it, reading it, and what is counted of it."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from proviso.ledger.events import Event, Fact, RunFinished, RunGap, RunStarted
from proviso.ledger.vault import Payload, StoredPayload
from proviso.store import Increment


class Projection(Protocol):
    """Turns an event into what it adds to the rollups, which become durable together with it."""

    def rows(self, event: Event) -> Sequence[Increment]:
        """Return the increments of an event; none for one that is not counted. Pure and quick."""
        ...


class Ledger(Protocol):
    """Anything that keeps the record of runs."""

    def pseudonym(self, user: str) -> str:
        """Return the name by which the record knows a user."""
        ...

    async def started(self, event: RunStarted, *, may_spool: bool = False) -> None:
        """Record that a run has started; durable on return: in the spool, if it may and the store is away."""
        ...

    async def finished(self, event: RunFinished, payload: Payload, *, may_spool: bool = False) -> None:
        """Record that a run has ended, with what may be kept of its texts; durable on return, as above."""
        ...

    async def noted(self, event: Fact) -> None:
        """Record a fact that is of no run; durable on return."""
        ...


class RunRecord(Struct, frozen=True):
    """Everything that is known of a run. `user` is empty where the link to the person is gone.

    `writer` and `sequence` are the place of its last event in the log.
    """

    run: str
    app: str
    user: str
    writer: str
    sequence: int
    started: RunStarted | None = None
    finished: RunFinished | None = None
    gap: RunGap | None = None
    payload: StoredPayload | None = None


class Records(Protocol):
    """Anything that finds the records of runs."""

    def run(self, run: str) -> RunRecord | None:
        """Return the record of a run, or None."""
        ...

    def recent(self, most: int, app: str = "") -> list[RunRecord]:
        """Return the runs that finished last, of one app or of all, the newest first."""
        ...
