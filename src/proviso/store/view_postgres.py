"""One moment of a PostgreSQL database, for those who read the whole of it: one read-only transaction."""

import sqlite3
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from proviso.store.loop_thread import LoopThread
from proviso.store.postgres import CONNECT_S, Address, Connection, used
from proviso.store.postgres_names import NAMES
from proviso.store.protocol import Row
from proviso.store.schema import CONTROL, RUNS
from proviso.store.sqlite import connect, translated
from proviso.store.tables import columns, select

T = TypeVar("T")

PATIENCE_S = 86_400.0  # reading or writing a whole database takes as long as it takes
_ROWS = 1_000  # read at once
_OF_WRITERS = ("events", "payloads", "open_runs", "cells", "rollups", "durations")
_LIVING = (
    "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND classid = $1::bigint::oid"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class Session:
    """A connection of its own, for callers that wait, without limits on how long a statement may take."""

    def __init__(self, address: Address) -> None:
        """Connect; raise `StoreUnavailable`."""
        self._address = address
        self._thread = LoopThread("postgres-session")
        try:
            self.connection: Connection = self._thread.call(address.connect(patient=True), 2 * CONNECT_S)
            self.execute("SET idle_in_transaction_session_timeout = 0")
        except BaseException:
            self._thread.close()
            raise

    def execute(self, sql: str, *values: object) -> str:
        """Run a statement; return the server's word."""
        return str(self.run(self.connection.execute(sql, *values)))

    def fetch(self, sql: str, *values: object) -> list[Row]:
        """Return all rows of a statement."""
        return [tuple(row) for row in self.run(self.connection.fetch(sql, *values))]

    def one(self, sql: str, *values: object) -> Any:
        """Return the first column of the first row; None without one."""
        return self.run(self.connection.fetchval(sql, *values))

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        """Run something on the connection; errors come out as our own."""

        async def run() -> T:
            with used(self.connection, self._address.name):
                return await doing

        return self._thread.call(run(), PATIENCE_S)

    def close(self) -> None:
        """Close the connection; what it has not committed is undone."""

        async def end() -> None:
            self.connection.terminate()

        self._thread.call(end(), CONNECT_S)
        self._thread.close()


class PostgresView:
    """A `View` of a database."""

    engine = "postgres"

    def __init__(self, url: str) -> None:
        """Begin to read; raise `InvalidSetting` or `StoreUnavailable`."""
        self._session = Session(Address(url))
        try:
            self._session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            names = self._session.fetch("SELECT name FROM writers ORDER BY substr(name, 2)::int")
        except BaseException:
            self._session.close()
            raise
        self.control = _Tables(self._session, "")
        self.writers: Mapping[str, _Tables] = {
            name: _Tables(self._session, _only(name)) for (name,) in names if name[1:].isdecimal()
        }

    @property
    def living(self) -> frozenset[str]:
        """The writers' names that a process holds."""
        return living(self._session)

    def copy(self, part: str, path: Path) -> None:
        """Write `control`, or a writer's tables, into a new SQLite file at `path`. It is not forced to disk."""
        source = self.control if part == "control" else self.writers[part]
        steps = CONTROL if part == "control" else RUNS
        with translated(path), closing(connect(path, steps)) as copy:
            copy.execute("BEGIN")
            for table, names in columns(copy).items():
                _fill(copy, table, names, source)
            copy.execute("COMMIT")
            copy.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let go of the moment."""
        self._session.close()


def living(session: Session) -> frozenset[str]:
    """Return the writers' names that a process holds, whichever machine it runs on."""
    return frozenset(f"w{number}" for (number,) in session.fetch(_LIVING, NAMES))


def _fill(copy: sqlite3.Connection, table: str, names: list[str], source: "_Tables") -> None:
    places = ", ".join("?" * len(names))
    copy.executemany(f'INSERT INTO "{table}" VALUES({places})', source.rows(select(table, names)))


class _Tables:
    """The shared tables, or those of one writer, which `named` puts in the place of all writers'."""

    def __init__(self, session: Session, named: str) -> None:
        self._session = session
        self._named = named

    def rows(self, sql: str) -> Iterator[Row]:
        """Yield the rows of a `SELECT`."""
        cursor = self._session.run(self._begin(sql))
        while found := self._session.run(cursor.fetch(_ROWS)):
            yield from map(tuple, found)

    async def _begin(self, sql: str) -> Any:
        return await self._session.connection.cursor(self._named + sql)


def _only(writer: str) -> str:
    """Return the words that let the names of tables mean the rows of one writer."""
    assert writer.isalnum()  # it has been read as a letter and a number
    tables = (
        f"{table} AS (SELECT * FROM proviso.{table} WHERE writer = '{writer}')"  # noqa: S608  the same
        for table in _OF_WRITERS
    )
    return f"WITH {', '.join(tables)} "
