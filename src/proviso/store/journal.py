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

from msgspec import Struct

from proviso.errors import StoreUnavailable
from proviso.store.entry import AMOUNTS, Entry, add_up
from proviso.store.schema import RUNS
from proviso.store.slots import Slot, take_slot
from proviso.store.sqlite import connect, translated, unavailable

_LARGEST = 512  # entries in one commit: bounds how long the loop is busy writing rows

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


class _Batch(Struct, eq=False):
    """What one commit makes durable, and who waits for it. `first` is the sequence of its first entry."""

    entries: list[Entry]
    waiting: list[asyncio.Future[int]]
    first: int
    commit: Future[Exception | None] | None = None


class SqliteJournal:
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
        self._durable = int(row[0])  # the sequence of the last entry that is on disk
        self._gathered: list[tuple[Entry, asyncio.Future[int]]] = []
        self._flying: _Batch | None = None
        self._loop: AbstractEventLoop | None = None
        self._scheduled = False
        self._lending: asyncio.TimerHandle | None = None
        self._drained: asyncio.Future[None] | None = None
        self._closed = False

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Take the first free name in a folder and open its database."""
        slot = take_slot(folder)
        try:
            return cls(slot)
        except BaseException:
            slot.release()
            raise

    async def append(self, entry: Entry) -> int:
        """Return the entry's sequence once it is durable.

        Order is kept. A caller that is cancelled while it waits leaves its entry in place: it becomes durable
        once. Raises `StoreUnavailable` if the commit fails; then nothing of the batch is kept, and the next
        append tries anew.
        """
        if self._closed:
            raise StoreUnavailable("the journal is closed", fix="ask again when the server is up")
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._adopt(loop)
        durable: asyncio.Future[int] = loop.create_future()
        self._gathered.append((entry, durable))
        self._schedule(loop)
        return await durable

    def append_now(self, entries: Sequence[Entry]) -> None:
        """Make entries durable before returning, without a loop; only while nothing else is appended."""
        if self._flying is not None or self._gathered:
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

    async def close(self) -> None:
        """Make durable what has been appended, then close the database and let go of the name."""
        self._closed = True
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._adopt(loop)
        while self._gathered or self._flying is not None:
            self._schedule(loop)
            if self._drained is None:
                self._drained = loop.create_future()
            await asyncio.shield(self._drained)
        self.release()

    def release(self) -> None:
        """Close without a loop. What is being committed is waited for; harmless if said twice."""
        self._closed = True
        self._thread.shutdown(wait=True)
        self._connection.close()
        self._slot.release()

    # --- gathering and committing -----------------------------------------------------------------

    def _schedule(self, loop: AbstractEventLoop) -> None:
        if self._flying is None and not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._flush, loop)  # at the end of this tick: its other appends come along

    def _adopt(self, loop: AbstractEventLoop) -> None:
        """Go on in another event loop, after the first has ended: finish what that one left behind."""
        if self._loop is not None and not self._loop.is_closed():
            raise StoreUnavailable("another event loop uses this journal", fix="open one for each loop")
        self._loop, self._scheduled, self._lending, self._drained = loop, False, None, None
        if (batch := self._flying) is not None and batch.commit is not None:
            self._settle(batch, batch.commit.result())
        self._gathered = [(entry, loop.create_future()) for entry, _ in self._gathered]

    def _flush(self, loop: AbstractEventLoop) -> None:
        self._scheduled = False
        taken, self._gathered = self._gathered[:_LARGEST], self._gathered[_LARGEST:]
        batch = _Batch([e for e, _ in taken], [w for _, w in taken], self._durable + 1)
        self._flying = batch
        try:
            self._write(batch.entries, batch.first)
        except Exception as error:  # noqa: BLE001  whatever it is, those who wait are told and the next batch goes on
            self._landed(batch, self._rolled_back(error))
            return
        self._lending = loop.call_later(_LEND_EVERY_S, self._lend, loop)
        batch.commit = self._thread.submit(self._commit, loop, batch)

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

    def _commit(self, loop: AbstractEventLoop, batch: _Batch) -> Exception | None:
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

    def _landed(self, batch: _Batch, failure: Exception | None) -> None:
        if self._flying is not batch or self._loop is None:
            return  # another loop has settled it
        if self._lending is not None:
            self._lending.cancel()
            self._lending = None
        self._settle(batch, failure)
        if self._gathered:
            self._flush(self._loop)
        elif self._drained is not None:
            self._drained.set_result(None)
            self._drained = None

    def _settle(self, batch: _Batch, failure: Exception | None) -> None:
        """Tell those who wait. A failed batch gives its sequences back."""
        self._flying = None
        if failure is None:
            self._durable += len(batch.entries)
        for number, durable in enumerate(batch.waiting, batch.first):
            if durable.done() or durable.get_loop().is_closed():
                continue  # its caller has gone
            if failure is None:
                durable.set_result(number)
            else:
                durable.set_exception(unavailable(self.path, failure))

    def _lend(self, loop: AbstractEventLoop) -> None:
        time.sleep(_LEND_FOR_S)  # lets go of the interpreter, which is the point
        self._lending = loop.call_later(_LEND_EVERY_S, self._lend, loop)
