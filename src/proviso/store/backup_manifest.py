"""What a backup says of itself: each of its files by size and SHA-256, and what is in them."""

import hashlib
import re
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec
from msgspec import Struct

from proviso.errors import Tampered

MANIFEST: Final = "manifest.json"
FORMAT: Final = "proviso.backup/1"

# INVARIANT: nothing else is ever read out of a backup, so a manifest cannot lead anywhere outside of it.
_FILES = re.compile(
    r"control\.db|runs-w(?:0|[1-9]\d{0,2})\.db|spool/[0-9a-f]{1,64}\.(?:spool|damaged)|snapshots(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*){3,6}"
)
_CHUNK = 1_048_576


class File(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of a backup."""

    bytes: int
    sha256: str


class Written(Struct, frozen=True, forbid_unknown_fields=True):
    """How many events of a writer there are, and the sequence of the last."""

    events: int
    last: int


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backup is of, and all that is in it. `at` is when it began: UTC in ISO 8601.

    `schemas` are the versions of its databases, `rows` their rows by database and table.
    """

    format: str = FORMAT
    made_by: str
    engine: str
    at: str
    schemas: dict[str, int]
    writers: dict[str, Written]
    rows: dict[str, dict[str, int]]
    files: dict[str, File]

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.bytes for file in self.files.values())


def belongs(name: str) -> bool:
    """Whether a backup may have a file of that name, a path below its folder."""
    return _FILES.fullmatch(name) is not None and ".." not in PurePosixPath(name).parts


def encode_manifest(manifest: Manifest) -> bytes:
    """Return a manifest as its file has it."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=1) + b"\n"


def read_manifest(folder: Path, digest: str = "") -> Manifest:
    """Read the manifest of a backup; raise `Tampered` for one that is none, or has not that SHA-256."""
    try:
        content = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise Tampered(
            f"`{folder}` is no backup, or only a part of one: it has no `{MANIFEST}`",
            fix="name the folder that `proviso store backup` made",
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if digest and found != digest.lower():
        raise _tampered(folder / MANIFEST, f"its SHA-256 is {found}")
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise _tampered(folder / MANIFEST, f"it cannot be read: {error}") from error
    if manifest.format != FORMAT:
        raise Tampered(
            f"`{folder}` is a backup of the form `{manifest.format[:40]}`, which this version does not know",
            fix="use the version of Proviso that made it, or a newer one",
        )
    _check_names(folder, manifest)
    return manifest


def _check_names(folder: Path, manifest: Manifest) -> None:
    for name in manifest.files:
        if not belongs(name):
            raise _tampered(folder / MANIFEST, f"it names a file `{name[:80]}` that no backup has")
    databases = {name for name in manifest.files if name.endswith(".db")}
    writers = {f"runs-{writer}.db" for writer in manifest.writers}
    if (
        databases != {"control.db", *writers}
        or databases != set(manifest.rows)
        or databases != set(manifest.schemas)
    ):
        raise _tampered(folder / MANIFEST, "its databases are not those of which it tells")


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Raise `Tampered` unless every file is there as the manifest says."""
    for name, file in manifest.files.items():
        verify_file(folder, name, file)


def verify_file(folder: Path, name: str, file: File) -> None:
    """Raise `Tampered` unless a file is as the manifest says."""
    path = folder / name
    try:
        if path.resolve(strict=True) != folder.resolve() / name or not path.is_file():
            raise _tampered(path, "it is a link, or no file")
        found = describe(path)
    except OSError as error:
        raise _tampered(path, error.strerror or str(error)) from error
    if found != file:
        raise _tampered(path, f"it has {found.bytes} bytes and the SHA-256 {found.sha256}")


def describe(path: Path) -> File:
    """Return the size and digest of a file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return File(size, digest.hexdigest())


def _tampered(path: Path, reason: str) -> Tampered:
    return Tampered(
        f"`{path}` is not as the backup was made: {reason}",
        fix="use another backup, or another copy of this one",
    )
