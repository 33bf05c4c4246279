"""What is known of a snapshot beside its passages: who approved the sources, and when they were read."""

import os
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from proviso.errors import Tampered
from proviso.retrieval import chunks
from proviso.retrieval.sources import Source

_FILE: Final = "lineage.json"


class Approval(Struct, frozen=True):
    """A source's approval as it stood when the snapshot was last built."""

    title: str
    classification: str
    approved_by: str
    approved_on: str


class Approvals(Struct, frozen=True):
    """The approvals by source; outside the digest, because they change without the passages."""

    fetched_at: str
    chunker: str
    sources: dict[str, Approval]


def write_approvals(folder: Path, sources: Sequence[Source], now: datetime) -> None:
    """Replace the snapshot's approvals in one step, durably."""
    approvals = Approvals(
        fetched_at=now.astimezone(UTC).isoformat(),
        chunker=f"chunks/{chunks.REVISION}",
        sources={
            source.name: Approval(source.title, source.classification, source.approved_by, source.approved_on)
            for source in sources
        },
    )
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as file:
        file.write(msgspec.json.encode(approvals))
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(folder / _FILE)
    sync(folder)


def read_approvals(folder: Path) -> Approvals:
    """The snapshot's approvals; raises `Tampered` where the file is damaged."""
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=Approvals)
    except (OSError, msgspec.DecodeError) as error:
        raise Tampered(
            f"the approvals of the snapshot `{folder.name}` cannot be read", fix="run `proviso index`"
        ) from error


def sync(path: Path) -> None:
    """Make a file or a folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
