"""A store in one PostgreSQL database, shared by the processes of any number of machines."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Self

from proviso.errors import ProvisoError
from proviso.store.postgres import Address
from proviso.store.postgres_archive import PostgresArchive
from proviso.store.postgres_database import PostgresDatabase
from proviso.store.postgres_journal import PostgresJournal
from proviso.store.postgres_names import Name, too_many
from proviso.store.postgres_schema import keep_partitions

_UPKEEP_S = 3_600.0


class PostgresStore:
    """A `Store` in PostgreSQL."""

    def __init__(self, database: PostgresDatabase) -> None:
        self.database = database
        self._upkeep = database.thread.start(_keep_up(database.address))

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the database, migrated if need be; raise `InvalidSetting`, `NewerSchema` or `StoreUnavailable`."""
        return cls(PostgresDatabase.open(Address(url)))

    def journal(self) -> PostgresJournal:
        """Take the first free writer's name, and write under it."""
        name = self.database.call(Name.take(self.database.address))
        if name is None:
            raise too_many(self.database.address)
        return PostgresJournal(self.database, name)

    def abandoned(self) -> Iterator[PostgresJournal]:
        """Take, one after the other, the journals whose writers have ended and left runs open.

        The caller releases each.
        """
        for (writer,) in self.database.read("SELECT DISTINCT writer FROM open_runs ORDER BY writer"):
            name = self.database.call(Name.take(self.database.address, [int(writer[1:])]))
            if name is not None:
                yield PostgresJournal(self.database, name)

    def archive(self) -> PostgresArchive:
        """Open what all have written, for reading."""
        return PostgresArchive(self.database)

    def close(self) -> None:
        """Close the shared database."""
        self.database.close()


async def _keep_up(address: Address) -> None:
    """Keep partitions ahead of time for as long as the store is open."""
    while True:
        await asyncio.sleep(_UPKEEP_S)
        with contextlib.suppress(ProvisoError):  # a server that is away has other ways to be noticed
            connection = await address.connect(patient=True)
            try:
                await keep_partitions(connection, address.name)
            finally:
                connection.terminate()
