"""The tables in PostgreSQL: made and taken forward on start, by one process while the others wait.

All of it stands in the schema `proviso`, so that a database can be shared with others. Events and payloads are
partitioned by day, so that what a retention time ends goes by dropping a table.
"""

import logging
from datetime import date, timedelta

import msgspec

from proviso.errors import StoreUnavailable
from proviso.store.postgres import Address, Connection, used
from proviso.store.schema import CONTROL, Step, for_postgres, refuse_newer

NEWS_CHANNEL = "proviso_news"
DAY_US = 86_400_000_000

_MIGRATING = 0x70726F76_00000001  # an advisory lock of ours: "prov", 1
_VERSIONS = "CREATE TABLE IF NOT EXISTS schema_versions(part TEXT PRIMARY KEY, version BIGINT NOT NULL)"
_RAISE = (
    "INSERT INTO schema_versions VALUES($1, $2) ON CONFLICT(part) DO UPDATE SET version = excluded.version"
)

_NEWS: tuple[Step, ...] = (
    (
        f"""CREATE FUNCTION tell_news() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_notify('{NEWS_CHANNEL}', ''); RETURN NULL; END $$""",
        "CREATE TRIGGER tell AFTER INSERT OR UPDATE ON news FOR EACH STATEMENT EXECUTE FUNCTION tell_news()",
    ),
)

_RUNS: tuple[Step, ...] = (
    (
        # `epoch` is raised whenever the name is taken: who has an older one writes nothing more.
        # INVARIANT: `sequence` is that of the writer's last event, changed in the transaction that adds events.
        """CREATE TABLE writers(
            name TEXT PRIMARY KEY, epoch BIGINT NOT NULL, sequence BIGINT NOT NULL
        ) WITH (fillfactor = 50)""",
        """CREATE TABLE events(
            writer TEXT NOT NULL, sequence BIGINT NOT NULL, at BIGINT NOT NULL, kind TEXT NOT NULL,
            app TEXT NOT NULL, run TEXT NOT NULL, body BYTEA NOT NULL, PRIMARY KEY(writer, sequence, at)
        ) PARTITION BY RANGE(at)""",
        "CREATE INDEX events_by_run ON events(run) WHERE run <> ''",
        "CREATE INDEX finished_by_time ON events(at, app) WHERE kind = 'run.finished'",
        "CREATE TABLE events_default PARTITION OF events DEFAULT",
        """CREATE TABLE payloads(
            writer TEXT NOT NULL, sequence BIGINT NOT NULL, at BIGINT NOT NULL, subject TEXT NOT NULL,
            body BYTEA NOT NULL, PRIMARY KEY(writer, sequence, at)
        ) PARTITION BY RANGE(at)""",
        "CREATE TABLE payloads_default PARTITION OF payloads DEFAULT",
        # `at` finds the partition of the start.
        """CREATE TABLE open_runs(
            writer TEXT NOT NULL, run TEXT NOT NULL, sequence BIGINT NOT NULL, at BIGINT NOT NULL,
            PRIMARY KEY(writer, run)
        )""",
        """CREATE TABLE cells(
            writer TEXT NOT NULL, id BIGINT NOT NULL, labels TEXT NOT NULL, PRIMARY KEY(writer, id)
        )""",
        # Room for new versions of a row beside the old one: a busy cell changes with each commit.
        """CREATE TABLE rollups(
            writer TEXT NOT NULL, minute BIGINT NOT NULL, cell BIGINT NOT NULL, requests BIGINT NOT NULL,
            cited BIGINT NOT NULL, duration_us BIGINT NOT NULL, input_tokens BIGINT NOT NULL,
            output_tokens BIGINT NOT NULL, cost_micro_usd BIGINT NOT NULL, PRIMARY KEY(writer, minute, cell)
        ) WITH (fillfactor = 70)""",
        """CREATE TABLE durations(
            writer TEXT NOT NULL, minute BIGINT NOT NULL, cell BIGINT NOT NULL, bucket BIGINT NOT NULL,
            requests BIGINT NOT NULL, PRIMARY KEY(writer, minute, cell, bucket)
        ) WITH (fillfactor = 70)""",
    ),
)

PARTS: dict[str, tuple[Step, ...]] = {"control": for_postgres(CONTROL), "news": _NEWS, "runs": _RUNS}


async def migrate(address: Address) -> None:
    """Bring the tables to this version. Any number of processes may do so at once: one does, the others wait.

    Raises `NewerSchema`, or `StoreUnavailable` where the database cannot be used.
    """
    connection = await address.connect(patient=True)
    try:
        with used(connection, address.name):
            if not await _is_current(connection, address.name):
                await connection.execute("SELECT pg_advisory_lock($1)", _MIGRATING)
                await _prepare(connection)
                for part, steps in PARTS.items():
                    await _take_steps(connection, address.name, part, steps)
            if await connection.fetchval("SELECT current_setting('transaction_read_only') = 'off'"):
                await keep_partitions(connection, address.name)
    finally:
        connection.terminate()


async def _prepare(connection: Connection) -> None:
    # `CREATE SCHEMA IF NOT EXISTS` would ask for the right to make one even where it exists.
    if await connection.fetchval("SELECT to_regnamespace('proviso') IS NULL"):
        await connection.execute("CREATE SCHEMA proviso")
    await connection.execute(_VERSIONS)


async def _is_current(connection: Connection, name: str) -> bool:
    if await connection.fetchval("SELECT to_regclass('proviso.schema_versions') IS NULL"):
        return False
    known = dict(await connection.fetch("SELECT part, version FROM schema_versions"))
    for part, steps in PARTS.items():
        refuse_newer(f"{name} {part}", known.get(part, 0), len(steps))
    return all(known.get(part) == len(steps) for part, steps in PARTS.items())


async def _take_steps(connection: Connection, name: str, part: str, steps: tuple[Step, ...]) -> None:
    """Take the steps that are missing, each in a transaction of its own together with its number."""
    done = await connection.fetchval("SELECT version FROM schema_versions WHERE part = $1", part) or 0
    refuse_newer(f"{name} {part}", done, len(steps))
    for number, statements in enumerate(steps[done:], start=done + 1):
        async with connection.transaction():
            for statement in statements:
                await connection.execute(statement)
            await connection.execute(_RAISE, part, number)


# --- partitions -----------------------------------------------------------------------------------

PARTITIONED = ("events", "payloads")
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'proviso'"
_AHEAD = 7  # days for which there are partitions, so that nobody waits for one at midnight


async def keep_partitions(connection: Connection, name: str) -> None:
    """Make the partitions from yesterday to a week ahead, by the server's clock.

    What has come into the default partition for one of these days, while nobody made it, moves there. Where they
    cannot be made now, that is said, and the default partition takes what comes.
    """
    try:
        with used(connection, name):
            await _make_partitions(connection)
    except StoreUnavailable as error:
        what = {"event": "partitions_not_made", "reason": error.message}
        logging.getLogger("proviso.store").warning("%s", msgspec.json.encode(what).decode())


async def _make_partitions(connection: Connection) -> None:
    today = await connection.fetchval("SELECT floor(extract(epoch FROM now()) / 86400)::bigint")
    wanted = [(table, day) for day in range(today - 1, today + _AHEAD + 1) for table in PARTITIONED]
    known = {name for (name,) in await connection.fetch(_TABLES)}
    for table, day in wanted:
        if _partition(table, day) in known:
            continue
        async with connection.transaction():
            # A lock that is waited for holds up all who come after: rather try again later.
            await connection.execute("SET LOCAL lock_timeout = 1000")
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _MIGRATING)
            await _make_partition(connection, table, day)


def _partition(table: str, day: int) -> str:
    """Return the name of the partition of a day, counted since the epoch."""
    return f"{table}_{date(1970, 1, 1) + timedelta(days=day):%Y%m%d}"


async def _make_partition(connection: Connection, table: str, day: int) -> None:
    name, first, last = _partition(table, day), day * DAY_US, (day + 1) * DAY_US
    if not await connection.fetchval("SELECT to_regclass($1) IS NULL", f"proviso.{name}"):
        return  # another process was first
    # Made beside the table and then attached: that holds up nobody who writes into other partitions.
    await connection.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)")
    moved = f"DELETE FROM {table}_default WHERE at >= {first} AND at < {last} RETURNING *"  # noqa: S608  our own words
    move = f"WITH moved AS ({moved}) INSERT INTO {name} SELECT * FROM moved"  # noqa: S608  the same
    await connection.execute(move)
    await connection.execute(
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({last})"
    )
