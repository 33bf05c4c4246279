"""Whether a snapshot is of today's documents: by their bytes, without extracting anything."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from proviso.errors import NotReady, UnreadableSource
from proviso.retrieval.sources import Source, list_documents, read_bytes
from proviso.retrieval.text_index import open_index


def is_stale(sources: Sequence[Source], into: Path, digest: str) -> bool:
    """Return whether a build would see other documents than the snapshot's: new ones, changed ones, fewer.

    A document that could not be indexed is not in the snapshot; it counts as new only if it came after the build.
    """
    try:
        index = open_index(into, digest)
    except NotReady:
        return True
    try:
        known, built = index.versions(), index.built_at()
    finally:
        index.close()
    for source in sources:
        for listed in list_documents(source.folder) if source.approved_by else ():
            version = known.get((source.name, listed.document))
            if listed.problem or listed.document in source.superseded:
                continue  # one that is indexed all the same stays in `known`
            known.pop((source.name, listed.document), None)
            if version is None:
                if listed.path.stat().st_mtime > built:
                    return True
            elif version != _digest(listed.path):
                return True
    return bool(known)  # what is left has gone, or its source is no longer approved


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest()
    except UnreadableSource:
        return ""
