"""A writer in PostgreSQL: many entries in one statement, which is one transaction and one exchange with the server.

The statement first moves the writer's `sequence` on, under its epoch and from the number before; where that fails it
changes nothing. So a batch is written once or not at all, whenever it arrives. Where no answer comes, the epoch is
raised, which waits for the batch or shuts it out for ever, and then the table says which.
"""

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from proviso.errors import ProvisoError, StoreUnavailable
from proviso.store.entry import AMOUNTS, Entry, add_up
from proviso.store.group_commit import Batch, GroupCommit
from proviso.store.postgres import STATEMENT_S, Connection, ConnectionLost, used
from proviso.store.postgres_database import PostgresDatabase
from proviso.store.postgres_names import Name

T = TypeVar("T")

_RESOLVE_S = 5.0  # how long those wait whose batch may have been committed or not
_AGAIN_S = 0.1
_RENEW_S = 10.0


class PostgresJournal(GroupCommit):
    """The one writer of a name. Used from one event loop at a time, which has a connection of its own."""

    def __init__(self, database: PostgresDatabase, name: Name) -> None:
        """Write under a name that has just been taken."""
        super().__init__(name.sequence)
        self._database = database
        self._name = name
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None
        # Whether `_durable` is known to be the last number of the name. Where it is not, the epoch must be raised.
        self._sure = True
        self._sent: tuple[str, int, int] | None = None  # the place of the last entry that was sent
        self._known_cells: set[int] = set()
        self._open: set[str] = set()  # runs started under this name and epoch
        self._gaps: set[str] = set()  # runs of ours that whoever took the name has recorded, or will, as gaps

    @property
    def writer(self) -> str:
        """The name under which this process writes. It changes if the session was lost and the name taken."""
        return self._name.name

    def append_now(self, entries: Sequence[Entry]) -> None:
        """Make entries durable before returning, without a loop; only while nothing else is appended."""
        if self._in_use():
            raise StoreUnavailable("the journal is in use", fix="append to it from its event loop")
        self._database.call(self._append_now(Batch(list(entries), [], 0)))

    def open_runs(self) -> list[bytes]:
        """Return the bodies of the events by which runs started that have not ended, in their order."""
        return [bytes(body) for (body,) in self._database.read(_OPEN_RUNS, (self.writer,))]

    def release(self) -> None:
        """Close without a loop; harmless if said twice."""
        self._closed = True
        if self._connection is not None and self._loop is not None and not self._loop.is_closed():
            self._connection.terminate()
        self._connection = None
        self._database.in_thread(self._name.release)

    # --- a batch ------------------------------------------------------------------------------------

    def _begin(self, loop: AbstractEventLoop, batch: Batch) -> None:
        self._sent = None
        self._task = loop.create_task(self._keep(batch, in_doubt=False))

    def _take_over(self, loop: AbstractEventLoop, batch: Batch) -> None:
        self._connection = None  # it was closed with its loop
        self._task = loop.create_task(self._keep(batch, in_doubt=True))

    def _adopt(self, loop: AbstractEventLoop) -> None:
        self._connection = None
        super()._adopt(loop)

    def _refusal(self, failure: Exception) -> StoreUnavailable:
        if isinstance(failure, StoreUnavailable):
            return failure
        name = self._database.name
        return StoreUnavailable(
            f"`{name}` did not take the record: {failure}", fix="see the log of PostgreSQL"
        )

    async def _keep(self, batch: Batch, *, in_doubt: bool) -> None:
        """Make a batch durable, or say why not. A loop that ends cancels this; the next one takes over."""
        failure: Exception | None = None
        try:
            if not in_doubt:
                in_doubt = not await self._send(batch)
            if in_doubt:
                await self._resolve(batch)
        except Exception as error:  # noqa: BLE001  whatever it is, those who wait are told and the next batch goes on
            failure = error
        except asyncio.CancelledError:
            self._sure = False
            raise
        self._landed(batch, failure)

    async def _send(self, batch: Batch) -> bool:
        """Write a batch. Return False if it may have been written or not; raise if it certainly was not."""
        if not self._sure or not self._name.held:
            await self._in_thread(self._renew())
        self._leave_out_gaps(batch)
        if not batch.entries:
            return True
        connection = await self._ready()
        try:
            async with asyncio.timeout(STATEMENT_S):
                return await self._write(connection, batch)
        except TimeoutError:
            self._sure = False
            return False

    async def _resolve(self, batch: Batch) -> None:
        """Find out what has become of a batch, and write it again if nothing has."""
        self._sure = False
        try:
            async with asyncio.timeout(_RESOLVE_S):
                while not await self._resolved(batch):  # noqa: ASYNC110  nobody tells when a server is back
                    await asyncio.sleep(_AGAIN_S)
        except TimeoutError as error:
            raise StoreUnavailable(
                f"the connection to `{self._database.name}` was lost: whether the record was kept is not known",
                fix="look for the run when the store is back",
            ) from error

    async def _resolved(self, batch: Batch) -> bool:
        try:
            if await self._in_thread(self._was_kept(batch)):
                return True
            # INVARIANT: the epoch has been raised since the batch was sent, so it is not written behind our back.
        except ProvisoError:  # not reached: try again
            return False
        return await self._send(batch)

    async def _ready(self) -> Connection:
        """Return this loop's connection, opened anew if it was lost."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._database.address.connect()
        return self._connection

    async def _write(self, connection: Connection, batch: Batch) -> bool:
        batch.first = self._durable + 1
        last = self._durable + len(batch.entries)
        values, cells = _columns(batch, self._known_cells)
        self._sent = self.writer, last, batch.entries[-1].at
        try:
            with used(connection, self._database.name):
                moved = await connection.fetchval(
                    _WRITE, self.writer, self._name.epoch, self._durable, last, *values
                )
        except StoreUnavailable as error:
            if not isinstance(error, ConnectionLost) and not connection.is_closed():
                raise  # the server has refused it
            self._sure = False
            return False
        if not moved:
            self._sure = False
            raise StoreUnavailable(
                f"the name `{self.writer}` was taken by another process after its session was lost",
                fix="ask again",
            )
        self._durable = last
        self._known_cells |= cells
        self._follow(batch)
        return True

    def _follow(self, batch: Batch) -> None:
        """Note which runs are open after a batch."""
        self._open.update(entry.run for entry in batch.entries if entry.opens)
        self._open.difference_update(entry.run for entry in batch.entries if entry.closes)

    def _leave_out_gaps(self, batch: Batch) -> None:
        """Refuse the ends of runs that have been given another: a run ends once."""
        if not self._gaps:
            return
        kept = []
        for entry, waiting in zip(batch.entries, batch.waiting, strict=True):
            if not (entry.closes and entry.run in self._gaps):
                kept.append((entry, waiting))
                continue
            self._gaps.discard(entry.run)
            if not waiting.done() and not waiting.get_loop().is_closed():
                what = f"the run `{entry.run}` was given up while the connection to the store was lost"
                waiting.set_exception(StoreUnavailable(what, fix="ask again"))
        batch.entries, batch.waiting = [entry for entry, _ in kept], [waiting for _, waiting in kept]

    async def _in_thread(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something to its end in the database's thread, even if this loop no longer waits for it."""
        return await asyncio.shield(asyncio.wrap_future(self._database.thread.start(coroutine)))

    # --- in the database's thread -------------------------------------------------------------------

    async def _append_now(self, batch: Batch) -> None:
        if not self._sure or not self._name.held:
            await self._renew()
        connection = await self._database.address.connect()
        try:
            if not await self._write(connection, batch):
                what = f"the connection to `{self._database.name}` was lost: whether the record was kept is not known"
                raise StoreUnavailable(what, fix="try again")
        finally:
            connection.terminate()

    async def _renew(self) -> None:
        """Take the name anew, or another; what was sent under the old epoch is done by now or never will be."""
        async with asyncio.timeout(_RENEW_S):
            writer = self.writer
            alone = await self._name.renew()
        if not alone:
            self._gaps |= self._open
            self._open.clear()
        if self.writer != writer:
            self._known_cells.clear()
        self._durable = self._name.sequence
        self._sure = True

    async def _was_kept(self, batch: Batch) -> bool:
        """Whether a batch that was sent is in the table."""
        await self._renew()
        if self._sent is None or await self._database.fetch(_BODY, self._sent) != [(batch.entries[-1].body,)]:
            return False
        self._follow(batch)
        return True


def _columns(batch: Batch, known: set[int]) -> tuple[list[list[Any]], set[int]]:
    """Return the statement's columns for a batch, and which cells they name that were not known before."""
    numbered = list(enumerate(batch.entries, batch.first))
    closed = {entry.run for entry in batch.entries if entry.closes}
    opened = {e.run: (e.run, n, e.at) for n, e in numbered if e.opens and e.run not in closed}
    sums = add_up(batch.entries)
    cells = [cell for cell in sums.cells if cell[0] not in known]
    return [
        *_turned([(n, e.at, e.kind, e.app, e.run, e.body) for n, e in numbered], 6),
        *_turned([(n, e.at, e.subject, e.payload) for n, e in numbered if e.payload is not None], 4),
        *_turned(list(opened.values()), 3),
        list(closed),
        *_turned(cells, 2),
        *_turned(sums.rollups, 2 + len(AMOUNTS)),
        *_turned(sums.durations, 4),
    ], {cell for cell, _ in cells}


def _turned(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Return rows as columns."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


def _rows(first: int, *types: str) -> str:
    columns = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(types, first))
    return f"SELECT moved.name, t.* FROM moved, unnest({columns}) AS t"  # noqa: S608  our own words


_ADDED = ", ".join(f"{name} = rollups.{name} + excluded.{name}" for name in AMOUNTS)
_WHOLE = "bigint"
_WRITE = f"""
    WITH moved AS (
        UPDATE writers SET sequence = $4 WHERE name = $1 AND epoch = $2 AND sequence = $3 RETURNING name
    ), new_events AS (
        INSERT INTO events(writer, sequence, at, kind, app, run, body)
        {_rows(5, _WHOLE, _WHOLE, "text", "text", "text", "bytea")}
    ), new_payloads AS (
        INSERT INTO payloads(writer, sequence, at, subject, body) {_rows(11, _WHOLE, _WHOLE, "text", "bytea")}
    ), opened AS (
        INSERT INTO open_runs(writer, run, sequence, at) {_rows(15, "text", _WHOLE, _WHOLE)}
        ON CONFLICT(writer, run) DO UPDATE SET sequence = excluded.sequence, at = excluded.at
    ), closed AS (
        DELETE FROM open_runs USING moved WHERE writer = moved.name AND run = ANY($18::text[])
    ), new_cells AS (
        INSERT INTO cells(writer, id, labels) {_rows(19, _WHOLE, "text")} ON CONFLICT DO NOTHING
    ), new_rollups AS (
        INSERT INTO rollups(writer, minute, cell, {", ".join(AMOUNTS)}) {_rows(21, *[_WHOLE] * 8)}
        ON CONFLICT(writer, minute, cell) DO UPDATE SET {_ADDED}
    ), new_durations AS (
        INSERT INTO durations(writer, minute, cell, bucket, requests) {_rows(29, *[_WHOLE] * 4)}
        ON CONFLICT(writer, minute, cell, bucket) DO UPDATE SET requests = durations.requests + excluded.requests
    )
    SELECT count(*) FROM moved
"""  # noqa: S608  our own words
_OPEN_RUNS = (
    "SELECT body FROM open_runs JOIN events USING(writer, sequence, at) WHERE writer = ? ORDER BY sequence"
)
_BODY = "SELECT body FROM events WHERE writer = $1 AND sequence = $2 AND at = $3"
