"""`control.db`, the shared database of the embedded store: one connection writes, one reads."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

from proviso.store.protocol import Row, Statements, Value
from proviso.store.schema import CONTROL
from proviso.store.sqlite import connect, connect_to_read, translated


class SqliteDatabase:
    """A `Database` in a file. Reading never waits for a writer of this process or of another."""

    def __init__(self, path: Path, writing: sqlite3.Connection, reading: sqlite3.Connection) -> None:
        self.path = path
        self._writing = writing
        self._reading = reading
        self._write_lock = threading.RLock()
        self._read_lock = threading.Lock()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open `control.db` in a folder, made and migrated if need be."""
        path = folder / "control.db"
        writing = connect(path, CONTROL)
        try:
            reading = connect_to_read(path, CONTROL)
        except BaseException:
            writing.close()
            raise
        assert reading is not None  # it has been migrated
        return cls(path, writing, reading)

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self.path)

    def read(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """Return all rows of a statement."""
        if not sql.startswith("SELECT"):
            with translated(self.path), self._write_lock:
                return self._writing.execute(sql, values).fetchall()
        with translated(self.path), self._read_lock:
            return self._reading.execute(sql, values).fetchall()

    def change(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Run a statement, its own transaction; return how many rows it changed."""
        with translated(self.path), self._write_lock:
            return self._writing.execute(sql, values).rowcount

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Statements]:
        """Run statements as one; other transactions wait, also those of other processes."""
        with self._write_lock:
            with translated(self.path):
                self._writing.execute("BEGIN IMMEDIATE")
            try:
                yield _Within(self.path, self._writing)
                with translated(self.path):
                    self._writing.execute("COMMIT")
            finally:
                with translated(self.path):
                    if self._writing.in_transaction:
                        self._writing.execute("ROLLBACK")

    def on_news(self, wake: Callable[[], object]) -> None:
        """Do nothing: a file tells nobody. Whoever waits for news looks for them."""

    def close(self) -> None:
        """Close the file."""
        with self._write_lock, self._read_lock:
            self._writing.close()
            self._reading.close()


class _Within:
    """The statements of a transaction under way, whose thread holds the lock."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def read(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """Return all rows of a statement."""
        with translated(self._path):
            return self._connection.execute(sql, values).fetchall()

    def change(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Run a statement; return how many rows it changed."""
        with translated(self._path):
            return self._connection.execute(sql, values).rowcount
