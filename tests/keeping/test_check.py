"""The check finds what is wrong, says where, and changes nothing."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from proviso.store import Finding, Verdict, check_store, open_store
from proviso.store.embedded import EmbeddedStore
from tests.keeping.stores import change, contents, fill, meaning


def found(folder: Path, verdict: Verdict) -> dict[str, Finding]:
    return {item.check: item for item in check_store(folder, "", meaning()) if item.verdict is verdict}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A store in which only what a test damages is wrong."""
    fill(tmp_path / "state")
    (tmp_path / "state").chmod(0o700)
    (tmp_path / "state/spool/0a.spool").unlink()
    change(tmp_path / "state/runs-w0.db", "DELETE FROM open_runs")
    return tmp_path / "state"


def test_a_sound_store_has_nothing_wrong_and_is_not_changed(state: Path) -> None:
    before = contents(state)
    verdicts = {item.verdict for item in check_store(state, "", meaning()) if item.check != "file system"}
    assert verdicts <= {Verdict.OK} | ({Verdict.WARN} if "disk" in found(state, Verdict.WARN) else set())
    assert contents(state) == before


SQL = {
    "sequence of w1": ("runs-w1.db", "DELETE FROM events WHERE sequence = 3"),
    "references of w1": ("runs-w1.db", "INSERT INTO payloads VALUES(99, 's1', x'00')"),
    "references of w0": ("runs-w0.db", "INSERT INTO open_runs VALUES('r', 99)"),
    "events of w1": ("runs-w1.db", "UPDATE events SET body = '{}' WHERE sequence = 2"),
    "events of w0": ("runs-w0.db", "UPDATE events SET app = 'other' WHERE sequence = 2"),
    "blobs": ("control.db", "UPDATE blobs SET body = x'00'"),
    "control.db, journal": ("control.db", "PRAGMA journal_mode = DELETE"),
}


@pytest.mark.parametrize("check", SQL)
def test_a_row_that_is_not_as_it_should_be_is_found(state: Path, check: str) -> None:
    path, sql = SQL[check]
    change(state / path, sql)
    failed = found(state, Verdict.FAIL)
    assert check in failed
    assert failed[check].fix


def test_a_pointer_to_nothing_is_found(state: Path) -> None:
    digest = hashlib.sha256(b"gone").hexdigest()
    change(state / "control.db", f"UPDATE pointers SET target = '{digest}'")
    assert f"`{digest}` is named and not there" in found(state, Verdict.FAIL)["blobs"].said


def truncate(state: Path) -> None:
    path = state / "runs-w1.db"
    content = bytearray(path.read_bytes())
    content[4096:12288] = b"\xff" * 8192
    path.write_bytes(content)


def open_to_all(state: Path) -> None:
    state.chmod(0o755)
    (state / "control.db").chmod(0o644)


DAMAGE: dict[str, tuple[Callable[[Path], object], Verdict]] = {
    "runs-w1.db": (truncate, Verdict.FAIL),
    "control.db": (lambda state: (state / "control.db").unlink(), Verdict.FAIL),
    "spool, damaged": (lambda state: (state / "spool/0b.damaged").touch(), Verdict.FAIL),
    "spool, waiting": (lambda state: (state / "spool/0b.spool").touch(), Verdict.WARN),
    "permissions": (open_to_all, Verdict.WARN),
    "restore": (lambda state: (state / ".restoring-1").mkdir(), Verdict.FAIL),
    "control.db, schema": (lambda s: change(s / "control.db", "PRAGMA user_version = 1"), Verdict.WARN),
}


@pytest.mark.parametrize("check", DAMAGE)
def test_a_file_that_is_not_as_it_should_be_is_found(state: Path, check: str) -> None:
    damage, verdict = DAMAGE[check]
    damage(state)
    assert check in found(state, verdict)


def test_runs_that_a_dead_writer_left_open_are_found_and_those_of_a_living_one_are_not(
    tmp_path: Path,
) -> None:
    fill(tmp_path)
    assert "1 have started" in found(tmp_path, Verdict.WARN)["open runs of w0"].said
    store = EmbeddedStore.open(tmp_path)
    journal = store.journal()
    assert "open runs of w0" in found(tmp_path, Verdict.OK)
    journal.release()
    store.close()


def test_a_store_is_checked_while_it_is_used(state: Path) -> None:
    store = open_store(state)
    journal = store.journal()
    assert not found(state, Verdict.FAIL)
    journal.release()
    store.close()


def test_a_newer_schema_is_found_and_nothing_more_is_read(state: Path) -> None:
    change(state / "runs-w0.db", "PRAGMA user_version = 99")
    failed = found(state, Verdict.FAIL)
    assert failed["runs-w0.db"].unreadable
    assert "sequence of w1" not in found(state, Verdict.OK)


def test_a_folder_that_is_not_there_is_found(tmp_path: Path) -> None:
    assert found(tmp_path / "nowhere", Verdict.FAIL)["folder"].unreadable
    assert not (tmp_path / "nowhere").exists()
