"""Checks of a state folder: its disk, who may read it, its database files, what waits in its spool."""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from proviso.errors import ProvisoError
from proviso.store.finding import Finding, Verdict, doubted, judged
from proviso.store.restore import RESTORING
from proviso.store.schema import CONTROL, RUNS, Step, refuse_newer
from proviso.store.slots import writers
from proviso.store.sqlite import connect, connect_to_read, translated

_BACKUP: Final = "restore the store from a backup: `proviso store restore`"
_LEAST_FREE: Final = 32 * 1024 * 1024  # bytes: with less a server says that it is not ready
_LITTLE_FREE: Final = 1024 * 1024 * 1024
_FULL: Final = 2  # PRAGMA synchronous=FULL
_MOUNTS: Final = Path("/proc/self/mounts")
_IN_MEMORY: Final = {"tmpfs", "ramfs"}
_REMOTE: Final = {"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "fuse.s3fs", "ceph", "glusterfs"}


def check_folder(folder: Path) -> Iterator[Finding]:
    """Yield what is found of the folder and its disk."""
    if not folder.is_dir():
        yield Finding("folder", Verdict.FAIL, f"`{folder}` is not there", _BACKUP, unreadable=True)
        return
    writable = os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    yield judged("folder", not writable, f"`{folder}`", "let the user that serves read and write it")
    yield _private(folder)
    free = shutil.disk_usage(folder).free
    said, fix = f"{free // 1_048_576:,} MiB are free", "make room on the disk"
    if free < _LEAST_FREE:
        yield Finding("disk", Verdict.FAIL, said, fix)
    else:
        yield doubted("disk", free < _LITTLE_FREE, said, fix)
    if (kind := _file_system(folder)) is not None:
        yield _kind(kind)
    left = sorted(path.name for path in folder.glob(f"{RESTORING}*"))
    said = (
        f"`{left[0]}` is left of a restore that was cut off, or is under way"
        if left
        else "none is unfinished"
    )
    yield judged("restore", bool(left), said, "restore once more, with `--replace`")


def _private(folder: Path) -> Finding:
    """Who but the owner may read: keys' digests and payloads are in these files."""
    paths = [folder, *folder.glob("*.db"), *folder.glob("spool/*"), *folder.glob("snapshots")]
    # What lies in a folder that is closed to others is closed to them.
    open_ = (
        []
        if not folder.stat().st_mode & 0o077
        else [path.name for path in paths if path.stat().st_mode & 0o077]
    )
    said = (
        f"others may read {', '.join(sorted(open_)[:3])}" if open_ else "only their owner may read the files"
    )
    return doubted("permissions", bool(open_), said, f"chmod 700 {folder}")


def _kind(kind: str) -> Finding:
    if kind in _IN_MEMORY:
        fix = "name a folder on a disk in PROVISO_HOME"
        return Finding("file system", Verdict.WARN, f"{kind}: all ends with this machine", fix)
    fix = "use a local disk, or PostgreSQL"
    return doubted("file system", kind in _REMOTE, kind, f"SQLite cannot rely on its locks there: {fix}")


def _file_system(folder: Path) -> str | None:
    """Return the kind of file system that a folder is on; None where the machine does not tell."""
    if not _MOUNTS.exists():
        return None
    place, best = folder.resolve(), ("", "")
    for line in _MOUNTS.read_text("utf-8", "replace").splitlines():
        _, mounted, kind, *_ = line.split(" ")
        at = mounted.replace("\\040", " ")
        if place.is_relative_to(at) and len(at) >= len(best[0]):
            best = (at, kind)
    return best[1]


def check_spool(folder: Path) -> Iterator[Finding]:
    """Yield what is found of records that wait to be written into the store."""
    spool = folder / "spool"
    damaged = sorted(path.name for path in spool.glob("*.damaged"))
    left = [path for path in sorted(spool.glob("*.spool")) if not _is_held(path)]
    said = f"`{damaged[0]}` was set aside, and {len(damaged) - 1} more" if damaged else "no file is damaged"
    fix = "keep it for the audit: it was changed, or written under another `PROVISO_SPOOL_KEY`"
    yield judged("spool, damaged", bool(damaged), said, fix)
    size = sum(path.stat().st_size for path in left)
    said = f"{len(left)} files, {size:,} bytes, of processes that have ended" if left else "nothing waits"
    yield doubted("spool, waiting", bool(left), said, "start a server with the same `PROVISO_SPOOL_KEY`")


def _is_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # written into the store meanwhile
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


# --- the databases --------------------------------------------------------------------------------


def check_databases(folder: Path) -> Iterator[Finding]:
    """Yield what is found of each database as a file."""
    if not (folder / "control.db").is_file():
        said = f"there is no `control.db` in `{folder}`"
        yield Finding("control.db", Verdict.FAIL, said, _BACKUP, unreadable=True)
        return
    yield from _check_database(folder / "control.db", CONTROL)
    for writer in writers(folder):
        yield from _check_database(folder / f"runs-{writer}.db", RUNS)


def _check_database(path: Path, steps: tuple[Step, ...]) -> Iterator[Finding]:
    try:
        connection = connect_to_read(path, steps)
        if connection is None:
            yield Finding(
                path.name, Verdict.WARN, "it is only being made", "start a server, which finishes it"
            )
            return
        with translated(path), closing(connection):
            yield from _inside(path, connection, steps)
        yield _durable(path, steps)
    except ProvisoError as error:
        yield Finding(path.name, Verdict.FAIL, error.message, error.fix or _BACKUP, unreadable=True)


def _inside(path: Path, connection: sqlite3.Connection, steps: tuple[Step, ...]) -> Iterator[Finding]:
    whole = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)").fetchall()]
    yield judged(path.name, whole != ["ok"], "; ".join(whole), _BACKUP)
    lost = len(connection.execute("PRAGMA foreign_key_check").fetchall())
    yield judged(
        f"{path.name}, foreign keys",
        lost > 0,
        f"{lost} references lead nowhere" if lost else "all lead to a row",
        _BACKUP,
    )
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    refuse_newer(str(path), version, len(steps))
    said = f"{version} of {len(steps)}"
    yield doubted(f"{path.name}, schema", version < len(steps), said, "run `proviso store migrate`")
    mode = str(connection.execute("PRAGMA journal_mode").fetchone()[0])
    fix = "start a server, which turns it on; see what turned it off"
    yield judged(f"{path.name}, journal", mode != "wal", mode, fix)


def _durable(path: Path, steps: tuple[Step, ...]) -> Finding:
    """Whether a commit waits for the disk, asked of a connection like a server's."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as plain:
        current = int(plain.execute("PRAGMA user_version").fetchone()[0]) == len(steps)
    check = f"{path.name}, synchronous"
    if not current:  # to open it as a server does would take it forward
        return Finding(
            check, Verdict.WARN, "not looked at: the schema is behind", "run `proviso store migrate`"
        )
    with closing(connect(path, steps)) as connection:
        level = int(connection.execute("PRAGMA synchronous").fetchone()[0])
    return judged(check, level < _FULL, f"{level} (2 is FULL: a commit waits for the disk)", "report it")
