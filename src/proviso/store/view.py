"""All that is stored, at one moment, for those who read the whole of it: backup and check. Writers go on meanwhile."""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from proviso.store.protocol import Row
from proviso.store.schema import CONTROL, RUNS
from proviso.store.slots import dead_slots, writers
from proviso.store.sqlite import connect_to_read, translated

_ROWS = 1_000  # read at once


class Reading(Protocol):
    """A set of tables as they are at the view's moment."""

    def rows(self, sql: str) -> Iterator[Row]:
        """Yield the rows of a `SELECT`, read as they are asked for. Raises `StoreUnavailable`."""
        ...


class View(Protocol):
    """One moment of a store. A writer's tables are named as in its SQLite file, in both engines.

    INVARIANT: what a writer's tables refer to in the shared ones is there: those are of the same moment, or later.
    """

    @property
    def engine(self) -> str:
        """The engine's name: sqlite or postgres."""
        ...

    @property
    def control(self) -> Reading:
        """The shared tables."""
        ...

    @property
    def writers(self) -> Mapping[str, Reading]:
        """The tables of each writer, by its name."""
        ...

    @property
    def living(self) -> frozenset[str]:
        """The writers' names that a process holds."""
        ...

    def copy(self, part: str, path: Path) -> None:
        """Write `control`, or a writer's tables, into a new SQLite file at `path`. It is not forced to disk."""
        ...

    def close(self) -> None:
        """Let go of the moment."""
        ...


class _File:
    """The tables of a SQLite file, in a read transaction that began with the view."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # from here on nothing changes

    def rows(self, sql: str) -> Iterator[Row]:
        """Yield the rows of a `SELECT`."""
        with translated(self.path):
            cursor = self.connection.execute(sql)
            while found := cursor.fetchmany(_ROWS):
                yield from found


class EmbeddedView:
    """A `View` of a folder. While it is open, the logs of its files grow: nothing newer is moved out of them."""

    engine = "sqlite"

    def __init__(self, folder: Path) -> None:
        """Begin to read; raise `StoreUnavailable` or `NewerSchema`."""
        with contextlib.ExitStack() as opened, translated(folder):
            self.writers: dict[str, _File] = {}
            for writer in writers(folder):
                path = folder / f"runs-{writer}.db"
                if (connection := connect_to_read(path, RUNS)) is not None:
                    opened.callback(connection.close)
                    self.writers[writer] = _File(path, connection)
            # INVARIANT: the shared tables come last: a run begins after that to which it refers was stored.
            path = folder / "control.db"
            connection = connect_to_read(path, CONTROL)
            if connection is None:
                raise sqlite3.DatabaseError("it is only being made")
            opened.callback(connection.close)
            self.control = _File(path, connection)
            self._opened = opened.pop_all()
        self._folder = folder

    @property
    def living(self) -> frozenset[str]:
        """The writers' names that a process holds."""
        ended = set()
        for slot in dead_slots(self._folder):
            ended.add(slot.name)
            slot.release()
        return frozenset(self.writers) - ended

    def copy(self, part: str, path: Path) -> None:
        """Write `control`, or a writer's tables, into a new SQLite file at `path`. It is not forced to disk."""
        source = self.control if part == "control" else self.writers[part]
        with translated(path), contextlib.closing(_new_file(path)) as copy:
            # In steps, each of which lets other threads run. The moment is held, so writers do not make it begin anew.
            source.connection.backup(copy, pages=_ROWS)

    def close(self) -> None:
        """Let go of the moment."""
        self._opened.close()


def _new_file(path: Path) -> sqlite3.Connection:
    """Open a copy, which nobody uses: it needs no log of its own, and is forced to disk once, at its end."""
    path.touch(0o600, exist_ok=False)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    return connection


@contextlib.contextmanager
def open_view(folder: Path, url: str = "") -> Iterator[View]:
    """Hold a moment of the store in a folder, or of the one where a `postgresql://` URL says, until the block ends."""
    view: View
    if url:
        from proviso.store.view_postgres import PostgresView  # noqa: PLC0415  an extra, and 60 ms to import

        view = PostgresView(url)
    else:
        view = EmbeddedView(folder)
    try:
        yield view
    finally:
        view.close()
