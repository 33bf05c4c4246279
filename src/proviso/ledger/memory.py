"""The double: a record that lasts as long as its process, through the same types as the real one."""

from proviso.ledger.events import Event, Fact, RunFinished, RunStarted
from proviso.ledger.protocol import Projection, RunRecord
from proviso.ledger.reader import assemble
from proviso.ledger.recorder import entry
from proviso.ledger.vault import MemorySubjects, Payload, Vault
from proviso.store import Entry, Increment, Stored


class MemoryLedger:
    """A `Ledger` and its `Records` in one. `increments` are what a projection made of the events."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self._vault = Vault(MemorySubjects())
        self._entries: list[Entry] = []
        self.increments: list[Increment] = []

    def pseudonym(self, user: str) -> str:
        """Return the name by which the record knows a user."""
        return self._vault.pseudonym(user)

    async def started(self, event: RunStarted, *, may_spool: bool = False) -> None:
        """Record that a run has started."""
        self._keep(event)

    async def finished(self, event: RunFinished, payload: Payload, *, may_spool: bool = False) -> None:
        """Record that a run has ended, with what may be kept of its texts."""
        self._keep(event, self._vault.seal(payload))

    async def noted(self, event: Fact) -> None:
        """Record a fact that is of no run."""
        self._keep(event)

    def run(self, run: str) -> RunRecord | None:
        """Return the record of a run, or None."""
        return self._record([row for row in self._stored() if run and row.run == run])

    def recent(self, most: int, app: str = "") -> list[RunRecord]:
        """Return the runs that finished last, of one app or of all, the newest first."""
        rows = [row for row in self._stored() if row.kind == "run.finished" and app in ("", row.app)]
        newest = sorted(rows, key=lambda row: (row.at, row.sequence), reverse=True)[:most]
        records = (self._record([row]) for row in newest)
        return [record for record in records if record is not None]

    def _keep(self, event: Event, payload: bytes | None = None) -> None:
        kept = entry(event, self._projection, payload)
        self._entries.append(kept)
        self.increments += kept.increments

    def _stored(self) -> list[Stored]:
        return [
            Stored("memory", number, e.at, e.kind, e.app, e.run, e.body, e.payload)
            for number, e in enumerate(self._entries, 1)
        ]

    def _record(self, stored: list[Stored]) -> RunRecord | None:
        return assemble(stored, self._vault.open, self._vault.user)
