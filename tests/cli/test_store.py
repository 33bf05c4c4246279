"""`proviso store`: the whole way as an operator goes it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.steps import ask, run_json, trace
from tests.conftest import Command
from tests.server.serving import serving


def store(proviso: Command, folder: Path, verb: str, *more: str | Path, code: int = 0) -> Any:
    return run_json(proviso, "store", verb, "-w", folder, *more, code=code)


def test_a_run_is_traced_from_a_restored_backup_and_from_the_backup_itself(
    proviso: Command, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ask(proviso, workspace)["run"]
    before = trace(proviso, workspace, run)
    made = store(proviso, workspace, "backup", tmp_path / "backup")
    monkeypatch.setenv("PROVISO_HOME", str(tmp_path / "backup"))
    assert trace(proviso, workspace, run) == before
    monkeypatch.setenv("PROVISO_HOME", str(tmp_path / "new"))
    store(proviso, workspace, "restore", tmp_path / "backup", "--digest", made["sha256"])
    assert trace(proviso, workspace, run) == before
    assert ask(proviso, workspace)["outcome"]["kind"] == "answer"
    assert proviso("store", "check", "-w", workspace).code == 0


@pytest.mark.slow
def test_a_server_that_runs_is_backed_up_and_its_state_not_replaced(
    proviso: Command, workspace: Path, tmp_path: Path
) -> None:
    key = run_json(proviso, "keys", "create", "-w", workspace, "--user", "dana")["secret"]
    with serving(workspace) as server:
        run = server.ask(key)["run"]
        store(proviso, workspace, "backup", tmp_path / "backup")
        done = proviso("store", "restore", "-w", workspace, tmp_path / "backup", "--replace")
        assert server.ask(key)["outcome"] == "answer"
    assert (done.code, "stop the servers" in done.err) == (2, True)
    store(proviso, workspace, "restore", tmp_path / "backup", "--replace")
    assert trace(proviso, workspace, run)["run"]["id"] == run


def test_a_backup_says_what_it_does_to_people_and_prints_its_digest(
    proviso: Command, workspace: Path, tmp_path: Path
) -> None:
    done = proviso("store", "backup", "-w", workspace, tmp_path / "backup")
    assert "control.db" in done.err
    assert "sha256" in done.out
    assert "events" in done.out


def test_a_key_revoked_after_the_backup_is_valid_again_unless_all_are_revoked(
    proviso: Command, workspace: Path, tmp_path: Path
) -> None:
    key = run_json(proviso, "keys", "create", "-w", workspace, "--user", "dana")["key"]
    store(proviso, workspace, "backup", tmp_path / "backup")
    proviso("keys", "revoke", "-w", workspace, key)
    assert store(proviso, workspace, "restore", tmp_path / "backup", "--replace")["keys"] == 1
    replaced = workspace / ".proviso"
    for left in replaced.glob("before-restore-*"):
        left.rename(tmp_path / "first")
    done = store(proviso, workspace, "restore", tmp_path / "backup", "--replace", "--revoke-keys")
    assert (done["keys"], done["revoked"]) == (0, [key])
    with closing(sqlite3.connect(replaced / "runs-w0.db")) as records:
        (last,) = records.execute("SELECT body FROM events ORDER BY sequence DESC LIMIT 1").fetchone()
    assert (json.loads(last)["event"], json.loads(last)["key"]) == ("key.revoked", key)


def test_a_restore_over_what_is_there_is_refused_with_its_fix(
    proviso: Command, workspace: Path, tmp_path: Path
) -> None:
    store(proviso, workspace, "backup", tmp_path / "backup")
    done = proviso("store", "restore", "-w", workspace, tmp_path / "backup")
    assert done.code == 2
    assert "--replace" in done.err


def test_a_changed_backup_is_refused(proviso: Command, workspace: Path, tmp_path: Path) -> None:
    store(proviso, workspace, "backup", tmp_path / "backup")
    with (tmp_path / "backup/control.db").open("ab") as file:
        file.write(b"x")
    done = proviso("store", "restore", "-w", workspace, tmp_path / "backup", "--replace")
    assert done.code == 4
    assert "control.db" in done.err


def test_a_check_fails_where_a_snapshot_is_gone(proviso: Command, workspace: Path) -> None:
    (snapshot,) = (workspace / ".proviso/snapshots/policy-qa").iterdir()
    snapshot.rename(workspace / "elsewhere")
    findings = store(proviso, workspace, "check", code=1)
    assert [item["check"] for item in findings if item["verdict"] == "fail"] == ["snapshot of policy-qa"]
    assert "proviso index" in proviso("store", "check", "-w", workspace).out


def test_a_check_of_what_cannot_be_read_is_exit_code_4(proviso: Command, workspace: Path) -> None:
    (workspace / ".proviso/control.db").unlink()
    assert proviso("store", "check", "-w", workspace).code == 4


def test_migrate_says_from_where_to_where(proviso: Command, workspace: Path, tmp_path: Path) -> None:
    assert "control" in proviso("store", "migrate", "-w", workspace, "--check-only").out
    done = proviso("store", "migrate", "-w", tmp_path, "--check-only")
    assert (done.code, "0 → " in done.out) == (1, True)
    assert proviso("store", "migrate", "-w", tmp_path).code == 0
    assert proviso("store", "migrate", "-w", tmp_path, "--check-only").code == 0


def test_a_newer_schema_is_said_so(proviso: Command, workspace: Path) -> None:
    with closing(sqlite3.connect(workspace / ".proviso/control.db")) as control:
        control.execute("PRAGMA user_version = 99")
    done = proviso("store", "migrate", "-w", workspace)
    assert done.code == 4
    assert "99" in done.err
