"""Sources → passages: extraction, chunks, snapshots, the search index."""

from typing import Final

from proviso.retrieval.documents import extract
from proviso.retrieval.freshness import is_stale
from proviso.retrieval.index import Found, Index, Lineage, Query
from proviso.retrieval.isolation import IsolatedReader
from proviso.retrieval.memory import MemoryIndex
from proviso.retrieval.snapshot import Built, build_snapshot
from proviso.retrieval.sources import Source
from proviso.retrieval.text_index import TextIndex, open_index

REVISION: Final = 2
"""Raised whenever this room would find other passages for the same question in the same snapshot."""

__all__ = [
    "REVISION",
    "Built",
    "Found",
    "Index",
    "IsolatedReader",
    "Lineage",
    "MemoryIndex",
    "Query",
    "Source",
    "TextIndex",
    "build_snapshot",
    "extract",
    "is_stale",
    "open_index",
]
