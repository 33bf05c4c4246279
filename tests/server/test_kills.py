"""`kill -9` of a server under load: what a caller was told is on record, what never ended is a gap, once."""

import contextlib
import http.client
import json
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from proviso.app import open_reader
from proviso.settings import Settings
from tests.cli.steps import run_json
from tests.conftest import Command
from tests.server.serving import OSLO, RUNS, Serving, serving
from tests.waiting import PATIENCE_S, until

KILLS = 20
CONNECTIONS = 16
AT_LEAST = 10  # answers before a kill


class Told(Struct):
    """What callers heard before the kills: runs whose whole answer they have, and runs whose stream began."""

    whole: set[str]
    begun: set[str]


def unary(connection: http.client.HTTPConnection, headers: dict[str, str], told: Told) -> None:
    """Ask once; a run counts when its whole answer has come."""
    connection.request("POST", RUNS, json.dumps({"question": OSLO}), headers)
    reply = connection.getresponse()
    run = json.loads(reply.read())["run"]
    assert reply.status == 200
    told.whole.add(run)


def streamed(connection: http.client.HTTPConnection, headers: dict[str, str], told: Told) -> None:
    """Ask once for a stream; a run has begun with its first byte, and counts when its last event has come."""
    connection.request("POST", RUNS, json.dumps({"question": OSLO, "stream": True}), headers)
    reply = connection.getresponse()
    run = reply.headers["x-proviso-run"]
    assert reply.status == 200
    told.begun.add(run)
    if b"event: run\n" in reply.read():
        told.whole.add(run)


def call_until_dead(url: str, key: str, ask: Any, told: Told) -> None:
    """Ask over one connection until the server is gone."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE_S)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException, ValueError):
        while True:
            ask(connection, headers, told)


def load_and_kill(folder: Path, key: str, told: Told) -> None:
    """Serve a folder under load and kill the server at a moment that nobody chose."""
    before = len(told.whole)
    with contextlib.suppress(Killed), serving(folder) as server:
        callers = [
            threading.Thread(target=call_until_dead, args=(server.url, key, ask, told), daemon=True)
            for ask in (unary, streamed) * (CONNECTIONS // 2)
        ]
        for caller in callers:
            caller.start()
        until(lambda: len(told.whole) > before + AT_LEAST)
        time.sleep(random.uniform(0, 0.5))
        kill(server)
        for caller in callers:
            caller.join(PATIENCE_S)
        raise Killed


class Killed(Exception):
    """The server of this block was killed, so that it has no orderly end."""


def kill(server: Serving) -> None:
    """Kill -9."""
    assert server.process is not None
    server.process.kill()
    assert server.process.wait(PATIENCE_S) == -signal.SIGKILL


class Survived(Struct, frozen=True):
    """The folder after the kills and one more start, and what callers were told."""

    folder: Path
    told: Told


@pytest.fixture(scope="module")
def survived(proviso: Command, tmp_path_factory: pytest.TempPathFactory) -> Survived:
    folder = tmp_path_factory.mktemp("killed") / "example"
    proviso("init", folder)
    proviso("index", "-w", folder)
    key = run_json(proviso, "keys", "create", "-w", folder, "--user", "dana")["secret"]
    told = Told(set(), set())
    for number in range(5 * KILLS):
        if number >= KILLS and "run.gap" in {kind for _, kind in kinds(folder)}:
            break  # enough of them, and one has hit a stream
        load_and_kill(folder, key, told)
    with serving(folder) as server:  # its start closes what the last one left open
        server.ask(key)
    return Survived(folder, told)


def kinds(folder: Path) -> list[tuple[str, str]]:
    """Return (run, kind) of every event, from the files themselves."""
    rows: list[tuple[str, str]] = []
    for path in sorted((folder / ".proviso").glob("runs-*.db")):
        with contextlib.closing(sqlite3.connect(path)) as database:
            rows += database.execute("SELECT run, kind FROM events WHERE run != ''").fetchall()
    return rows


@pytest.mark.slow
@pytest.mark.req("A7.record")
def test_no_acknowledged_run_is_lost_with_20_kills_under_load(survived: Survived) -> None:
    whole = survived.told.whole
    assert len(whole) > AT_LEAST * KILLS
    with open_reader(survived.folder, Settings()) as reader:
        records = {run: reader.run(run) for run in whole}
    lost = [run for run, record in records.items() if record is None or record.finished is None]
    assert lost == []
    assert all(record and record.payload and record.payload.answer for record in records.values())


@pytest.mark.slow
@pytest.mark.req("A7.record")
def test_an_acknowledged_run_is_traced_after_the_kills(survived: Survived, proviso: Command) -> None:
    for run in random.sample(sorted(survived.told.whole), 3):
        found = run_json(proviso, "trace", "-w", survived.folder, run)
        assert "1,020" in found["payload"]["answer"]


@pytest.mark.slow
def test_every_stream_that_began_ended_or_is_a_gap_exactly_once(survived: Survived) -> None:
    rows = kinds(survived.folder)
    ends = Counter(run for run, kind in rows if kind in ("run.finished", "run.gap"))
    started = {run for run, kind in rows if kind == "run.started"}
    assert survived.told.begun <= started
    assert {ends[run] for run in started} == {1}


@pytest.mark.slow
def test_a_gap_is_traced_as_a_run_that_never_ended(survived: Survived, proviso: Command) -> None:
    gaps = [run for run, kind in kinds(survived.folder) if kind == "run.gap"]
    assert gaps, "no kill hit a stream; raise KILLS"
    done = proviso("trace", "-w", survived.folder, gaps[0])
    assert done.code == 2
    assert "its server ended first" in done.err


@pytest.mark.slow
def test_the_databases_are_whole_after_the_kills(survived: Survived) -> None:
    for path in (survived.folder / ".proviso").glob("*.db"):
        with contextlib.closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.slow
def test_the_numbers_of_the_log_have_no_hole(survived: Survived) -> None:
    for path in (survived.folder / ".proviso").glob("runs-*.db"):
        with contextlib.closing(sqlite3.connect(path)) as database:
            low, high, count = database.execute(
                "SELECT min(sequence), max(sequence), count(*) FROM events"
            ).fetchone()
        assert (low, high) == (1, count)
