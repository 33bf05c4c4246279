"""Backups and restores killed in the middle: what is there is whole, or it is not taken for whole."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from proviso.store import make_backup
from tests.keeping.stores import back_up, change, contents, fill, quiet, restore
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


KILLS, MOST_KILLS = 25, 200  # each 15 ms later than the one before: on a slow machine more are needed


def seen(reached: Callable[[], object]) -> None:
    """Wait for something, and look more often than `until` does: what comes after it is soon over."""
    end = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < end, "it has not come to that"
        time.sleep(0.001)


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
        half = f".{target.name}.partial-*"
        seen(lambda: [*target.parent.glob(half)] or target.exists())
        time.sleep(after_s)
        process.kill()
    return len([*target.parent.glob(half)])


def test_a_killed_restore_leaves_the_old_state_or_the_new_one_or_none_that_opens(tmp_path: Path) -> None:
    fill(tmp_path / "state", runs=1_000)
    backup = back_up(tmp_path / "state", tmp_path / "backup")
    change(tmp_path / "state/control.db", "DELETE FROM keys")
    old, new = contents(tmp_path / "state"), contents(backup)
    left: set[str] = set()
    for number in range(MOST_KILLS):
        if number >= KILLS and {"old", "new"} <= left:
            break
        kill_a_restore(backup, tmp_path / "state", 0.015 * number)
        if not (tmp_path / "state/control.db").exists():
            left.add("none")
        else:
            found = contents(tmp_path / "state")
            assert found in (old, new)
            left.add("new" if found == new else "old")
        restore(backup, tmp_path / "state", replace=True, now=1_900_000_000_000_000 + number * 2_000_000)
        change(tmp_path / "state/control.db", "DELETE FROM keys")
    assert {"old", "new"} <= left


def kill_a_restore(backup: Path, state: Path, after_s: float) -> None:
    """Kill a restore that many seconds after it has begun to copy."""
    code = (
        "import sys, time; from pathlib import Path; from proviso.store import Wanted, restore_backup\n"
        "how = Wanted(now=time.time_ns() // 1000, replace=True)\n"
        "restore_backup(Path(sys.argv[1]), Path(sys.argv[2]), '', how, lambda s: None)"
    )
    with subprocess.Popen([sys.executable, "-c", code, backup, state], cwd=ROOT) as process:
        seen(lambda: [*state.glob(".restoring-*/control.db")] or process.poll() is not None)
        time.sleep(after_s)
        process.kill()
