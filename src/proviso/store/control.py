"""What all processes share and what rarely changes: keys, blobs, pointers, subjects, and the news of changes."""

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from proviso.errors import NotReady, Tampered
from proviso.store.protocol import Database, Row, Statements

KEYS = "keys"  # the topic of news about API keys

_PUBLISH = "INSERT INTO news(topic, version) VALUES(?, 1) ON CONFLICT(topic) DO UPDATE SET version = news.version + 1"


class KeyRow(Struct, frozen=True):
    """A stored API key. Times are UTC microseconds since the epoch; `digest` is SHA-256 of the whole key.

    A `service` key is one that names the person on whose behalf it asks.
    """

    id: str
    digest: bytes
    user: str
    groups: tuple[str, ...]
    roles: tuple[str, ...]
    created: int
    expires: int
    revoked: int | None = None
    service: bool = False


class Tables:
    """The shared tables, over the database or over one transaction of it (`statements`, for tables of other rooms)."""

    def __init__(self, statements: Statements) -> None:
        self.statements = statements

    # --- news -------------------------------------------------------------------------------------

    def publish(self, topic: str) -> None:
        """Tell every process that something of a topic has changed; in a transaction, when it ends."""
        self.statements.change(_PUBLISH, (topic,))

    def news(self) -> dict[str, int]:
        """Return, by topic, a number that rises with every change."""
        return dict(self.statements.read("SELECT topic, version FROM news"))

    # --- keys -------------------------------------------------------------------------------------

    def add_key(self, row: KeyRow) -> bool:
        """Store a new key; False if its ID is taken."""
        values = (
            row.id, row.digest, row.user, _packed(row.groups), _packed(row.roles),
            row.created, row.expires, row.revoked, int(row.service),
        )  # fmt: skip
        return self.statements.change(_ADD_KEY, values) > 0

    def revoke_key(self, key: str, at: int) -> bool:
        """Mark a key as revoked at a time; False if there is none of that ID, or it was revoked before."""
        sql = "UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL"
        return self.statements.change(sql, (at, key)) > 0

    def key(self, key: str) -> KeyRow | None:
        """Return the key of that ID."""
        rows = self.statements.read(f"{_KEY} WHERE id = ?", (key,))
        return _key(rows[0]) if rows else None

    def all_keys(self) -> list[KeyRow]:
        """Return all keys, in the order of their making."""
        return [_key(row) for row in self.statements.read(f"{_KEY} ORDER BY created, id")]

    # --- blobs and pointers -----------------------------------------------------------------------

    def put(self, body: bytes) -> str:
        """Keep bytes under their SHA-256, returned in hex. To keep the same bytes twice changes nothing."""
        digest = hashlib.sha256(body).hexdigest()
        self.statements.change("INSERT INTO blobs VALUES(?,?) ON CONFLICT DO NOTHING", (digest, body))
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes of a digest, hashed anew.

        Raises `NotReady` if there are none, `Tampered` if they no longer have that digest.
        """
        rows = self.statements.read("SELECT body FROM blobs WHERE digest = ?", (digest,))
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
        sql = "INSERT INTO pointers VALUES(?,?) ON CONFLICT(name) DO UPDATE SET target = excluded.target"
        self.statements.change(sql, (name, target))

    def pointer(self, name: str) -> str:
        """Return where a name points; an empty string if nowhere."""
        rows = self.statements.read("SELECT target FROM pointers WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else ""

    def pointers(self, prefix: str) -> dict[str, str]:
        """Return where every name with that beginning points."""
        sql = "SELECT name, target FROM pointers WHERE substr(name, 1, ?) = ? ORDER BY name"
        return dict(self.statements.read(sql, (len(prefix), prefix)))

    # --- subjects ---------------------------------------------------------------------------------

    def subject(self, user: str, fresh: str) -> str:
        """Return the pseudonym of a user, which becomes `fresh` if there is none yet. The first one stays."""
        sql = 'SELECT subject FROM subjects WHERE "user" = ?'
        if not (rows := self.statements.read(sql, (user,))):
            add = 'INSERT INTO subjects VALUES(?,?) ON CONFLICT("user") DO NOTHING'
            self.statements.change(add, (user, fresh))
            rows = self.statements.read(sql, (user,))
        return str(rows[0][0])

    def user(self, subject: str) -> str:
        """Return the user of a pseudonym; an empty string if it leads nowhere (any more)."""
        rows = self.statements.read('SELECT "user" FROM subjects WHERE subject = ?', (subject,))
        return str(rows[0][0]) if rows else ""


class Control(Tables):
    """The shared tables of a store. Every write is durable on return; safe to use from several threads.

    Calls wait for the database: on an event loop call them in a thread.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.database = database

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Tables]:
        """Change several tables as one; see `Database.transaction`."""
        with self.database.transaction() as statements:
            yield Tables(statements)


_ADD_KEY = (
    'INSERT INTO keys(id, digest, "user", "groups", roles, created, expires, revoked, service)'
    " VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"
)
_KEY = 'SELECT id, digest, "user", "groups", roles, created, expires, revoked, service FROM keys'


def _packed(names: Sequence[str]) -> str:
    return msgspec.json.encode(names).decode()


def _key(row: Row) -> KeyRow:
    names: Any = msgspec.json.Decoder(tuple[str, ...]).decode
    return KeyRow(
        row[0], bytes(row[1]), row[2], names(row[3]), names(row[4]), row[5], row[6], row[7], bool(row[8])
    )
