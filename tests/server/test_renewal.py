"""What SIGHUP and new workers take from the folder: what is put in force by it, and nothing of a broken one."""

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from tests.app.acts import facts
from tests.cli.steps import CONTRACT, change, run_json
from tests.conftest import Command
from tests.server.kept import processes
from tests.server.serving import Serving, serving
from tests.server.test_workers import events
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow


@pytest.fixture
def key(proviso: Command, workspace: Path) -> str:
    secret: str = run_json(proviso, "keys", "create", "-w", workspace, "--user", "dana")["secret"]
    return secret


@pytest.fixture
def server(workspace: Path, key: str) -> Iterator[Serving]:
    with serving(workspace, "--workers", "2") as running:
        yield running


def hang_up(server: Serving) -> None:
    assert server.process is not None
    server.process.send_signal(signal.SIGHUP)


def said(server: Serving, word: str) -> str:
    assert server.process is not None
    assert server.process.stderr is not None
    lines = []
    for line in server.process.stderr:
        lines.append(line)
        if word in line:
            break
    return "".join(lines)


def test_a_renewal_puts_the_folder_in_force_once_and_all_workers_serve_it(server: Serving, key: str) -> None:
    old, before = server.ask(key)["release"], {one.pid for one in processes(server)}
    change(server.folder, CONTRACT, "max_chars: 8000", "max_chars: 7000")
    hang_up(server)
    until(lambda: len(now := {one.pid for one in processes(server)}) == 2 and not now & before)
    deployed = facts(server.folder, "app.deployed")
    assert len(deployed) == 2
    assert {server.ask(key)["release"] for _ in range(10)} == {deployed[-1]["release"]} != {old}


@pytest.mark.parametrize(
    ("file", "old", "new", "word"),
    [
        (CONTRACT, "tier: ", "teir: ", "contract.yaml"),
        ("proviso.yaml", "contractors: [jo]", "contractors: []", "proviso apply --as ADMIN"),
        (CONTRACT, "mask: [EMAIL, ", "mask: [", "proviso index"),
    ],
)
def test_a_folder_that_cannot_be_put_in_force_leaves_the_old_workers_serving_the_old(
    server: Serving, key: str, file: str, old: str, new: str, word: str
) -> None:
    before, release = processes(server), server.ask(key)["release"]
    change(server.folder, file, old, new)
    hang_up(server)
    assert word in said(server, "renewal_stopped")
    assert processes(server) == before
    assert server.ask(key)["release"] == release
    assert len(facts(server.folder, "app.deployed")) == len(facts(server.folder, "access.changed")) == 1


def test_a_worker_that_takes_anothers_place_serves_what_is_in_force_and_not_the_folder(
    server: Serving, key: str
) -> None:
    release, (first, second) = server.ask(key)["release"], processes(server)
    change(server.folder, CONTRACT, "tier: ", "teir: ")
    for victim in (first, second):
        victim.kill()
        psutil.wait_procs([victim], timeout=PATIENCE_S)
        assert events(server, "worker_ended")[-1]["signal"] == "SIGKILL"
    until(lambda: len(processes(server)) == 2)
    assert {server.ask(key)["release"] for _ in range(6)} == {release}


def test_workers_and_replicas_that_start_together_put_the_folder_in_force_once(workspace: Path) -> None:
    with serving(workspace, "--workers", "3"), serving(workspace):
        assert len(facts(workspace, "access.changed")) == len(facts(workspace, "app.deployed")) == 1
        with closing(sqlite3.connect(workspace / ".proviso" / "control.db")) as tables:
            (count,) = tables.execute("SELECT count(*) FROM pointers WHERE name LIKE 'serving/%'").fetchone()
        assert count == 1
