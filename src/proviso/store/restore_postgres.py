"""Restoring a backup into PostgreSQL: all rows in one transaction, into tables that have just been made."""

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from proviso.errors import ProvisoError, Tampered
from proviso.store.backup import Progress, TargetTaken
from proviso.store.migration_postgres import take_forward, versions
from proviso.store.postgres import Address
from proviso.store.postgres_names import MOST, NAMES
from proviso.store.restore_terms import StoreInUse, Wanted
from proviso.store.slots import writers
from proviso.store.tables import at_rest, columns, counts, select
from proviso.store.view_postgres import Session

_HOLD = "SELECT count(*) FROM generate_series(0, $2::int - 1) AS n WHERE NOT pg_try_advisory_lock($1, n)"
_TABLES = (
    "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace('proviso') AND relkind IN ('r', 'p')"
    " AND NOT relispartition AND relname NOT IN ('schema_versions', 'writers')"
)
_IDENTITIES = (
    "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE table_schema = 'proviso' AND is_identity = 'YES'"
)
# Tables that have the time of their event as well here: it finds the partition.
_TIMED = {"payloads", "open_runs"}


@contextlib.contextmanager
def restore_into(url: str, wanted: Wanted) -> Iterator["Into"]:
    """Keep every writer out of a database, and make empty tables in it, until the block ends.

    If it raises, what was there is there again. Raises `StoreInUse`, `TargetTaken`, `NewerSchema`, `StoreUnavailable`.
    """
    address = Address(url)
    session = Session(address)
    try:
        if held := session.one(_HOLD, NAMES, MOST):
            raise StoreInUse(
                f"{held} processes write into `{address.name}`",
                fix="stop the servers and commands that use it, then try again",
            )
        versions(url)  # refuses a newer one
        aside = _make_room(session, address, wanted)
        try:
            take_forward(url)
            yield Into(address, aside, wanted.now)
        except BaseException:
            if aside:
                _put_back(session, aside)
            raise
    finally:
        session.close()


def _make_room(session: Session, address: Address, wanted: Wanted) -> str:
    """Rename a schema that has rows; return its new name, "" without any."""
    tables = [name for (name,) in session.fetch(_TABLES)]
    if not any(session.one(f'SELECT EXISTS(SELECT 1 FROM proviso."{name}")') for name in tables):  # noqa: S608  names from the catalogue
        return ""
    if not wanted.replace:
        raise TargetTaken(
            f"there is a store in `{address.name}` already",
            fix="`--replace` moves it aside, or name another database in `PROVISO_STORE`",
        )
    aside = f"proviso_before_{datetime.fromtimestamp(wanted.now / 1e6, UTC):%Y%m%dt%H%M%Sz}"
    session.execute(f"ALTER SCHEMA proviso RENAME TO {aside}")
    return aside


def _put_back(session: Session, aside: str) -> None:
    with contextlib.suppress(
        ProvisoError
    ):  # what was there stands under its other name; the first error is told
        session.execute(f"DROP SCHEMA IF EXISTS proviso CASCADE; ALTER SCHEMA {aside} RENAME TO proviso")


class Into:
    """A database with empty tables. `aside`: the schema that has what was there, "" if nothing."""

    def __init__(self, address: Address, aside: str, now: int) -> None:
        self.aside = aside
        self._address = address
        self._now = now

    def fill(self, place: Path, progress: Progress) -> None:
        """Copy all rows of a backup's databases in, one transaction; raise `Tampered` if they do not fit."""
        session = Session(self._address)
        try:
            session.execute("BEGIN")
            session.execute("DELETE FROM writers")
            self._fill(session, place, "", progress)
            for writer in writers(place):
                self._fill(session, place, writer, progress)
            for table, column in session.fetch(_IDENTITIES):
                session.fetch(
                    f"SELECT setval(pg_get_serial_sequence('proviso.{table}', '{column}'), "  # noqa: S608  names from the catalogue
                    f'coalesce(max("{column}"), 1), max("{column}") IS NOT NULL) FROM {table}'
                )
            session.execute("COMMIT")
        finally:
            session.close()

    def _fill(self, session: Session, place: Path, writer: str, progress: Progress) -> None:
        path = place / (f"runs-{writer}.db" if writer else "control.db")
        with at_rest(path) as source:
            for table, names in columns(source).items():
                _copy(session, source, table, names, writer)
            expected = counts(source)
            if writer:
                last = source.execute("SELECT coalesce(max(sequence), 0) FROM events").fetchone()[0]
                # No process of before has this epoch: nothing that one of them has sent can still be written.
                session.execute("INSERT INTO writers VALUES($1, $2, $3)", writer, self._now, last)
        for table, rows in expected.items():
            found = _count(session, table, writer)
            if found != rows:
                raise Tampered(
                    f"`{path.name}` has {rows} rows of `{table}`, and {found} of them fit",
                    fix="use another backup; `proviso store check` says what is wrong with the store it is of",
                )
        progress(f"{path.name}: {sum(expected.values())} rows")


def _copy(session: Session, source: sqlite3.Connection, table: str, names: list[str], writer: str) -> None:
    sql = select(table, names)
    if writer:
        listed = ", ".join(f't."{name}"' for name in names)
        at, joined = (", events.at", " JOIN events USING(sequence)") if table in _TIMED else ("", "")
        sql = f"SELECT '{writer}', {listed}{at} FROM \"{table}\" AS t{joined}"  # noqa: S608  our own names
        names = ["writer", *names, *(["at"] if table in _TIMED else [])]
    copying = session.connection.copy_records_to_table(
        table, records=source.execute(sql), columns=names, schema_name="proviso"
    )
    session.run(copying)


def _count(session: Session, table: str, writer: str) -> int:
    if writer:
        return int(session.one(f'SELECT count(*) FROM "{table}" WHERE writer = $1', writer))  # noqa: S608  our own names
    return int(session.one(f'SELECT count(*) FROM "{table}"'))  # noqa: S608  the same
