"""Restore: a backup, verified to the last byte, becomes the state again; what stood there is moved aside."""

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from proviso.errors import Tampered
from proviso.store.backup import Progress, TargetTaken
from proviso.store.backup_archive import unpack
from proviso.store.backup_files import copy_file, sync_tree, workplace
from proviso.store.backup_manifest import Manifest, read_manifest, verify_file, verify_files
from proviso.store.control import KEYS, Tables
from proviso.store.database import SqliteDatabase
from proviso.store.restore_terms import Restored, StoreInUse, Wanted
from proviso.store.schema import CONTROL, RUNS, refuse_newer
from proviso.store.slots import dead_slots, writers
from proviso.store.sqlite import connect, locked, make_folder, sync_folder, translated
from proviso.store.tables import at_rest, counts, version

RESTORING = ".restoring-"
ASIDE = "before-restore-"


def restore_backup(backup: Path, folder: Path, url: str, wanted: Wanted, progress: Progress) -> Restored:
    """Make a backup, a folder or an archive, the state again: in a folder, or with a `postgresql://` URL in a database.

    Until all of it is in its place nothing of what was there is touched. Raises `Tampered` for a backup that is not as
    it was made, `NewerSchema`, `TargetTaken`, `StoreInUse` or `StoreUnavailable`.
    """
    if backup.is_file():
        with translated(folder), workplace(folder, RESTORING) as place:
            unpack(backup, place)
            return _restore(place, folder, url, wanted, progress)
    return _restore(backup, folder, url, wanted, progress)


def _restore(backup: Path, folder: Path, url: str, wanted: Wanted, progress: Progress) -> Restored:
    manifest = read_manifest(backup, wanted.digest)
    for name, number in manifest.schemas.items():
        refuse_newer(str(backup / name), number, len(CONTROL if name == "control.db" else RUNS))
    verify_files(backup, manifest)
    progress(f"verified: {len(manifest.files)} files, {manifest.size:,} bytes, made {manifest.at}")
    if url:
        from proviso.store.restore_postgres import restore_into  # noqa: PLC0415  an extra, and 60 ms to import

        with translated(folder), workplace(folder, RESTORING) as place, restore_into(url, wanted) as into:
            keys, revoked = _stage(backup, manifest, place, wanted)
            _add_files(place, folder)
            into.fill(place, progress)
            return Restored(manifest=manifest, keys=keys, revoked=revoked, aside=into.aside)
    with _held(folder), workplace(folder, RESTORING) as place:
        old = _occupied(folder)
        if old and not wanted.replace:
            raise TargetTaken(
                f"there is a store in `{folder}` already",
                fix="`--replace` moves it aside, or name another PROVISO_HOME",
            )
        keys, revoked = _stage(backup, manifest, place, wanted)
        progress(f"copied: {len(manifest.writers)} writers' records, the shared tables, snapshots")
        aside = (
            folder / f"{ASIDE}{datetime.fromtimestamp(wanted.now / 1e6, UTC):%Y%m%dT%H%M%SZ}" if old else None
        )
        _exchange(place, folder, old, aside)
    return Restored(manifest=manifest, keys=keys, revoked=revoked, aside=str(aside or ""))


# --- before ---------------------------------------------------------------------------------------


def _stage(backup: Path, manifest: Manifest, place: Path, wanted: Wanted) -> tuple[int, tuple[str, ...]]:
    """Copy a backup to where it can be worked on, and bring it to this version.

    Return how many keys are valid, and which were revoked.
    """
    for name, file in manifest.files.items():
        if copy_file(backup / name, place / name) != file:
            verify_file(backup, name, file)  # says how it differs, if it still does
            raise Tampered(
                f"`{backup / name}` changed while it was read", fix="use another copy of the backup"
            )
    for name, rows in manifest.rows.items():
        with at_rest(place / name) as copy:
            if version(place / name) != manifest.schemas[name] or counts(copy) != rows:
                raise Tampered(
                    f"`{backup / name}` has other rows than its manifest says", fix="use another backup"
                )
        connect(place / name, CONTROL if name == "control.db" else RUNS).close()
    found = _keys(place, wanted)
    (place / "store.lock").unlink(missing_ok=True)
    sync_tree(place)
    return found


def _keys(place: Path, wanted: Wanted) -> tuple[int, tuple[str, ...]]:
    database = SqliteDatabase.open(place)
    try:
        revoked: list[str] = []
        if wanted.revoke_keys:
            with database.transaction() as statements:
                revoked = _revoke_all(Tables(statements), wanted.now)
        valid = [
            key for key in Tables(database).all_keys() if key.revoked is None and key.expires > wanted.now
        ]
        return len(valid), tuple(revoked)
    finally:
        database.close()


def _revoke_all(tables: Tables, now: int) -> list[str]:
    tables.publish(KEYS)
    return [key.id for key in tables.all_keys() if tables.revoke_key(key.id, now)]


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keep every process out of a folder; raise `StoreInUse` where one is inside."""
    with translated(folder):
        make_folder(folder)
        with locked(folder / "store.lock"):  # whoever opens a database there waits
            _refuse_in_use(folder)
            yield


def _refuse_in_use(folder: Path) -> None:
    free = set()
    for slot in dead_slots(folder):
        free.add(slot.name)
        slot.release()
    if held := set(writers(folder)) - free:
        raise _in_use(f"a process writes `runs-{min(held)}.db` in `{folder}`")
    path = folder / "control.db"
    if not path.exists():
        return
    with contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            # In this mode SQLite asks for the whole file, which nobody gets while another has it open, even to read.
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
        except sqlite3.DatabaseError as error:  # a file that is damaged is one more reason to replace it
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise _in_use(f"a process has `{path}` open") from error


def _in_use(what: str) -> StoreInUse:
    return StoreInUse(what, fix="stop the servers and commands that use it, then try again")


def _occupied(folder: Path) -> list[str]:
    """Return the names in a folder that belong to a store; none where it has no file."""
    found = []
    for path in folder.iterdir():
        if path.name.endswith(".lock") or path.name.startswith((RESTORING, ASIDE)):
            continue
        if not path.is_dir() or any(within.is_file() for within in path.rglob("*")):
            found.append(path.name)
    return found


# --- the exchange ---------------------------------------------------------------------------------


def _exchange(place: Path, folder: Path, old: list[str], aside: Path | None) -> None:
    """Move what is old aside and what is new in; undone if it fails.

    Within the folder, which may be a mounted volume, so name by name. INVARIANT: the shared tables leave first and
    come last, so a folder where this was cut off has none: nobody takes it for a whole store.
    """
    moves = [(folder / name, (aside or folder) / name) for name in sorted(old, key=_control_first)]
    new = [path.name for path in place.iterdir()]
    moves += [(place / name, folder / name) for name in sorted(new, key=_control_first, reverse=True)]
    if aside is not None:
        aside.mkdir(mode=0o700)
    done = []
    try:
        for source, target in moves:
            if target.is_dir():  # it has no files: `_occupied` would have named it
                _remove_empty(target)
            source.rename(target)
            done.append((source, target))
            sync_folder(target.parent)
    except BaseException:
        for source, target in reversed(done):
            target.rename(source)
        raise
    sync_folder(folder)


def _control_first(name: str) -> bool:
    return not name.startswith("control.db")


def _remove_empty(folder: Path) -> None:
    for path in folder.iterdir():
        _remove_empty(path)
    folder.rmdir()


def _add_files(place: Path, folder: Path) -> None:
    """Add snapshots and spooled files; those that are there already stay: their names say what is in them."""
    for source in [*place.glob("snapshots/*/*"), *place.glob("spool/*")]:
        target = folder / source.relative_to(place)
        make_folder(target.parent)
        if not target.exists():
            source.rename(target)
            sync_folder(target.parent)
