"""The files of a workspace on disk: only those inside it, of bounded size, each fault with its fix."""

import os
from pathlib import Path

MAX_BYTES = 1_048_576
MAX_DOCUMENTS = 100_000


class Fault(Exception):
    """A path that cannot be used: what is wrong, and the fix."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


class Folder:
    """A workspace's folder. Paths are relative, with forward slashes, and never leave it, nor do links."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def read(self, path: str, *, within: str = "") -> bytes:
        """Return a file's bytes; `within` is looked in first, then the workspace. Raise `Fault`."""
        found = self._find(path, within)
        try:
            if not found.is_file():
                raise Fault(f"`{path}` is not a file", "name a file")
            with found.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise Fault(f"`{path}` cannot be read: {_reason(error)}", "make it readable") from None
        if len(content) > MAX_BYTES:
            raise Fault(f"`{path}` is over {MAX_BYTES:,} bytes", "shorten it")
        return content

    def folder(self, path: str, *, within: str = "") -> Path:
        """Return a folder's absolute path; `within` is looked in first, then the workspace. Raise `Fault`."""
        found = self._find(path, within)
        if not found.is_dir():
            raise Fault(f"`{path}` is not a folder", "name a folder")
        return found

    def where(self, path: str, *, within: str) -> str:
        """Return the path of a file below the workspace. Raise `Fault`."""
        return self._find(path, within).relative_to(self.root).as_posix()

    def has(self, path: str) -> bool:
        """Say whether something stands at a path, whatever it is."""
        return os.path.lexists(self.root / path)

    def names(self, path: str) -> list[str]:
        """Return the names of the folders in a folder, sorted, without hidden ones."""
        try:
            with os.scandir(self._find(path, "")) as entries:
                return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
        except (OSError, Fault):
            return []

    def _find(self, path: str, within: str) -> Path:
        if path.startswith("/") or ".." in path.split("/"):
            raise Fault(f"`{path}` leaves the folder", "name a path below the workspace, without `..`")
        for base in (within, "") if within else ("",):
            try:
                found = (self.root / base / path).resolve(strict=True)
            except FileNotFoundError:
                continue
            except (OSError, ValueError, RuntimeError) as error:
                raise Fault(f"`{path}` cannot be read: {_reason(error)}", "correct the path") from None
            if not found.is_relative_to(self.root):
                raise Fault(f"`{path}` is a link that leaves the workspace", "put the file itself there")
            return found
        raise Fault(f"`{path}` does not exist", "write it, or correct the path")


def documents(folder: Path) -> frozenset[str]:
    """Return the paths of the files below a folder, without hidden ones and links."""
    paths: set[str] = set()
    for base, folders, files in os.walk(folder, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and len(paths) < MAX_DOCUMENTS:
                paths.add(Path(base, name).relative_to(folder).as_posix())
    return frozenset(paths)


def _reason(error: Exception) -> str:
    return (error.strerror or "") if isinstance(error, OSError) else str(error)
