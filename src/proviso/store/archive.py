"""Reading what all writers of a folder have written, while they write."""

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from proviso.store.entry import Amounts
from proviso.store.protocol import Rollup, Stored
from proviso.store.schema import RUNS
from proviso.store.slots import writers
from proviso.store.sqlite import connect_to_read, translated

_STORED = (
    "SELECT sequence, at, kind, app, run, events.body, payloads.body"
    " FROM events LEFT JOIN payloads USING(sequence)"
)
_ENDED = (
    "SELECT sequence, body FROM events WHERE sequence > ? AND at >= ? AND at < ?"
    " AND kind IN ('run.finished', 'run.gap') ORDER BY sequence LIMIT ?"
)
_ROLLUPS = (
    "SELECT minute, cell, labels, requests, cited, duration_us, input_tokens, output_tokens, cost_micro_usd"
    " FROM rollups JOIN cells ON cells.id = cell WHERE minute BETWEEN ? AND ?"
)
_DURATIONS = "SELECT minute, cell, bucket, requests FROM durations WHERE minute BETWEEN ? AND ?"


class SqliteArchive:
    """All `runs-*.db` of a folder, read-only. Calls wait for the disk; safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._connections: dict[str, sqlite3.Connection] = {}

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()

    def events_of(self, run: str) -> list[Stored]:
        """Return the events of a run, in their order; none for a run that is unknown."""
        if not run or not run.isascii():
            return []
        return self._stored(f"{_STORED} WHERE run = ? AND run != '' ORDER BY sequence", (run,))

    def finished(self, most: int, app: str = "") -> list[Stored]:
        """Return the last runs that finished, of one app or of all, the newest first."""
        which, values = ("AND app = ?", (app, most)) if app else ("", (most,))
        sql = f"{_STORED} WHERE kind = 'run.finished' {which} ORDER BY sequence DESC LIMIT ?"
        found = self._stored(sql, values)
        return sorted(found, key=lambda stored: stored.at, reverse=True)[:most]

    def ended(self, writer: str, first: int, last: int, *, after: int, most: int) -> list[tuple[int, bytes]]:
        """Return a writer's runs that ended or became gaps in a time, a page at a time: sequence and event."""
        with translated(self._folder), self._lock:
            known = dict(self._opened())
            if writer not in known:
                return []
            return known[writer].execute(_ENDED, (after, first, last, most)).fetchall()

    def rollups(self, first: int, last: int) -> list[Rollup]:
        """Return the cells of the minutes from `first` to `last`, both included; each writer has its own."""
        found = []
        with translated(self._folder), self._lock:
            for _, connection in self._opened():
                # One read transaction: sums and histograms of the same moment.
                connection.execute("BEGIN")
                try:
                    cells = connection.execute(_ROLLUPS, (first, last)).fetchall()
                    fine = connection.execute(_DURATIONS, (first, last)).fetchall()
                finally:
                    connection.execute("COMMIT")
                found += _joined(cells, fine)
        return found

    def _stored(self, sql: str, values: Sequence[object]) -> list[Stored]:
        with translated(self._folder), self._lock:
            return [
                Stored(writer, *row)
                for writer, connection in self._opened()
                for row in connection.execute(sql, values).fetchall()
            ]

    def _opened(self) -> list[tuple[str, sqlite3.Connection]]:
        """Return a connection for each writer, also for one that has come since."""
        for writer in writers(self._folder):
            if writer not in self._connections:
                connection = connect_to_read(self._folder / f"runs-{writer}.db", RUNS)
                if connection is not None:
                    self._connections[writer] = connection
        return list(self._connections.items())


def _joined(cells: Sequence[Any], fine: Sequence[Any]) -> list[Rollup]:
    buckets: dict[tuple[int, int], dict[int, int]] = {}
    for minute, cell, bucket, requests in fine:
        buckets.setdefault((minute, cell), {})[bucket] = requests
    return [
        Rollup(minute, labels, _amounts(sums), buckets.get((minute, cell), {}))
        for minute, cell, labels, *sums in cells
    ]


def _amounts(sums: Sequence[int]) -> Amounts:
    requests, cited, duration, read, written, cost = sums
    return requests, cited, duration, read, written, cost
