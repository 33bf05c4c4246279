"""Reads the record: a run with all that is known of it, whichever process wrote it."""

from collections.abc import Callable, Sequence
from typing import Self

from proviso.ledger.events import RunFinished, RunGap, RunStarted, decode
from proviso.ledger.protocol import RunRecord
from proviso.ledger.vault import StoredPayload, Vault
from proviso.store import Archive, Control, Store, Stored


class RunReader:
    """The records of a store. Calls wait for the store: on an event loop, call them in a thread."""

    def __init__(self, archive: Archive, vault: Vault) -> None:
        self._archive = archive
        self._vault = vault

    @classmethod
    def open(cls, store: Store) -> Self:
        """Open the records of a store for reading, while others write."""
        return cls(store.archive(), Vault(Control(store.database)))

    def run(self, run: str) -> RunRecord | None:
        """Return the record of a run, or None."""
        return assemble(self._archive.events_of(run), self._vault.open, self._vault.user)

    def recent(self, most: int, app: str = "") -> list[RunRecord]:
        """Return the runs that finished last, of one app or of all, the newest first."""
        found = self._archive.finished(most, app)
        records = (assemble([stored], self._vault.open, self._vault.user) for stored in found)
        return [record for record in records if record is not None]

    def close(self) -> None:
        """Let go of what it holds open."""
        self._archive.close()


def assemble(
    stored: Sequence[Stored], unseal: Callable[[bytes], StoredPayload], user: Callable[[str], str]
) -> RunRecord | None:
    """Put the events of one run together; None if there are none."""
    started: RunStarted | None = None
    finished: RunFinished | None = None
    gap: RunGap | None = None
    sealed = None
    for row in stored:
        event = decode(row.body)
        if isinstance(event, RunStarted):
            started = event
        elif isinstance(event, RunFinished):
            finished, sealed = event, row.payload
        elif isinstance(event, RunGap):
            gap = event
    if not stored:
        return None
    known = finished or started
    return RunRecord(
        run=stored[-1].run,
        app=stored[-1].app,
        user=user(known.subject) if known is not None else "",
        writer=stored[-1].writer,
        sequence=stored[-1].sequence,
        started=started,
        finished=finished,
        gap=gap,
        payload=None if sealed is None else unseal(sealed),
    )
