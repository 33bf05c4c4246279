"""Writers' names: one process at a time owns `runs-<writer>.db`, by a lock that ends with the process.

A new process takes the first name that nobody holds (w0, w1, …), so a restarted server goes on in the file of
the dead one, and there are never more files than processes that wrote at once. The lock is `flock` on a file
beside the database: the system frees it however the process ends, so no time-out can take a file from a
writer that is only slow.
"""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from proviso.errors import StoreUnavailable
from proviso.store.sqlite import make_folder, translated

_MOST = 256


class Slot:
    """A writer's name, held until `release` or the end of the process."""

    def __init__(self, folder: Path, name: str, descriptor: int) -> None:
        self.name = name
        self.database = folder / f"runs-{name}.db"
        self._descriptor = descriptor

    def release(self) -> None:
        """Let another process have the name. Harmless if said twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def take_slot(folder: Path) -> Slot:
    """Return the first name that nobody holds."""
    with translated(folder):
        make_folder(folder)
        for number in range(_MOST):
            if (slot := _try(folder, f"w{number}")) is not None:
                return slot
    raise StoreUnavailable(
        f"{_MOST} processes are writing into `{folder}`", fix="stop some, or give each server its own folder"
    )


def dead_slots(folder: Path) -> Iterator[Slot]:
    """Take, one after the other, the names whose writers have ended. The caller releases each."""
    for name in writers(folder):
        with translated(folder):
            slot = _try(folder, name)
        if slot is not None:
            yield slot


def writers(folder: Path) -> list[str]:
    """Return the names that have a database in the folder, in the order of their numbers."""
    names = (path.stem.removeprefix("runs-") for path in folder.glob("runs-w*.db"))
    return sorted((name for name in names if name[1:].isdecimal()), key=lambda name: int(name[1:]))


def _try(folder: Path, name: str) -> Slot | None:
    descriptor = os.open(folder / f"runs-{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return Slot(folder, name, descriptor)
