"""Backup: a folder like the embedded store's own, and a manifest of it; made while others write, whole or not at all.

Both engines make the same: `control.db`, a `runs-<writer>.db` for each writer, `snapshots/`, `spool/`. So a
backup can be read by itself, and can be restored into either engine.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from proviso.errors import ProvisoError, StoreUnavailable, Tampered
from proviso.store.backup_archive import SUFFIX, pack
from proviso.store.backup_files import below, copy_file, sync_file, sync_tree, workplace, write_file
from proviso.store.backup_manifest import (
    MANIFEST,
    File,
    Manifest,
    Written,
    belongs,
    describe,
    encode_manifest,
)
from proviso.store.migration import migrate
from proviso.store.sqlite import sync_folder, translated
from proviso.store.tables import at_rest, counts, version
from proviso.store.view import View, open_view

Progress = Callable[[str], object]  # told what has been done


class TargetTaken(ProvisoError):
    """Something stands where a backup, or what is restored from one, was to go."""

    code = "target_taken"


def make_backup(folder: Path, url: str, target: Path, *, made_by: str, progress: Progress) -> Manifest:
    """Write a backup of the store into `target`, a new folder or (`….tar`) file, while others go on writing.

    All that was acknowledged before the call is in it. What is not finished, because of an error or the end of the
    process, never stands under the name `target`. Raises `TargetTaken`, `Tampered` for a database that is damaged,
    `NewerSchema` or `StoreUnavailable`.
    """
    target = target.absolute()
    _refuse_taken(folder, target)
    if url:
        migrate(folder, url)
    elif not (folder / "control.db").is_file():
        raise StoreUnavailable(
            f"there is no store in `{folder}`", fix="name its workspace, or its PROVISO_HOME"
        )
    with translated(target), workplace(target.parent, f".{target.name}.partial-") as place:
        made = place / "backup"
        made.mkdir(mode=0o700)
        manifest = _fill(_Making(folder, url, made, progress), made_by)
        write_file(made / MANIFEST, encode_manifest(manifest))
        sync_tree(made)
        _publish(made, target)
        sync_folder(target.parent)
    return manifest


def _publish(made: Path, target: Path) -> None:
    """Give a backup its name, in one step that takes no name from anything else."""
    if target.suffix != SUFFIX:
        made.rename(target)  # which fails where there is a file, or a folder with something in it
        return
    packed = made.with_suffix(SUFFIX)
    pack(made, packed)
    target.hardlink_to(packed)  # a rename would replace what has come there meanwhile


def _refuse_taken(folder: Path, target: Path) -> None:
    empty = target.is_dir() and target.suffix != SUFFIX and not any(target.iterdir())
    if (target.exists() or target.is_symlink()) and not empty:
        raise TargetTaken(f"`{target}` is there already", fix="name a folder that is not there yet")
    if folder.resolve() in (target.resolve(), *target.resolve().parents):
        raise TargetTaken(
            f"`{target}` is inside of what is to be backed up", fix="name a folder outside of it"
        )


class _Making:
    """A backup that is being made: where from, and where to."""

    def __init__(self, folder: Path, url: str, place: Path, progress: Progress) -> None:
        self.folder = folder
        self.url = url
        self.place = place
        self.files: dict[str, File] = {}
        self.rows: dict[str, dict[str, int]] = {}
        self.schemas: dict[str, int] = {}
        self.progress = progress

    def spool(self) -> None:
        """Copy what is spooled. A file that vanishes meanwhile has been written into the store."""
        for kind in ("*.spool", "*.damaged"):
            for path in sorted((self.folder / "spool").glob(kind)):
                try:
                    self._copy(path)
                except FileNotFoundError:
                    continue

    def snapshots(self) -> None:
        """Copy the indexed documents: those that are complete."""
        for path in below(self.folder / "snapshots"):
            self._copy(path)
        self.progress(f"snapshots: {sum(name.startswith('snapshots/') for name in self.files)} files")

    def _copy(self, path: Path) -> None:
        name = path.relative_to(self.folder).as_posix()
        if belongs(name):
            self.files[name] = copy_file(path, self.place / name)
        else:
            self.progress(f"left out, it is not of Proviso: {name}")

    def database(self, view: View, part: str) -> None:
        """Copy the shared tables or a writer's, and see that the copy is sound."""
        name = "control.db" if part == "control" else f"runs-{part}.db"
        path = self.place / name
        view.copy(part, path)
        with at_rest(path) as copy:
            found = [row[0] for row in copy.execute("PRAGMA quick_check(1)").fetchall()]
            if found != ["ok"]:
                raise Tampered(
                    f"`{name}` is damaged: {found[0]}", fix="restore the store from an older backup"
                )
            self.rows[name] = counts(copy)
        self.schemas[name] = version(path)
        sync_file(path)
        self.files[name] = describe(path)
        self.progress(f"{name}: {sum(self.rows[name].values())} rows, {self.files[name].bytes:,} bytes")


def _fill(making: _Making, made_by: str) -> Manifest:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    # INVARIANT: what leaves the spool goes into the writers' tables, so the spool is read before them; what these
    # refer to is stored before, so the shared tables are of a later moment, and the files that they name later still.
    making.spool()
    with open_view(making.folder, making.url) as view:
        writers = list(view.writers)
        for part in (*writers, "control"):
            making.database(view, part)
        making.snapshots()
        engine = view.engine
    (making.place / "store.lock").unlink(missing_ok=True)
    return Manifest(
        made_by=made_by,
        engine=engine,
        at=at,
        schemas=making.schemas,
        writers={writer: _written(making.place / f"runs-{writer}.db") for writer in writers},
        rows=making.rows,
        files=making.files,
    )


def _written(path: Path) -> Written:
    with at_rest(path) as copy:
        events, last = copy.execute("SELECT count(*), coalesce(max(sequence), 0) FROM events").fetchone()
        return Written(events, last)
