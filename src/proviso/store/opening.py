"""Which engine keeps the data: a folder of SQLite files, or a PostgreSQL database."""

from pathlib import Path

from proviso.store.embedded import EmbeddedStore
from proviso.store.protocol import Store


def open_store(folder: Path) -> Store:
    """Open the store of a workspace."""
    return EmbeddedStore.open(folder)
