"""Approved sources: the documents in their folders, listed and read without leaving them."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from unicodedata import normalize

from msgspec import Struct

from proviso.errors import UnreadableSource

MAX_BYTES: Final = 50 * 1024 * 1024


class Source(Struct, frozen=True):
    """A folder of documents with an owner's approval; `superseded` maps an old document to its replacement.

    `folder` is absolute; `approved_on` is an ISO date; without `approved_by` the source is not indexed.
    """

    name: str
    folder: Path
    title: str
    classification: str
    readers: tuple[str, ...]
    approved_by: str
    approved_on: str
    superseded: Mapping[str, str]


class Listed(Struct, frozen=True):
    """A file that is there to be read: `document` is its path below the folder, with `/` and in NFC."""

    document: str
    path: Path
    problem: str = ""


def list_documents(folder: Path) -> list[Listed]:
    """Every file below the folder in the order of their names; hidden ones (`.`, `~$`) are none.

    What must not be read (links out of the folder, linked folders) is listed with its problem.
    """
    root = folder.resolve()
    if not root.is_dir():
        return [Listed("", folder, "the folder does not exist")]
    return sorted(_walk(root, root), key=lambda listed: listed.document)


def _walk(folder: Path, root: Path) -> Iterator[Listed]:
    pending = [folder]
    while pending:
        here = pending.pop()
        try:
            with os.scandir(here) as entries:
                found = [entry for entry in entries if not entry.name.startswith((".", "~$"))]
        except OSError as error:
            yield Listed(_name(here, root), here, f"the folder cannot be read: {error.strerror}")
            continue
        for entry in found:
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                pending.append(path)
            else:
                yield Listed(_name(path, root), path, _problem(path, root, linked=entry.is_symlink()))


def _name(path: Path, root: Path) -> str:
    name = path.relative_to(root).as_posix()
    return normalize("NFC", name.encode("utf-8", "replace").decode())


def _problem(path: Path, root: Path, *, linked: bool) -> str:
    if not linked:
        return ""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return "the link leads nowhere"
    if not target.is_relative_to(root):
        return "the link leaves the source's folder"
    return "linked folders are not followed" if target.is_dir() else ""


def read_bytes(path: Path) -> bytes:
    """The bytes of a regular file of at most `MAX_BYTES`.

    Raises `UnreadableSource`; a device or a pipe is refused without waiting for it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UnreadableSource("it is not a regular file", fix="put a document there")
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UnreadableSource(
            f"it cannot be opened: {error.strerror}", fix="check its permissions"
        ) from error
    if len(content) > MAX_BYTES:
        raise UnreadableSource(f"it is over {MAX_BYTES // 1024**2} MB", fix="split it")
    return content
