"""Limits under load from 64 callers, in several processes of which one is killed: never more than the contract says."""

import contextlib
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from msgspec import Struct

from proviso.app import open_reader
from proviso.ledger import RunReader
from proviso.settings import Settings
from tests.cli.steps import CONTRACT, change, run_json
from tests.conftest import Command
from tests.ledger.test_kills import Place
from tests.server.kept import processes
from tests.server.serving import OSLO, RUNS, Serving, serving
from tests.waiting import PATIENCE_S, until

LIMIT = 300
CALLERS = 64
KILL_AFTER = 100  # answers
SETTLED_S = 150.0  # a holder is silent for 12 s, then looked at every 15 s; and a busy machine
NOTHING_NEW_S = 5.0

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_day")]


class Tally(Struct):
    """What callers were told, by all of them together."""

    runs: set[str]
    statuses: Counter[int]
    cut_off: int = 0


class House(Struct, frozen=True):
    """Replicas of one store, and the key of a group that has a limit."""

    folder: Path
    url: str
    replicas: tuple[Serving, ...]
    secret: str
    before: frozenset[str]  # runs that were on record when it was opened

    def recorded(self) -> list[str]:
        """Return the runs that have come on record, with the gaps: read without the code that is tested."""
        return [run for run in recorded(self.folder, self.url) if run not in self.before]

    @contextlib.contextmanager
    def reader(self) -> Iterator[RunReader]:
        with open_reader(self.folder, Settings(store=self.url)) as reader:
            yield reader


@pytest.fixture(params=["sqlite", "postgres"])
def house(
    request: pytest.FixtureRequest, proviso: Command, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    """One `serve` with two workers on SQLite, or two of them on PostgreSQL, which share the snapshots on disk."""
    change(workspace, CONTRACT, "requests_per_day: 200", f"requests_per_day: {LIMIT}")
    url = request.getfixturevalue("database_url") if request.param == "postgres" else ""
    if url:
        monkeypatch.setenv("PROVISO_STORE", url)
        assert proviso("index", "-w", workspace).code == 0
    secret = run_json(proviso, "keys", "create", "-w", workspace, "--user", "jo")["secret"]
    with contextlib.ExitStack() as running:
        replicas = [
            running.enter_context(serving(workspace, "--workers", "2")) for _ in range(2 if url else 1)
        ]
        yield House(workspace, url, tuple(replicas), secret, frozenset(recorded(workspace, url)))


def recorded(folder: Path, url: str) -> list[str]:
    rows = Place(folder / ".proviso", url).rows()
    return [row.run for row in rows if row.kind in ("run.finished", "run.gap")]


def call_for_ever(url: str, secret: str, tally: Tally, lock: threading.Lock, stop: threading.Event) -> None:
    """Ask again and again over one connection at a time; what a death cuts off is noted, and not tried again."""
    headers = {"authorization": f"Bearer {secret}", "content-type": "application/json"}
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE_S)
    while not stop.is_set():
        try:
            connection.request("POST", RUNS, json.dumps({"question": OSLO}), headers)
            reply = connection.getresponse()
            status, body = reply.status, json.loads(reply.read())
        except (OSError, http.client.HTTPException, ValueError):
            connection.close()
            with lock:
                tally.cut_off += 1
            continue
        with lock:
            tally.statuses[status] += 1
            if status == 200:
                tally.runs.add(body["run"])
        if status != 200:
            stop.wait(0.5)
    connection.close()


@contextlib.contextmanager
def under_load(house: House) -> Iterator[Tally]:
    """Keep 64 callers asking while the block runs, spread over the replicas."""
    tally, lock, stop = Tally(set(), Counter()), threading.Lock(), threading.Event()
    callers = [
        threading.Thread(
            target=call_for_ever,
            args=(house.replicas[n % len(house.replicas)].url, house.secret, tally, lock, stop),
        )
        for n in range(CALLERS)
    ]
    for caller in callers:
        caller.start()
    try:
        yield tally
    finally:
        stop.set()
        for caller in callers:
            caller.join(PATIENCE_S)


def kill_one(replicas: Sequence[Serving]) -> None:
    """Kill a worker of the first replica."""
    processes(replicas[0])[0].kill()


@pytest.mark.req("A1.budget", "C7.enforced")
def test_64_callers_get_exactly_the_limit_though_a_worker_is_killed(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    with under_load(house) as tally:
        until(lambda: len(tally.runs) >= KILL_AFTER)
        kill_one(house.replicas)
        killed = time.monotonic()
        until(lambda: len(house.recorded()) >= LIMIT, SETTLED_S)
        settled = time.monotonic() - killed
        time.sleep(NOTHING_NEW_S)  # callers go on asking
    recorded = house.recorded()
    with house.reader() as reader:
        lost = [run for run in tally.runs if (found := reader.run(run)) is None or found.finished is None]
    with capsys.disabled():
        engine = f"{'PostgreSQL' if house.url else 'SQLite'}, {len(house.replicas)} × 2 workers"
        print(
            f"\n  {engine}: {len(tally.runs)} acknowledged, {tally.cut_off} cut off, {len(recorded)} on record"
            f" of {LIMIT} after {settled:.1f} s, overshoot {max(0, len(recorded) - LIMIT)}, lost {len(lost)},"
            f" statuses {dict(tally.statuses)}"
        )
    assert set(tally.statuses) <= {200, 429, 503}
    assert lost == []
    assert len(set(recorded)) == len(recorded) == LIMIT
    assert tally.runs <= set(recorded)
