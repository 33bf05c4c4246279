"""Moving files into and out of a backup: copied, forced to disk, and only then given their names."""

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from proviso.store.backup_manifest import File
from proviso.store.sqlite import make_folder, sync_folder

_CHUNK = 1_048_576


def copy_file(source: Path, target: Path) -> File:
    """Copy a file's bytes, readable for their owner alone; return what was copied. Raises `OSError`.

    Of a file that somebody appends to this is the part that was there.
    """
    digest, size = hashlib.sha256(), 0
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with source.open("rb") as content, _created(target) as copy:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            size += copy.write(chunk)
        copy.flush()
        os.fsync(copy.fileno())
    return File(size, digest.hexdigest())


def _created(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def write_file(path: Path, content: bytes) -> None:
    """Write a new file and force it to disk."""
    with _created(path) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_file(path: Path) -> None:
    """Force a file to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Force the names in a folder, and in those below it, to disk."""
    for path, _, _ in os.walk(folder):
        sync_folder(Path(path))


def below(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, in order. What begins with a dot is only being made; links are not followed."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith(".") or path.is_symlink():
            continue
        if path.is_dir():
            yield from below(path)
        elif path.is_file():
            yield path


@contextlib.contextmanager
def workplace(folder: Path, prefix: str) -> Iterator[Path]:
    """Make a folder that nobody else uses, and remove it at the end; those of processes that were killed go now.

    It may be renamed: then it stays.
    """
    make_folder(folder)
    for left in folder.glob(f"{prefix}*"):
        with contextlib.suppress(OSError), _held(left):
            shutil.rmtree(left, ignore_errors=True)
    place = folder / f"{prefix}{secrets.token_hex(6)}"
    place.mkdir(mode=0o700)
    try:
        with _held(place):
            yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a folder; raise `OSError` where somebody else does. The system lets go of it when the process ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
