"""A backup as one file: the same folder, in a tar archive without compression."""

import os
import tarfile
from pathlib import Path
from typing import Final

from proviso.errors import Tampered
from proviso.store.backup_files import below, sync_file

SUFFIX: Final = ".tar"


def pack(folder: Path, target: Path) -> None:
    """Write the files of a folder into a new archive, readable for its owner alone, and force it to disk."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with tarfile.open(target, "w") as archive:
        for path in below(folder):
            archive.add(path, path.relative_to(folder).as_posix(), recursive=False, filter=_anonymous)
    sync_file(target)


def unpack(source: Path, folder: Path) -> None:
    """Write the files of an archive into a folder, and nothing outside of it; raise `Tampered` for what is none."""
    try:
        with tarfile.open(source, "r:") as archive:
            archive.extractall(folder, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise Tampered(
            f"`{source}` is no backup that can be read: {error}", fix="use another copy of it"
        ) from error


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out who made a file: it is restored for whoever restores it."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member
