"""Writes the record: what it is given is durable when the call returns, event, texts and rollups together."""

from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Self

from msgspec.structs import replace

from proviso.ledger.events import Event, Fact, RunFinished, RunGap, RunStarted, decode, encode, kind
from proviso.ledger.protocol import Projection
from proviso.ledger.vault import Payload, Vault
from proviso.store import Control, Entry, Journal, Spool, SpoolingJournal, Store

WRITER_ENDED = "writer_ended"
_NO_GAPS: Mapping[str, int] = MappingProxyType({})


class Recorder:
    """The record of one process. Used from one event loop at a time."""

    def __init__(
        self, journal: Journal, vault: Vault, projection: Projection, gaps: Mapping[str, int] = _NO_GAPS
    ) -> None:
        """`gaps`: by writer, how many runs it had left open when this was opened, and that are gaps now."""
        self.gaps = gaps
        self._journal = journal
        self._vault = vault
        self._projection = projection

    @classmethod
    def open(
        cls,
        store: Store,
        projection: Projection,
        now: Callable[[], int],
        spool: Spool | None = None,
        *,
        take_over: bool = True,
    ) -> Self:
        """Take a writer's name in a store; with `take_over`, runs that dead writers left open become gaps, once.

        `now` gives UTC microseconds since the epoch. `spool` takes what may wait while the store is away.
        """
        journal = store.journal() if spool is None else SpoolingJournal(store.journal(), spool, store.archive)
        try:
            gaps = Counter[str]()
            if take_over:
                gaps[journal.writer] = _close_runs(journal, projection, now())
                for left in store.abandoned():
                    try:
                        gaps[left.writer] += _close_runs(left, projection, now())
                    finally:
                        left.release()
        except BaseException:
            journal.release()
            raise
        return cls(journal, Vault(Control(store.database)), projection, +gaps)

    @property
    def writer(self) -> str:
        """The name under which this process writes."""
        return self._journal.writer

    def known_pseudonym(self, user: str) -> str | None:
        """Return the name by which the record knows a user, from memory alone; None for one not met yet."""
        return self._vault.known_pseudonym(user)

    def pseudonym(self, user: str) -> str:
        """Return the name by which the record knows a user."""
        return self._vault.pseudonym(user)

    def start(self) -> None:
        """Begin to write what was spooled while the store was away; call it on the event loop."""
        if isinstance(self._journal, SpoolingJournal):
            self._journal.start()

    async def started(self, event: RunStarted, *, may_spool: bool = False) -> None:
        """Record that a run has started; durable on return. It must finish, or it becomes a gap."""
        kept = entry(event, self._projection)
        await self._journal.append(replace(kept, may_spool=True) if may_spool else kept)

    async def finished(self, event: RunFinished, payload: Payload, *, may_spool: bool = False) -> None:
        """Record that a run has ended, with what may be kept of its texts; durable on return.

        `may_spool`: while the store is away, durable in the spool is enough. Raises `StoreUnavailable`: then the
        answer may not leave. A caller that is cancelled here is recorded all the same.
        """
        kept = entry(event, self._projection, self._vault.seal(payload))
        await self._journal.append(replace(kept, may_spool=True) if may_spool else kept)

    async def noted(self, event: Fact) -> None:
        """Record a fact that is of no run; durable on return."""
        await self._journal.append(entry(event, self._projection))

    async def close(self) -> None:
        """Write what is under way and let go of the name."""
        await self._journal.close()

    def release(self) -> None:
        """Close without a loop."""
        self._journal.release()


def entry(event: Event, projection: Projection, payload: bytes | None = None) -> Entry:
    """Return an event as the store takes it."""
    return Entry(
        kind=kind(event),
        at=event.at,
        app=getattr(event, "app", ""),
        run=getattr(event, "run", ""),
        body=encode(event),
        subject=getattr(event, "subject", ""),
        payload=payload,
        opens=isinstance(event, RunStarted),
        closes=isinstance(event, (RunFinished, RunGap)),
        increments=tuple(projection.rows(event)),
    )


def gap(started: RunStarted, at: int) -> RunGap:
    """Return the gap that a run leaves which has started and will not end."""
    return RunGap(
        run=started.run,
        at=at,
        started=started.at,
        app=started.app,
        workflow=started.workflow,
        release=started.release,
        purpose=started.purpose,
        groups=started.groups,
        reason=WRITER_ENDED,
    )


def _close_runs(journal: Journal, projection: Projection, at: int) -> int:
    """Record a gap for each run that the name's last writer left open: once, for the name is held. Return how many."""
    entries = []
    for body in journal.open_runs():
        started = decode(body)
        if isinstance(started, RunStarted):
            entries.append(entry(gap(started, at), projection))
    if entries:
        journal.append_now(entries)
    return len(entries)
