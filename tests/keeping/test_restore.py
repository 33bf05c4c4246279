"""Restoring: only what is whole, only where nobody is, and what was there is kept."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proviso.errors import ProvisoError, StoreUnavailable, Tampered
from proviso.store import Control, NewerSchema, StoreInUse, TargetTaken, open_store
from proviso.store.embedded import EmbeddedStore
from tests.keeping.stores import back_up, change, contents, fill, restore


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    fill(tmp_path / "state")
    return back_up(tmp_path / "state", tmp_path / "backup")


def edit_manifest(backup: Path, edit: Callable[[Any], object]) -> None:
    manifest = json.loads((backup / "manifest.json").read_text())
    edit(manifest)
    (backup / "manifest.json").write_text(json.dumps(manifest))


def test_what_is_restored_is_what_was_backed_up(backup: Path, tmp_path: Path) -> None:
    before = contents(tmp_path / "state")
    done = restore(backup, tmp_path / "new")
    assert contents(tmp_path / "new") == before
    assert (tmp_path / "new/snapshots/policy-qa/abc/texts.bin").read_bytes() == b"proviso texts"
    assert (tmp_path / "new/spool/0a.spool").read_bytes() == b"sealed"
    assert (done.keys, done.revoked, done.aside) == (1, (), "")


def test_writers_go_on_where_the_restored_ones_ended(backup: Path, tmp_path: Path) -> None:
    restore(backup, tmp_path / "new")
    store = EmbeddedStore.open(tmp_path / "new")
    journal = store.journal()
    assert (journal.writer, len(journal.open_runs())) == ("w0", 1)
    journal.release()
    store.close()


FILES = ["control.db", "runs-w1.db", "snapshots/policy-qa/abc/texts.bin", "spool/0a.spool"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["changed", "cut", "missing", "link"])
def test_a_backup_of_which_a_file_is_not_as_it_was_is_refused(
    backup: Path, tmp_path: Path, name: str, how: str
) -> None:
    path, content = backup / name, (backup / name).read_bytes()
    path.unlink()
    if how == "link":
        (tmp_path / "elsewhere").write_bytes(content)
        path.symlink_to(tmp_path / "elsewhere")
    elif how != "missing":
        path.write_bytes(content[:-1] + (bytes([content[-1] ^ 1]) if how == "changed" else b""))
    with pytest.raises(Tampered, match=name):
        restore(backup, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "name", ["../escape", "/etc/passwd", "snapshots/../../x/y/z", "runs-w0.db-wal", "extra.txt"]
)
def test_a_manifest_leads_nowhere_outside_of_its_backup(backup: Path, tmp_path: Path, name: str) -> None:
    edit_manifest(backup, lambda manifest: manifest["files"].update({name: manifest["files"]["control.db"]}))
    with pytest.raises(Tampered, match="names a file"):
        restore(backup, tmp_path / "new")


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format":"proviso.backup/9"}', b"\xff"])
def test_a_manifest_that_is_none_is_refused(backup: Path, tmp_path: Path, content: bytes) -> None:
    (backup / "manifest.json").write_bytes(content)
    with pytest.raises(Tampered):
        restore(backup, tmp_path / "new")


def test_a_manifest_changed_together_with_a_file_is_refused_by_its_digest(
    backup: Path, tmp_path: Path
) -> None:
    digest = hashlib.sha256((backup / "manifest.json").read_bytes()).hexdigest()
    assert restore(backup, tmp_path / "one", digest=digest).keys == 1
    content = b"forged"
    (backup / "spool/0a.spool").write_bytes(content)
    forged = {"bytes": 6, "sha256": hashlib.sha256(content).hexdigest()}
    edit_manifest(backup, lambda manifest: manifest["files"].update({"spool/0a.spool": forged}))
    with pytest.raises(Tampered, match="SHA-256"):
        restore(backup, tmp_path / "two", digest=digest)


def test_a_backup_with_other_rows_than_it_says_is_refused(backup: Path, tmp_path: Path) -> None:
    edit_manifest(backup, lambda manifest: manifest["rows"]["control.db"].update({"keys": 2}))
    with pytest.raises(Tampered, match="other rows"):
        restore(backup, tmp_path / "new")
    assert not [path for path in (tmp_path / "new").iterdir() if path.suffix != ".lock"]


def test_a_backup_of_a_newer_schema_is_refused(backup: Path, tmp_path: Path) -> None:
    edit_manifest(backup, lambda manifest: manifest["schemas"].update({"control.db": 99}))
    with pytest.raises(NewerSchema):
        restore(backup, tmp_path / "new")


def test_a_store_that_is_there_stays_unless_it_is_to_be_replaced(backup: Path, tmp_path: Path) -> None:
    change(tmp_path / "state/control.db", "DELETE FROM keys")
    before = contents(tmp_path / "state")
    with pytest.raises(TargetTaken):
        restore(backup, tmp_path / "state")
    assert contents(tmp_path / "state") == before
    done = restore(backup, tmp_path / "state", replace=True)
    assert contents(Path(done.aside)) == before
    assert contents(tmp_path / "state") == contents(backup)


def test_nothing_is_restored_where_a_writer_runs(backup: Path, tmp_path: Path) -> None:
    store = EmbeddedStore.open(tmp_path / "state")
    journal = store.journal()
    with pytest.raises(StoreInUse, match="runs-w0"):
        restore(backup, tmp_path / "state", replace=True)
    journal.release()
    store.close()
    restore(backup, tmp_path / "state", replace=True)


def test_nothing_is_restored_where_somebody_only_reads(backup: Path, tmp_path: Path) -> None:
    store = open_store(tmp_path / "state")
    with pytest.raises(StoreInUse, match=r"control\.db"):
        restore(backup, tmp_path / "state", replace=True)
    assert Control(store.database).pointer("access")
    store.close()


def test_a_damaged_store_can_be_replaced(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "state/control.db").write_bytes(b"\0" * 5_000)
    restore(backup, tmp_path / "state", replace=True)
    assert contents(tmp_path / "state") == contents(backup)


def test_an_exchange_that_fails_is_undone(backup: Path, tmp_path: Path) -> None:
    before = contents(tmp_path / "state")
    # The name under which the old one would be kept is taken by a file.
    (tmp_path / "state/before-restore-20260101T000000Z").touch()
    with pytest.raises(StoreUnavailable):
        restore(backup, tmp_path / "state", replace=True)
    assert contents(tmp_path / "state") == before
    assert not [*(tmp_path / "state").glob(".restoring-*")]


def test_keys_of_the_backup_can_be_revoked_before_anybody_can_use_them(backup: Path, tmp_path: Path) -> None:
    done = restore(backup, tmp_path / "new", revoke_keys=True)
    assert (done.keys, done.revoked) == (0, ("k1",))
    store = open_store(tmp_path / "new")
    assert [key.revoked is not None for key in Control(store.database).all_keys()] == [True]
    store.close()


def test_a_folder_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProvisoError, match="no backup"):
        restore(tmp_path, tmp_path / "new")
