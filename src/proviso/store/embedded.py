"""The embedded store: a folder with `control.db` for all and `runs-<writer>.db` for each that writes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

from proviso.store.archive import SqliteArchive
from proviso.store.database import SqliteDatabase
from proviso.store.journal import SqliteJournal
from proviso.store.slots import dead_slots


class EmbeddedStore:
    """A `Store` in a folder of SQLite files, shared by the processes of one machine."""

    def __init__(self, folder: Path, database: SqliteDatabase) -> None:
        self.folder = folder
        self.database = database

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the folder, made and migrated if need be."""
        return cls(folder, SqliteDatabase.open(folder))

    def journal(self) -> SqliteJournal:
        """Take the first free writer's name, and write under it."""
        return SqliteJournal.open(self.folder)

    def abandoned(self) -> Iterator[SqliteJournal]:
        """Take, one after the other, the journals whose writers have ended. The caller releases each."""
        for slot in dead_slots(self.folder):
            try:
                journal = SqliteJournal(slot)
            except BaseException:
                slot.release()
                raise
            yield journal

    def archive(self) -> SqliteArchive:
        """Open what all have written, for reading."""
        return SqliteArchive(self.folder)

    def close(self) -> None:
        """Close the shared database."""
        self.database.close()
