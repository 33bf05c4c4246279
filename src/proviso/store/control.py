"""`control.db`: what all processes share and what rarely changes: keys, blobs, pointers, subjects."""

import hashlib
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec import Struct

from proviso.errors import NotReady, Tampered
from proviso.store.schema import CONTROL
from proviso.store.sqlite import connect, translated


class KeyRow(Struct, frozen=True):
    """A stored API key. Times are UTC microseconds since the epoch; `digest` is SHA-256 of the whole key."""

    id: str
    digest: bytes
    user: str
    groups: tuple[str, ...]
    roles: tuple[str, ...]
    created: int
    expires: int
    revoked: int | None = None


class Control:
    """The shared database. Every write is durable on return; safe to use from several threads."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = threading.Lock()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open `control.db` in a folder, made and migrated if need be."""
        path = folder / "control.db"
        return cls(path, connect(path, CONTROL))

    def close(self) -> None:
        """Close it. Nothing is pending: every write was durable on return."""
        with self._lock:
            self._connection.close()

    def version(self) -> tuple[int, int]:
        """Return a value that differs as soon as anybody, in this process or another, has changed anything.

        About 3 µs: `PRAGMA data_version` tells of others' commits, `total_changes` of our own.
        """
        with translated(self.path), self._lock:
            others = self._connection.execute("PRAGMA data_version").fetchone()[0]
            return others, self._connection.total_changes

    # --- keys -------------------------------------------------------------------------------------

    def add_key(self, row: KeyRow) -> bool:
        """Store a new key; False if its ID is taken."""
        values = (
            row.id, row.digest, row.user, _packed(row.groups), _packed(row.roles),
            row.created, row.expires, row.revoked,
        )  # fmt: skip
        return self._change("INSERT INTO keys VALUES(?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING", values)

    def revoke_key(self, key: str, at: int) -> bool:
        """Mark a key as revoked at a time; False if there is none of that ID, or it was revoked before."""
        return self._change("UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL", (at, key))

    def key(self, key: str) -> KeyRow | None:
        """Return the key of that ID."""
        rows = self._read("SELECT * FROM keys WHERE id = ?", (key,))
        return _key(rows[0]) if rows else None

    def all_keys(self) -> list[KeyRow]:
        """Return all keys, in the order of their making."""
        return [_key(row) for row in self._read("SELECT * FROM keys ORDER BY created, id")]

    # --- blobs and pointers -----------------------------------------------------------------------

    def put(self, body: bytes) -> str:
        """Keep bytes under their SHA-256, returned in hex. To keep the same bytes twice changes nothing."""
        digest = hashlib.sha256(body).hexdigest()
        self._change("INSERT INTO blobs VALUES(?,?) ON CONFLICT DO NOTHING", (digest, body))
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes of a digest, hashed anew.

        Raises `NotReady` if there are none, `Tampered` if they no longer have that digest.
        """
        rows = self._read("SELECT body FROM blobs WHERE digest = ?", (digest,))
        if not rows:
            raise NotReady(f"nothing is stored under `{digest}`", fix="build the release again")
        body = bytes(rows[0][0])
        if hashlib.sha256(body).hexdigest() != digest:
            raise Tampered(
                f"what is stored under `{digest}` has another digest", fix="restore the store from a backup"
            )
        return body

    def point(self, name: str, target: str) -> None:
        """Let a name point to a digest, or to any other short text."""
        sql = "INSERT INTO pointers VALUES(?,?) ON CONFLICT DO UPDATE SET target = excluded.target"
        self._change(sql, (name, target))

    def pointer(self, name: str) -> str:
        """Return where a name points; an empty string if nowhere."""
        rows = self._read("SELECT target FROM pointers WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else ""

    # --- subjects ---------------------------------------------------------------------------------

    def subject(self, user: str, fresh: str) -> str:
        """Return the pseudonym of a user, which becomes `fresh` if there is none yet. The first one stays."""
        sql = 'SELECT subject FROM subjects WHERE "user" = ?'
        if not (rows := self._read(sql, (user,))):
            self._change('INSERT INTO subjects VALUES(?,?) ON CONFLICT("user") DO NOTHING', (user, fresh))
            rows = self._read(sql, (user,))
        return str(rows[0][0])

    def user(self, subject: str) -> str:
        """Return the user of a pseudonym; an empty string if it leads nowhere (any more)."""
        rows = self._read('SELECT "user" FROM subjects WHERE subject = ?', (subject,))
        return str(rows[0][0]) if rows else ""

    def _read(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        with translated(self.path), self._lock:
            return self._connection.execute(sql, values).fetchall()

    def _change(self, sql: str, values: Sequence[object]) -> bool:
        """Run one statement, its own transaction; return whether it changed a row."""
        with translated(self.path), self._lock:
            return self._connection.execute(sql, values).rowcount > 0


def _packed(names: Sequence[str]) -> str:
    return msgspec.json.encode(names).decode()


def _key(row: Sequence[Any]) -> KeyRow:
    names = msgspec.json.Decoder(tuple[str, ...]).decode
    return KeyRow(row[0], row[1], row[2], names(row[3]), names(row[4]), row[5], row[6], row[7])
