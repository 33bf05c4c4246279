"""Checks of a PostgreSQL server: can it be reached, does a commit there survive a power cut, are its tables ready?"""

from collections.abc import Iterator
from datetime import date, timedelta

from proviso.errors import ProvisoError
from proviso.store.finding import Finding, Verdict, doubted, judged
from proviso.store.migration_postgres import versions
from proviso.store.postgres import Address
from proviso.store.postgres_schema import DAY_US, PARTITIONED
from proviso.store.view_postgres import Session

_OLDEST = 140_000
_TODAY = "SELECT floor(extract(epoch FROM now()) / 86400)::bigint"
_STRAYED = "SELECT count(*) FROM {table}_default WHERE at >= $1"
_NUMBERS = (
    "SELECT name, sequence, (SELECT coalesce(max(sequence), 0) FROM events WHERE writer = name) FROM writers"
    " ORDER BY name"
)
_BACKUP = "restore the store from a backup: `proviso store restore`"


def check_server(url: str) -> Iterator[Finding]:
    """Yield what is found of the server and of the tables as such."""
    try:
        address = Address(url)
        session = Session(address)
    except ProvisoError as error:
        yield Finding("database", Verdict.FAIL, error.message, error.fix, unreadable=True)
        return
    try:
        yield Finding("database", Verdict.OK, f"`{address.name}` answers")
        yield from _settings(session)
        yield from _tables(session, url)
    except ProvisoError as error:
        yield Finding("database", Verdict.FAIL, error.message, error.fix, unreadable=True)
    finally:
        session.close()


def _settings(session: Session) -> Iterator[Finding]:
    number, name = int(session.one("SHOW server_version_num")), session.one("SHOW server_version")
    yield judged("version", number < _OLDEST, f"PostgreSQL {name}", "use PostgreSQL 14 or newer")
    # What the server gives to those who ask for nothing; our own connections turn the last one on.
    given: dict[str, str] = dict(session.fetch("SELECT name, reset_val FROM pg_settings"))
    for setting in ("fsync", "full_page_writes"):
        fix = f"set `{setting} = on` in postgresql.conf: a power cut loses what was acknowledged"
        yield judged(setting, given[setting] != "on", given[setting], fix)
    level = session.one("SHOW synchronous_commit")
    said = f"{level} here, {given['synchronous_commit']} for others"
    fix = "set `synchronous_commit = on`, and see what turned it off"
    yield judged("synchronous_commit", level not in ("on", "remote_apply"), said, fix)
    standby = bool(session.one("SELECT pg_is_in_recovery()"))
    fix = "name the primary server in `PROVISO_STORE`"
    yield judged("primary", standby, "a standby, which takes no changes" if standby else "takes changes", fix)


def _tables(session: Session, url: str) -> Iterator[Finding]:
    behind = False
    for part in versions(url):
        behind = behind or part.behind
        said = f"{part.was} of {part.wanted}"
        yield judged(f"schema of {part.name}", part.behind, said, "run `proviso store migrate`")
    if behind:
        what = "not read: the tables are behind"
        yield Finding("contents", Verdict.WARN, what, "run `proviso store migrate`", unreadable=True)
        return
    today = int(session.one(_TODAY))
    for table in PARTITIONED:
        yield _partition(session, table, today)
    for writer, sequence, last in session.fetch(_NUMBERS):
        said = f"{sequence} by its row, {last} by its events"
        yield judged(f"number of {writer}", sequence != last, said, _BACKUP)


def _partition(session: Session, table: str, today: int) -> Finding:
    name = f"{table}_{date(1970, 1, 1) + timedelta(days=today):%Y%m%d}"
    check, fix = (
        f"partition of {table}",
        "start a server, which makes them; see its log for `partitions_not_made`",
    )
    if not session.one("SELECT to_regclass($1) IS NOT NULL", f"proviso.{name}"):
        return Finding(check, Verdict.FAIL, f"`{name}` is not there", fix)
    strayed = int(session.one(_STRAYED.format(table=table), today * DAY_US))
    said = f"`{name}` is there" + (f", and {strayed} rows of these days are beside it" if strayed else "")
    return doubted(check, strayed > 0, said, fix)
