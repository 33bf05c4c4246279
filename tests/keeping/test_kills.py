"""Backups and restores killed in the middle: what is there is whole, or it is not taken for whole."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from proviso.store import make_backup
from tests.keeping.stores import back_up, change, contents, fill, quiet, restore

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_killed_backup_leaves_nothing_under_its_name(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    fill(tmp_path / "state", runs=4_000)
    url = request.getfixturevalue("database_url") if engine == "postgres" else ""
    if url:
        restore(back_up(tmp_path / "state", tmp_path / "first"), tmp_path / "state", url)
    halves = 0
    for number in range(12):
        target = tmp_path / f"b{number}"
        halves += kill_in_the_middle(tmp_path / "state", url, target, number * 0.02)
        if target.exists():  # it was faster than the kill: then it is whole
            restore(target, tmp_path / f"r{number}")
    assert halves > 0
    make_backup(tmp_path / "state", url, tmp_path / "last", made_by="test", progress=quiet)
    restore(tmp_path / "last", tmp_path / "restored")


def kill_in_the_middle(state: Path, url: str, target: Path, after_s: float) -> int:
    """Kill a backup after it has begun; return whether it left a half."""
    code = (
        "import sys; from pathlib import Path; from proviso.store import make_backup\n"
        "make_backup(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), made_by='t', progress=lambda s: None)"
    )
    with subprocess.Popen([sys.executable, "-c", code, state, url, target], cwd=ROOT) as process:
        end, half = time.monotonic() + 20, f".{target.name}.partial-*"
        while not [*target.parent.glob(half)] and not target.exists() and time.monotonic() < end:
            time.sleep(0.002)
        threading.Event().wait(after_s)
        process.kill()
    return len([*target.parent.glob(half)])


def test_a_killed_restore_leaves_the_old_state_or_the_new_one_or_none_that_opens(tmp_path: Path) -> None:
    fill(tmp_path / "state", runs=1_000)
    backup = back_up(tmp_path / "state", tmp_path / "backup")
    change(tmp_path / "state/control.db", "DELETE FROM keys")
    old, new = contents(tmp_path / "state"), contents(backup)
    seen = set()
    for number in range(25):
        kill_a_restore(backup, tmp_path / "state", 0.015 * number)
        if not (tmp_path / "state/control.db").exists():
            seen.add("none")
        else:
            found = contents(tmp_path / "state")
            assert found in (old, new)
            seen.add("new" if found == new else "old")
        restore(backup, tmp_path / "state", replace=True, now=1_900_000_000_000_000 + number * 2_000_000)
        change(tmp_path / "state/control.db", "DELETE FROM keys")
    assert {"old", "new"} <= seen


def kill_a_restore(backup: Path, state: Path, after_s: float) -> None:
    """Kill a restore that many seconds after it has begun to copy."""
    code = (
        "import sys, time; from pathlib import Path; from proviso.store import Wanted, restore_backup\n"
        "how = Wanted(now=time.time_ns() // 1000, replace=True)\n"
        "restore_backup(Path(sys.argv[1]), Path(sys.argv[2]), '', how, lambda s: None)"
    )
    with subprocess.Popen([sys.executable, "-c", code, backup, state], cwd=ROOT) as process:
        end = time.monotonic() + 20
        while (
            not [*state.glob(".restoring-*/control.db")] and process.poll() is None and time.monotonic() < end
        ):
            time.sleep(0.001)
        threading.Event().wait(after_s)
        process.kill()
