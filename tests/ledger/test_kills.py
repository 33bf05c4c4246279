"""Processes killed while they record: what they had acknowledged is there, what they left open is a gap."""

import contextlib
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from proviso.ledger import Recorder
from proviso.monitoring import Rollups
from proviso.store import Control, open_store
from tests.ledger.samples import NOW

KILLS = 20
NUMBERS = "SELECT min(sequence), max(sequence), count(*) FROM events"
COUNTED = 'SELECT sum(requests) FROM rollups JOIN cells ON id = cell WHERE labels LIKE \'%"of":"runs"%\''
ROOT = Path(__file__).parents[2]


class Survived(Struct, frozen=True):
    """A folder after the kills, and the runs whose end or start had been acknowledged before."""

    folder: Path
    finished: set[str]
    started: set[str]


def load_and_kill(folder: Path, said: Path) -> None:
    """Run the load until some runs are acknowledged, then kill it at a moment that nobody chose."""
    with said.open("ab") as out:
        command = [sys.executable, "-m", "tests.ledger.load", str(folder)]
        child = subprocess.Popen(command, stdout=out, cwd=ROOT)
        size = said.stat().st_size
        while child.poll() is None and said.stat().st_size == size:
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.3))
        child.kill()
        assert child.wait() == -9


def acknowledged(said: Path) -> tuple[set[str], set[str]]:
    """Return the runs that were acknowledged as finished, and as started."""
    words: dict[str, set[str]] = {"S": set(), "F": set()}
    for line in said.read_text().splitlines():
        word, run = line.split()
        words[word].add(run)
    return words["F"], words["S"]


def read(folder: Path, sql: str) -> list[Any]:
    """Read the files themselves, without the code that is tested."""
    rows: list[Any] = []
    for path in sorted(folder.glob("runs-*.db")):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            rows += connection.execute(sql).fetchall()
    return rows


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory) -> Survived:
    """What is on disk after the kills and one more start, and what had been acknowledged."""
    folder = tmp_path_factory.mktemp("state")
    said = tmp_path_factory.mktemp("said") / "acknowledged"
    for _ in range(KILLS):
        load_and_kill(folder, said)
    control = Control(open_store(folder).database)
    Recorder.open(open_store(folder), Rollups(), lambda: NOW).release()
    control.database.close()
    return Survived(folder, *acknowledged(said))


@pytest.mark.slow
def test_no_acknowledged_run_is_lost_with_20_kills(survived: Survived) -> None:
    kept = read(
        survived.folder, "SELECT run FROM events JOIN payloads USING(sequence) WHERE kind='run.finished'"
    )
    begun = read(survived.folder, "SELECT run FROM events WHERE kind = 'run.started'")
    assert len(survived.finished) > KILLS
    assert survived.finished <= {run for (run,) in kept}
    assert survived.started <= {run for (run,) in begun}


@pytest.mark.slow
def test_every_run_ends_exactly_once_and_some_of_them_as_gaps(survived: Survived) -> None:
    rows = read(survived.folder, "SELECT run, kind FROM events")
    ends = Counter(run for run, kind in rows if kind in ("run.finished", "run.gap"))
    assert {ends[run] for run, _ in rows} == {1}
    assert Counter(kind for _, kind in rows)["run.gap"] > 0
    assert not survived.finished & {run for run, kind in rows if kind == "run.gap"}


@pytest.mark.slow
def test_the_numbers_of_the_log_have_no_hole_after_the_kills(survived: Survived) -> None:
    assert all(low == 1 and high == count for low, high, count in read(survived.folder, NUMBERS))


@pytest.mark.slow
def test_the_rollups_count_what_the_log_says_after_the_kills(survived: Survived) -> None:
    ended = read(survived.folder, "SELECT count(*) FROM events WHERE kind IN ('run.finished', 'run.gap')")
    counted = read(survived.folder, COUNTED)
    assert sum(number for (number,) in counted) == sum(number for (number,) in ended)
