"""A connection to a SQLite file as this house wants it: WAL, fsync at each commit, errors of our own tree.

The only module that opens databases. A commit is durable when it returns: `synchronous=FULL` makes SQLite
fsync the write-ahead log at each commit (https://www.sqlite.org/pragma.html#pragma_synchronous), SQLite
itself fsyncs the folder when it creates the log, and this module does so when it creates the database.
"""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from proviso.errors import StoreUnavailable
from proviso.store.schema import Step, refuse_newer

_BUSY_S = 5.0  # how long a connection waits for another process's lock


def connect(path: Path, steps: Sequence[Step]) -> sqlite3.Connection:
    """Open the database at `path`, made and migrated if need be. Statements commit by themselves.

    Any number of processes may do so at once: one migrates, the others wait and find it done.
    Raises `NewerSchema`, or `StoreUnavailable` where the file cannot be used.
    """
    with translated(path):
        make_folder(path.parent)
        with locked(path.parent / "store.lock"):
            _create(path)
            connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            try:
                _check(connection, path, steps)
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
                _migrate(connection, steps)
            except BaseException:
                connection.close()
                raise
            return connection


def connect_to_read(path: Path, steps: Sequence[Step]) -> sqlite3.Connection | None:
    """Open the database at `path` for reading while its owner writes; None if it is only being made."""
    with translated(path):
        uri = f"{path.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(
            uri, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        try:
            version = _check(connection, path, steps)
        except BaseException:
            connection.close()
            raise
        if version == 0:
            connection.close()
            return None
        return connection


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite or the file system says into `StoreUnavailable`."""
    try:
        yield
    except (sqlite3.Error, OSError, OverflowError, UnicodeEncodeError) as error:
        raise unavailable(path, error) from error


def unavailable(path: Path, error: Exception) -> StoreUnavailable:
    """Return the error for a store that cannot be used."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return StoreUnavailable(
        f"the store `{path}` cannot be used: {reason}",
        fix="check that its disk has room, that it may be written, and that it is a database of Proviso",
    )


def make_folder(folder: Path) -> None:
    """Make the folder of the databases and those above it, for their owner alone, and make that durable."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True, mode=0o700)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`, waiting for it. The system lets go of it when the process ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _create(path: Path) -> None:
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        sync_folder(path.parent)


def _check(connection: sqlite3.Connection, path: Path, steps: Sequence[Step]) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    refuse_newer(str(path), version, len(steps))
    return version


def _migrate(connection: sqlite3.Connection, steps: Sequence[Step]) -> None:
    """Take the steps that are missing, each in a transaction of its own together with its number."""
    done = int(connection.execute("PRAGMA user_version").fetchone()[0])
    for number, statements in enumerate(steps[done:], start=done + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
