"""A writer's own database: `append` returns when its entry is on disk, and many share one commit.

Entries gather while a commit is under way; then all of them are written on the event loop (microseconds a
row, no fsync) and one thread does `COMMIT`, which is where the disk is waited for. Writing the rows in that
thread too would hand the interpreter over for each statement, and under load each hand-over takes up to 5 ms.
"""

import asyncio
import contextlib
import sqlite3
import time
from asyncio import AbstractEventLoop
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

from proviso.errors import StoreUnavailable
from proviso.store.entry import AMOUNTS, Entry, add_up
from proviso.store.group_commit import Batch, GroupCommit
from proviso.store.schema import RUNS
from proviso.store.slots import Slot, take_slot
from proviso.store.sqlite import connect, translated, unavailable

# A loop that never sleeps polls for I/O every few hundred microseconds and has the interpreter back before
# the commit's thread has woken up: commits were seen to wait 12 s. So while one is under way the loop steps
# aside for a moment; the 95th percentile under such a load falls from seconds to 10 ms.
_LEND_EVERY_S = 0.002
_LEND_FOR_S = 0.000_05

_EVENT = "INSERT INTO events VALUES(?,?,?,?,?,?)"
_PAYLOAD = "INSERT INTO payloads VALUES(?,?,?)"
_OPEN = "INSERT OR REPLACE INTO open_runs VALUES(?,?)"
_CLOSE = "DELETE FROM open_runs WHERE run = ?"
_CELL = "INSERT INTO cells VALUES(?,?) ON CONFLICT DO NOTHING"
_ROLLUP = f"INSERT INTO rollups VALUES(?,?{',?' * len(AMOUNTS)}) ON CONFLICT DO UPDATE SET " + ", ".join(
    f"{name} = {name} + excluded.{name}" for name in AMOUNTS
)
_DURATION = (
    "INSERT INTO durations VALUES(?,?,?,?) ON CONFLICT DO UPDATE SET requests = requests + excluded.requests"
)


class SqliteJournal(GroupCommit):
    """The one writer of `runs-<writer>.db`. Used from one event loop at a time."""

    def __init__(self, slot: Slot) -> None:
        """Open the database of a name that this process holds."""
        self.writer = slot.name
        self.path = slot.database
        self._slot = slot
        self._connection = connect(slot.database, RUNS)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"commit-{slot.name}")
        with translated(self.path):
            # Rows are written on the event loop, so a lock held by a stranger may not be waited for long.
            self._connection.execute("PRAGMA busy_timeout = 100")
            row = self._connection.execute("SELECT coalesce(max(sequence), 0) FROM events").fetchone()
        self._committing: Future[Exception | None] | None = None
        self._lending: asyncio.TimerHandle | None = None
        super().__init__(int(row[0]))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Take the first free name in a folder and open its database."""
        slot = take_slot(folder)
        try:
            return cls(slot)
        except BaseException:
            slot.release()
            raise

    def append_now(self, entries: Sequence[Entry]) -> None:
        """Make entries durable before returning, without a loop; only while nothing else is appended."""
        if self._in_use():
            raise StoreUnavailable("the journal is in use", fix="append to it from its event loop")
        with translated(self.path):
            try:
                self._write(entries, self._durable + 1)
                self._connection.execute("COMMIT")
            finally:
                self._undo()
        self._durable += len(entries)

    def open_runs(self) -> list[bytes]:
        """Return the bodies of the events by which runs started that have not ended, in their order."""
        sql = "SELECT body FROM open_runs JOIN events USING(sequence) ORDER BY sequence"
        with translated(self.path):
            return [bytes(row[0]) for row in self._connection.execute(sql).fetchall()]

    def release(self) -> None:
        """Close without a loop. What is being committed is waited for; harmless if said twice."""
        self._closed = True
        self._thread.shutdown(wait=True)
        self._connection.close()
        self._slot.release()

    # --- committing -------------------------------------------------------------------------------

    def _begin(self, loop: AbstractEventLoop, batch: Batch) -> None:
        try:
            self._write(batch.entries, batch.first)
        except Exception as error:  # noqa: BLE001  whatever it is, those who wait are told and the next batch goes on
            self._landed(batch, self._rolled_back(error))
            return
        self._lending = loop.call_later(_LEND_EVERY_S, self._lend, loop)
        self._committing = self._thread.submit(self._commit, loop, batch)

    def _take_over(self, loop: AbstractEventLoop, batch: Batch) -> None:
        self._lending = None
        if self._committing is not None:
            self._settle(batch, self._committing.result())

    def _write(self, entries: Sequence[Entry], first: int) -> None:
        """Write the rows of a transaction that has yet to be committed."""
        numbered = list(enumerate(entries, first))
        sums = add_up(entries)
        many = self._connection.executemany
        self._connection.execute("BEGIN IMMEDIATE")
        many(_EVENT, [(n, e.at, e.kind, e.app, e.run, e.body) for n, e in numbered])
        many(_PAYLOAD, [(n, e.subject, e.payload) for n, e in numbered if e.payload is not None])
        many(_OPEN, [(e.run, n) for n, e in numbered if e.opens])
        many(_CLOSE, [(e.run,) for e in entries if e.closes])
        many(_CELL, sums.cells)
        many(_ROLLUP, sums.rollups)
        many(_DURATION, sums.durations)

    def _commit(self, loop: AbstractEventLoop, batch: Batch) -> Exception | None:
        """Wait for the disk. Runs in the thread."""
        failure: Exception | None = None
        try:
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  as above
            failure = self._rolled_back(error)
        with contextlib.suppress(RuntimeError):  # the loop has ended: the next one adopts the batch
            loop.call_soon_threadsafe(self._landed, batch, failure)
        return failure

    def _rolled_back(self, error: Exception) -> Exception:
        try:
            self._undo()
        except sqlite3.Error as worse:
            return worse
        return error

    def _undo(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _landed(self, batch: Batch, failure: Exception | None) -> None:
        if self._lending is not None and self._flying is batch:
            self._lending.cancel()
            self._lending = None
        super()._landed(batch, failure)

    def _settle(self, batch: Batch, failure: Exception | None) -> None:
        if failure is None:
            self._durable += len(batch.entries)
        super()._settle(batch, failure)

    def _refusal(self, failure: Exception) -> StoreUnavailable:
        return unavailable(self.path, failure)

    def _lend(self, loop: AbstractEventLoop) -> None:
        time.sleep(_LEND_FOR_S)  # lets go of the interpreter, which is the point
        self._lending = loop.call_later(_LEND_EVERY_S, self._lend, loop)
