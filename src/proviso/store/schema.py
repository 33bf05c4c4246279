"""The tables. A schema is a list of steps, taken forward only; a published step is never edited."""

from proviso.store.sqlite import Step

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
