"""A store that can be taken away: what all processes share, the record of this one, or both."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from proviso.errors import StoreUnavailable
from proviso.store import Archive, Database, Entry, Journal, Row, Statements, Store, Value


class Switch:
    """What is away at the moment."""

    def __init__(self) -> None:
        self.shared = False
        self.record = False

    @contextmanager
    def off(self, *, record: bool) -> Iterator[None]:
        """Take what is shared away, and with `record` the record too."""
        self.shared, self.record = True, record
        try:
            yield
        finally:
            self.shared = self.record = False


def check(away: bool) -> None:
    if away:
        raise StoreUnavailable("the store is away", fix="wait")


class AwayDatabase:
    """A database that fails while it is away."""

    def __init__(self, database: Database, switch: Switch) -> None:
        self._database = database
        self._switch = switch

    @property
    def name(self) -> str:
        return self._database.name

    def read(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        check(self._switch.shared)
        return self._database.read(sql, values)

    def change(self, sql: str, values: Sequence[Value] = ()) -> int:
        check(self._switch.shared)
        return self._database.change(sql, values)

    @contextmanager
    def transaction(self) -> Iterator[Statements]:
        check(self._switch.shared)
        with self._database.transaction() as statements:
            yield statements

    def on_news(self, wake: Callable[[], object]) -> None:
        self._database.on_news(wake)

    def close(self) -> None:
        self._database.close()


class AwayJournal:
    """A journal that fails while it is away."""

    def __init__(self, journal: Journal, switch: Switch) -> None:
        self._journal = journal
        self._switch = switch

    @property
    def writer(self) -> str:
        return self._journal.writer

    async def append(self, entry: Entry) -> int:
        check(self._switch.record)
        return await self._journal.append(entry)

    def append_now(self, entries: Sequence[Entry]) -> None:
        check(self._switch.record)
        self._journal.append_now(entries)

    def open_runs(self) -> list[bytes]:
        return self._journal.open_runs()

    async def close(self) -> None:
        await self._journal.close()

    def release(self) -> None:
        self._journal.release()


class AwayStore:
    """A store of which parts can be taken away."""

    def __init__(self, store: Store, switch: Switch) -> None:
        self._store = store
        self._switch = switch
        self.database: Database = AwayDatabase(store.database, switch)

    def journal(self) -> Journal:
        return AwayJournal(self._store.journal(), self._switch)

    def abandoned(self) -> Iterator[Journal]:
        return self._store.abandoned()

    def archive(self) -> Archive:
        check(self._switch.record)
        return self._store.archive()

    def close(self) -> None:
        self._store.close()
