"""Reading what all writers have written into PostgreSQL, while they write."""

from collections.abc import Sequence

from proviso.store.postgres_database import PostgresDatabase
from proviso.store.protocol import Rollup, Row, Stored

_STORED = (
    "SELECT writer, sequence, at, kind, app, run, events.body, payloads.body"
    " FROM events LEFT JOIN payloads USING(writer, sequence, at)"
)
_NEWEST = "ORDER BY at DESC, writer, sequence DESC LIMIT ?"
# One statement, so that sums and histograms are of the same moment.
_ENDED = (
    "SELECT sequence, body FROM events WHERE writer = ? AND sequence > ? AND at >= ? AND at < ?"
    " AND kind IN ('run.finished', 'run.gap') ORDER BY sequence LIMIT ?"
)
_ROLLUPS = (
    "SELECT minute, labels, requests, cited, duration_us, input_tokens, output_tokens, cost_micro_usd,"
    " buckets, counts FROM rollups JOIN cells ON cells.writer = rollups.writer AND cells.id = cell"
    " LEFT JOIN LATERAL (SELECT array_agg(bucket) AS buckets, array_agg(durations.requests) AS counts FROM durations"
    " WHERE durations.writer = rollups.writer AND durations.minute = rollups.minute"
    " AND durations.cell = rollups.cell) AS fine ON true WHERE minute BETWEEN ? AND ?"
)


class PostgresArchive:
    """All that is recorded in a database. Calls wait for it; safe to use from several threads."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    def close(self) -> None:
        """Do nothing: the connections are those of the database."""

    def events_of(self, run: str) -> list[Stored]:
        """Return the events of a run, in their order; none for a run that is unknown."""
        if not run or not run.isascii() or "\0" in run:
            return []
        return self._stored(f"{_STORED} WHERE run = ? AND run <> '' ORDER BY writer, sequence", (run,))

    def finished(self, most: int, app: str = "") -> list[Stored]:
        """Return the last runs that finished, of one app or of all, the newest first."""
        if app:
            return self._stored(f"{_STORED} WHERE kind = 'run.finished' AND app = ? {_NEWEST}", (app, most))
        return self._stored(f"{_STORED} WHERE kind = 'run.finished' {_NEWEST}", (most,))

    def ended(self, writer: str, first: int, last: int, *, after: int, most: int) -> list[tuple[int, bytes]]:
        """Return a writer's runs that ended or became gaps in a time, a page at a time: sequence and event."""
        rows = self._database.read(_ENDED, (writer, after, first, last, most))
        return [(sequence, body) for sequence, body in rows]

    def rollups(self, first: int, last: int) -> list[Rollup]:
        """Return the cells of the minutes from `first` to `last`, both included; each writer has its own."""
        return [_rollup(row) for row in self._database.read(_ROLLUPS, (first, last))]

    def _stored(self, sql: str, values: Sequence[int | str]) -> list[Stored]:
        return [Stored(*row) for row in self._database.read(sql, values)]


def _rollup(row: Row) -> Rollup:
    minute, labels, *amounts, buckets, counts = row
    requests, cited, duration, read, written, cost = amounts
    fine = dict(zip(buckets or (), counts or (), strict=True))
    return Rollup(minute, labels, (requests, cited, duration, read, written, cost), fine)
