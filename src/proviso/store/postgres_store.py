"""A store in one PostgreSQL database, shared by the processes of any number of machines."""

from typing import Self

from proviso.store.postgres import Address
from proviso.store.postgres_database import PostgresDatabase


class PostgresStore:
    """A `Store` in PostgreSQL."""

    def __init__(self, database: PostgresDatabase) -> None:
        self.database = database

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the database, migrated if need be; raise `InvalidSetting`, `NewerSchema` or `StoreUnavailable`."""
        return cls(PostgresDatabase.open(Address(url)))

    def close(self) -> None:
        """Close the shared database."""
        self.database.close()
