"""Which engine keeps the data: a folder of SQLite files, or a PostgreSQL database."""

from pathlib import Path

from proviso.errors import NotReady
from proviso.store.embedded import EmbeddedStore
from proviso.store.protocol import Store


def open_store(folder: Path, url: str = "") -> Store:
    """Open the store of a workspace: in its folder, or where a `postgresql://` URL says.

    Raises `InvalidSetting` for a URL that cannot be used, `NotReady` where the extra is not installed, `NewerSchema`,
    or `StoreUnavailable`.
    """
    if not url:
        return EmbeddedStore.open(folder)
    try:
        from proviso.store.postgres_store import PostgresStore  # noqa: PLC0415  an extra, and 60 ms to import
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise NotReady(
            "`PROVISO_STORE` names PostgreSQL, and its driver is not installed",
            fix="run `pip install 'proviso[postgres]'`",
        ) from None
    return PostgresStore.open(url)
