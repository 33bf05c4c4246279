"""Processes and servers killed while they record: what was acknowledged is there once, what was left open is a gap.

`KILLS=200 make test-slow` kills more often.
"""

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from proviso.ledger import Recorder
from proviso.monitoring import Rollups
from proviso.store import open_store
from tests.ledger.samples import NOW
from tests.postgres import PostgresServer, query
from tests.waiting import until

KILLS = int(os.environ.get("KILLS", "20"))
ROOT = Path(__file__).parents[2]

# Read without the code that is tested: writer, sequence, run, kind, whether there are texts.
IN_A_FILE = (
    "SELECT sequence, run, kind, payloads.body IS NOT NULL FROM events LEFT JOIN payloads USING(sequence)"
)
IN_POSTGRES = (
    "SELECT writer, sequence, run, kind, payloads.body IS NOT NULL FROM proviso.events"
    " LEFT JOIN proviso.payloads USING(writer, sequence, at)"
)
RUNS_COUNTED = (
    'SELECT requests FROM {0}rollups JOIN {0}cells ON id = cell {1} WHERE labels LIKE \'%"of":"runs"%\''
)

pytestmark = pytest.mark.slow


class Row(Struct, frozen=True):
    """An event as it stands in the store."""

    writer: str
    sequence: int
    run: str
    kind: str
    has_texts: bool


class Place(Struct, frozen=True):
    """Where a store is, and how to read it."""

    folder: Path
    url: str = ""

    def rows(self) -> list[Row]:
        """Return all events."""
        if self.url:
            return [Row(*row) for row in query(self.url, IN_POSTGRES)]
        return [
            Row(writer, row[0], row[1], row[2], bool(row[3])) for writer, row in self._in_files(IN_A_FILE)
        ]

    def counted(self) -> int:
        """Return how many runs the rollups have counted."""
        if self.url:
            sql = RUNS_COUNTED.format("proviso.", "AND cells.writer = rollups.writer")
            return sum(number for (number,) in query(self.url, sql))
        return sum(row[0] for _, row in self._in_files(RUNS_COUNTED.format("", "")))

    def _in_files(self, sql: str) -> Iterator[tuple[str, Any]]:
        for path in sorted(self.folder.glob("runs-*.db")):
            with contextlib.closing(sqlite3.connect(path)) as connection:
                for row in connection.execute(sql):
                    yield path.stem, row


class Survived(Struct, frozen=True):
    """What is in a store after the kills, and the runs whose end or start had been acknowledged before."""

    rows: list[Row]
    counted: int
    finished: set[str]
    started: set[str]


@contextlib.contextmanager
def load(place: Place, said: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the load until some runs are acknowledged; kill it in the end, at a moment that nobody chose."""
    with said.open("ab") as out:
        command = [sys.executable, "-m", "tests.ledger.load", str(place.folder), place.url]
        child = subprocess.Popen(command, stdout=out, cwd=ROOT)
        wait_for_more(said, child)
        try:
            yield child
            time.sleep(random.uniform(0, 0.3))
        finally:
            child.kill()
            ended = child.wait()
        assert ended == -9


def wait_for_more(said: Path, child: subprocess.Popen[bytes]) -> None:
    size = said.stat().st_size
    until(lambda: child.poll() is not None or said.stat().st_size != size)


def acknowledged(said: Path) -> dict[str, set[str]]:
    """Return the runs that were acknowledged as started, and as finished."""
    words: dict[str, set[str]] = {"S": set(), "F": set()}
    for line in said.read_text().splitlines():
        word, run = line.split()
        words[word].add(run)
    return words


def survived_in(place: Place, said: Path) -> Survived:
    """Start once more, which closes what was left open, and read all."""
    store = open_store(place.folder, place.url)
    Recorder.open(store, Rollups(), lambda: NOW).release()
    store.close()
    words = acknowledged(said)
    return Survived(place.rows(), place.counted(), words["F"], words["S"])


@pytest.fixture(scope="module", params=["sqlite", "postgres", "postgres server"])
def survived(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Survived]:
    """What is in a store whose writer was killed, or whose server was."""
    folder, said = tmp_path_factory.mktemp("state"), tmp_path_factory.mktemp("said") / "acknowledged"
    if request.param == "sqlite":
        yield kill_writers(Place(folder), said)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    place = Place(folder, server.fresh())
    yield kill_writers(place, said) if request.param == "postgres" else kill_server(place, said, server)
    server.drop(place.url)


def kill_writers(place: Place, said: Path) -> Survived:
    for _ in range(KILLS):
        with load(place, said):
            pass
    return survived_in(place, said)


def kill_server(place: Place, said: Path, server: PostgresServer) -> Survived:
    """Kill or restart the server again and again under two writers, which go on by themselves."""
    other = said.with_name("of-the-other")
    with load(place, said) as one, load(place, other):
        for number in range(KILLS):
            time.sleep(random.uniform(0, 0.3))
            (server.kill if number % 2 else server.stop)()
            server.start()
            wait_for_more(said, one)
    with said.open("a") as both:
        both.write(other.read_text())
    return survived_in(place, said)


def test_no_acknowledged_run_is_lost(survived: Survived) -> None:
    kept = {row.run for row in survived.rows if row.kind == "run.finished" and row.has_texts}
    begun = {row.run for row in survived.rows if row.kind == "run.started"}
    assert len(survived.finished) > KILLS
    assert survived.finished <= kept
    assert survived.started <= begun


def test_every_run_ends_exactly_once_and_some_of_them_as_gaps(survived: Survived) -> None:
    ends = Counter(row.run for row in survived.rows if row.kind in ("run.finished", "run.gap"))
    gaps = {row.run for row in survived.rows if row.kind == "run.gap"}
    assert {ends[row.run] for row in survived.rows} == {1}
    assert gaps
    assert not survived.finished & gaps


def test_the_numbers_of_each_writer_have_no_hole(survived: Survived) -> None:
    numbers: dict[str, list[int]] = {}
    for row in survived.rows:
        numbers.setdefault(row.writer, []).append(row.sequence)
    assert all(sorted(found) == list(range(1, len(found) + 1)) for found in numbers.values())


def test_the_rollups_count_what_the_log_says(survived: Survived) -> None:
    assert survived.counted == sum(row.kind in ("run.finished", "run.gap") for row in survived.rows)
