"""Backups: made while others write, complete, sound, and never there by halves."""

import asyncio
import json
from pathlib import Path

import pytest

from proviso.errors import StoreUnavailable, Tampered
from proviso.ledger import Recorder
from proviso.monitoring import Rollups
from proviso.store import TargetTaken, open_store
from proviso.store.embedded import EmbeddedStore
from proviso.store.view import EmbeddedView
from tests.keeping.stores import back_up, change, contents, fill, restore
from tests.ledger.samples import NOW, finished, new_run, payload
from tests.waiting import happens


def recorded(folder: Path) -> set[str]:
    tables = contents(folder).items()
    return {row[4] for name, rows in tables if name.endswith(" events") for row in rows}


async def test_a_backup_made_under_load_has_every_run_acknowledged_before_it_and_no_hole(
    tmp_path: Path,
) -> None:
    recorder = Recorder.open(open_store(tmp_path / "state"), Rollups(), lambda: NOW)
    said: list[str] = []

    async def write() -> None:
        while True:
            run = new_run()
            await recorder.finished(finished(run), payload())
            said.append(run)

    load = [asyncio.create_task(write()) for _ in range(8)]
    await happens(lambda: len(said) > 20)
    for number in range(20):  # until they have gone on while it was made
        before, backup = set(said), tmp_path / f"backup-{number}"
        await asyncio.to_thread(back_up, tmp_path / "state", backup)
        if len(said) > len(before):
            break
    assert len(said) > len(before)
    for task in load:
        task.cancel()
    await recorder.close()
    assert before <= recorded(backup)
    sequences = [row[0] for row in contents(backup)["runs-w0.db events"]]
    assert sorted(sequences) == list(range(1, len(sequences) + 1))


def test_a_backup_has_every_row_and_file_of_the_state(tmp_path: Path) -> None:
    fill(tmp_path / "state")
    back_up(tmp_path / "state", tmp_path / "backup")
    assert contents(tmp_path / "backup") == contents(tmp_path / "state")
    for name in ("snapshots/policy-qa/abc/texts.bin", "spool/0a.spool"):
        assert (tmp_path / "backup" / name).read_bytes() == (tmp_path / "state" / name).read_bytes()


def test_a_manifest_tells_what_is_in_the_backup(tmp_path: Path) -> None:
    fill(tmp_path / "state", runs=3)
    manifest = json.loads((back_up(tmp_path / "state", tmp_path / "backup") / "manifest.json").read_text())
    assert manifest["writers"] == {"w0": {"events": 4, "last": 4}, "w1": {"events": 3, "last": 3}}
    files = {
        p.relative_to(tmp_path / "backup").as_posix() for p in (tmp_path / "backup").rglob("*") if p.is_file()
    }
    assert set(manifest["files"]) == files - {"manifest.json"}
    assert (manifest["engine"], manifest["rows"]["control.db"]["keys"]) == ("sqlite", 1)


def test_a_moment_does_not_change_and_its_shared_tables_are_the_later_ones(tmp_path: Path) -> None:
    fill(tmp_path)
    view = EmbeddedView(tmp_path)
    change(tmp_path / "runs-w0.db", "DELETE FROM events")
    change(tmp_path / "control.db", "DELETE FROM keys")
    assert [*view.writers["w0"].rows("SELECT count(*) FROM events")] == [(6,)]
    assert [*view.control.rows("SELECT count(*) FROM keys")] == [(1,)]
    view.close()


def test_nobody_else_may_read_a_backup(tmp_path: Path) -> None:
    fill(tmp_path / "state")
    backup = back_up(tmp_path / "state", tmp_path / "backup")
    assert backup.stat().st_mode & 0o077 == 0
    assert {path.stat().st_mode & 0o077 for path in backup.rglob("*") if path.is_file()} == {0}


def test_what_is_only_being_indexed_is_left_out(tmp_path: Path) -> None:
    fill(tmp_path / "state")
    (tmp_path / "state/snapshots/policy-qa/.building-1").mkdir()
    (tmp_path / "state/snapshots/policy-qa/.building-1/texts.bin").touch()
    assert not [*back_up(tmp_path / "state", tmp_path / "backup").glob("**/.building-*")]


def test_files_that_are_not_of_the_store_are_left_out_and_do_not_spoil_the_backup(tmp_path: Path) -> None:
    fill(tmp_path / "state")
    (tmp_path / "state/snapshots/my notes.txt").touch()
    (tmp_path / "state/snapshots/policy-qa/link").symlink_to("/etc")
    restore(back_up(tmp_path / "state", tmp_path / "backup"), tmp_path / "new")
    assert [path.name for path in (tmp_path / "new/snapshots").rglob("*") if path.is_file()] == ["texts.bin"]


@pytest.mark.parametrize("target", ["file", "full", "state/inside", "there.tar"])
def test_a_name_that_is_taken_or_inside_of_the_state_is_refused(tmp_path: Path, target: str) -> None:
    fill(tmp_path / "state")
    (tmp_path / "file").touch()
    (tmp_path / "there.tar").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/kept").touch()
    with pytest.raises(TargetTaken):
        back_up(tmp_path / "state", tmp_path / target)
    assert not (tmp_path / "state/inside").exists()


def test_a_damaged_database_gives_no_backup(tmp_path: Path) -> None:
    fill(tmp_path / "state", runs=200)
    content = bytearray((tmp_path / "state/runs-w0.db").read_bytes())
    content[8192:24576] = b"\xff" * 16384
    (tmp_path / "state/runs-w0.db").write_bytes(content)
    with pytest.raises((Tampered, StoreUnavailable)):
        back_up(tmp_path / "state", tmp_path / "backup")
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_folder_without_a_store_gives_no_backup(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        back_up(tmp_path / "state", tmp_path / "backup")
    assert not [*tmp_path.iterdir()]


def test_what_a_killed_backup_left_goes_with_the_next_one(tmp_path: Path) -> None:
    fill(tmp_path / "state")
    (tmp_path / ".backup.partial-1").mkdir()
    (tmp_path / ".backup.partial-1/control.db").touch()
    back_up(tmp_path / "state", tmp_path / "backup")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "state"]


def test_a_store_can_be_opened_from_its_backup(tmp_path: Path) -> None:
    runs = fill(tmp_path / "state")
    store = EmbeddedStore.open(back_up(tmp_path / "state", tmp_path / "backup"))
    archive = store.archive()
    assert [len(archive.events_of(run)) for run in runs] == [1] * len(runs)
    archive.close()
    store.close()


def test_a_backup_in_one_file_is_restored_like_a_folder(tmp_path: Path) -> None:
    fill(tmp_path / "state")
    restore(back_up(tmp_path / "state", tmp_path / "backup.tar"), tmp_path / "new")
    assert contents(tmp_path / "new") == contents(tmp_path / "state")
    assert (tmp_path / "backup.tar").stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar", "new", "state"]


@pytest.mark.parametrize("end", [-1, 30_000])
def test_a_file_that_was_cut_or_changed_is_refused(tmp_path: Path, end: int) -> None:
    fill(tmp_path / "state")
    path = back_up(tmp_path / "state", tmp_path / "backup.tar")
    content = path.read_bytes()
    path.write_bytes(content[:end] if end > 0 else content.replace(b"proviso texts", b"proviso tests"))
    with pytest.raises(Tampered):
        restore(path, tmp_path / "new")
    assert not [*(tmp_path / "new").iterdir()]
