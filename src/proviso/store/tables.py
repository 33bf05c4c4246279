"""The tables of a copy, whichever engine it came from: their names, columns and numbers of rows."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from proviso.errors import Tampered
from proviso.store.sqlite import translated

_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"


def columns(connection: sqlite3.Connection) -> dict[str, list[str]]:
    """Return the columns of each table of a database, in their order."""
    return {
        table: [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
        for (table,) in connection.execute(_TABLES).fetchall()
    }


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the number of rows of each table of a database."""
    return {
        table: int(connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])  # noqa: S608  our own names
        for table in columns(connection)
    }


def select(table: str, names: list[str]) -> str:
    """Return the statement that reads all rows of a table."""
    listed = ", ".join(f'"{name}"' for name in names)
    return f'SELECT {listed} FROM "{table}"'  # noqa: S608  our own names


@contextlib.contextmanager
def at_rest(path: Path) -> Iterator[sqlite3.Connection]:
    """Read a database that nobody uses, leaving nothing beside it. Raises `Tampered` where it is none."""
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with translated(path):
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    with contextlib.closing(connection):
        try:
            yield connection
        except sqlite3.DatabaseError as error:
            raise Tampered(f"`{path}` is damaged: {error}", fix="use another backup") from error


def version(path: Path) -> int:
    """Return the schema's version of a database that nobody uses."""
    with at_rest(path) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
