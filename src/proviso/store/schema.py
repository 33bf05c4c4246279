"""The tables. A schema is a list of steps, taken forward only; a published step is never edited.

The shared tables are written once, in SQLite's words; `for_postgres` says them in PostgreSQL's. So they use these
types only: TEXT, INTEGER (64 bits), BLOB, and `INTEGER PRIMARY KEY` for a number that the database gives.
"""

import re

from proviso.errors import ProvisoError

# A step of a schema: statements that are run in one transaction.
Step = tuple[str, ...]

# Messages to other systems: `waiting` ones are due from `due` on; while `holder` sends one, `due` is when its
# lease ends. `settled` is when one was delivered, or given up as `dead`.
OUTBOX: Step = (
    """CREATE TABLE outbox(
        id TEXT PRIMARY KEY, destination TEXT NOT NULL, address TEXT NOT NULL, topic TEXT NOT NULL,
        at INTEGER NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL, body BLOB NOT NULL, state TEXT NOT NULL,
        queued INTEGER NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL, holder TEXT NOT NULL,
        reason TEXT NOT NULL, settled INTEGER NOT NULL
    )""",
    "CREATE INDEX outbox_waiting ON outbox(destination, due) WHERE state = 'waiting'",
    "CREATE INDEX outbox_settled ON outbox(settled) WHERE state <> 'waiting'",
)

# Shares of limits: `starts` is the window's first microsecond; a holder is a process, by its fencing epoch; `beat`
# rises with its renewals; a `number` rises with each call for what others hold; `removable` is when a row may go.
BUDGETS: Step = (
    """CREATE TABLE budget_holders(
        epoch INTEGER NOT NULL PRIMARY KEY, writer TEXT NOT NULL, began INTEGER NOT NULL, renewed INTEGER NOT NULL,
        beat INTEGER NOT NULL, fenced INTEGER NOT NULL
    )""",
    """CREATE TABLE budget_leases(
        limit_id TEXT NOT NULL, starts INTEGER NOT NULL, epoch INTEGER NOT NULL, share INTEGER NOT NULL,
        spent INTEGER NOT NULL, reserved INTEGER NOT NULL, removable INTEGER NOT NULL, settled INTEGER NOT NULL,
        PRIMARY KEY(limit_id, starts, epoch)
    ) WITHOUT ROWID""",
    "CREATE INDEX budget_leases_by_epoch ON budget_leases(epoch)",
    "CREATE INDEX budget_leases_removable ON budget_leases(removable)",
    """CREATE TABLE budget_calls(
        limit_id TEXT NOT NULL, starts INTEGER NOT NULL, number INTEGER NOT NULL, removable INTEGER NOT NULL,
        PRIMARY KEY(limit_id, starts)
    ) WITHOUT ROWID""",
    "CREATE INDEX budget_calls_by_number ON budget_calls(number)",
)

CONTROL: tuple[Step, ...] = (
    (
        # `digest` is SHA-256 of the whole key; the key itself is stored nowhere.
        """CREATE TABLE keys(
            id TEXT PRIMARY KEY, digest BLOB NOT NULL, "user" TEXT NOT NULL, "groups" TEXT NOT NULL,
            roles TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL, revoked INTEGER
        ) WITHOUT ROWID""",
        "CREATE TABLE blobs(digest TEXT PRIMARY KEY, body BLOB NOT NULL)",
        "CREATE TABLE pointers(name TEXT PRIMARY KEY, target TEXT NOT NULL) WITHOUT ROWID",
        'CREATE TABLE subjects("user" TEXT PRIMARY KEY, subject TEXT NOT NULL UNIQUE) WITHOUT ROWID',
    ),
    (
        "ALTER TABLE keys ADD COLUMN service INTEGER NOT NULL DEFAULT 0",
        # `version` rises with every change of a topic: how each process learns that what it knows is old.
        "CREATE TABLE news(topic TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID",
    ),
    OUTBOX,
    BUDGETS,
)

RUNS: tuple[Step, ...] = (
    (
        # INVARIANT: the sequences of a file have no hole: a batch that fails gives its numbers back.
        """CREATE TABLE events(
            sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, app TEXT NOT NULL,
            run TEXT NOT NULL, body BLOB NOT NULL
        )""",
        "CREATE INDEX events_by_run ON events(run) WHERE run != ''",
        "CREATE INDEX finished_by_app ON events(app) WHERE kind = 'run.finished'",
        # A payload has the sequence of its event; it leaves earlier than the event does.
        "CREATE TABLE payloads(sequence INTEGER PRIMARY KEY, subject TEXT NOT NULL, body BLOB NOT NULL)",
        # Runs that have started and not ended, by the sequence of their start.
        "CREATE TABLE open_runs(run TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID",
        # `id` is taken from the SHA-256 of the labels, so that the files of several writers agree on it.
        "CREATE TABLE cells(id INTEGER PRIMARY KEY, labels TEXT NOT NULL)",
        """CREATE TABLE rollups(
            minute INTEGER, cell INTEGER, requests INTEGER NOT NULL, cited INTEGER NOT NULL,
            duration_us INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
            cost_micro_usd INTEGER NOT NULL, PRIMARY KEY(minute, cell)
        ) WITHOUT ROWID""",
        """CREATE TABLE durations(
            minute INTEGER, cell INTEGER, bucket INTEGER, requests INTEGER NOT NULL,
            PRIMARY KEY(minute, cell, bucket)
        ) WITHOUT ROWID""",
    ),
)

_WORDS = {
    "INTEGER PRIMARY KEY": "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
    "INTEGER": "BIGINT",
    "BLOB": "BYTEA",
    "WITHOUT ROWID": "",
}
_SQLITE = re.compile("|".join(rf"\b{words}\b" for words in _WORDS))


class NewerSchema(ProvisoError):
    """A database that a newer version of Proviso has written."""

    code = "schema_newer"
    status = 503
    exit = 4


def refuse_newer(place: str, version: int, known: int) -> None:
    """Raise `NewerSchema` for a schema of which this version does not know every step."""
    if version > known:
        raise NewerSchema(
            f"`{place}` has schema {version}, and this version of Proviso knows up to {known}",
            fix="use the version that wrote it, or a newer one",
        )


def for_postgres(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the steps of a shared schema in PostgreSQL's words."""
    return tuple(tuple(_SQLITE.sub(_said, statement) for statement in step) for step in steps)


def _said(found: re.Match[str]) -> str:
    return _WORDS[found.group()]
