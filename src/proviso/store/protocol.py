"""The seams of the store: one database for what all processes share, one journal for each that writes.

Both engines stand behind them, and one suite holds both to the same behaviour (`tests/store`).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from msgspec import Struct

from proviso.store.entry import Amounts, Entry

Value = int | str | bytes | None
Row = tuple[Any, ...]


class Statements(Protocol):
    """Where SQL is run. `?` stands for a value; what is written must be understood by both engines:
    `ON CONFLICT`, `RETURNING` and `CAST(? AS BIGINT)` are, functions of dates and JSON are not.

    Every call waits for the database: on an event loop call it in a thread. Raises `StoreUnavailable`.
    """

    def read(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """Return all rows of a statement, `SELECT` or one with `RETURNING`."""
        ...

    def change(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Run a statement; return how many rows it changed."""
        ...


class Database(Statements, Protocol):
    """The shared database. A statement outside a transaction is durable on return. Safe to use from several threads."""

    @property
    def name(self) -> str:
        """Where it is, for messages: without a password."""
        ...

    def transaction(self) -> AbstractContextManager[Statements]:
        """Run statements as one: durable when the block ends, undone if it raises.

        Transactions of all processes run one after the other, so what one reads no other changes before it ends:
        keep them short, and read outside of them where that is enough. Not to be nested. A statement that fails
        ends it, even if the caller goes on. Where the connection is lost in the commit, the error says so: the
        changes were made, or not.
        """
        ...

    def on_news(self, wake: Callable[[], object]) -> None:
        """Call `wake` from any thread as soon as somebody has published news, where the engine can tell."""
        ...

    def close(self) -> None:
        """Close it. Nothing is pending."""
        ...


class Journal(Protocol):
    """The one writer of a name: `append` returns when its entry is durable, and many share one commit."""

    @property
    def writer(self) -> str:
        """The name under which this process writes: w0, w1, … It may change where a lost session cost the old one."""
        ...

    async def append(self, entry: Entry) -> int:
        """Return the entry's sequence once it is durable.

        Order is kept. A caller that is cancelled while it waits leaves its entry in place: it becomes durable
        once. Raises `StoreUnavailable` if the commit fails; then nothing of the batch is kept, and the next
        append tries anew. Only where a server was lost in the commit, and stays away, is that not known; the error
        says so, and what comes next finds out.
        """
        ...

    def append_now(self, entries: Sequence[Entry]) -> None:
        """Make entries durable before returning, without a loop; only while nothing else is appended."""
        ...

    def open_runs(self) -> list[bytes]:
        """Return the bodies of the events by which runs started that have not ended, in their order."""
        ...

    async def close(self) -> None:
        """Make durable what has been appended, then let go of the name."""
        ...

    def release(self) -> None:
        """Close without a loop. What is being committed is waited for; harmless if said twice."""
        ...


class Stored(Struct, frozen=True):
    """An event as it stands in the store, and its place there. `at`: UTC microseconds since the epoch."""

    writer: str
    sequence: int
    at: int
    kind: str
    app: str
    run: str
    body: bytes
    payload: bytes | None


class Rollup(Struct, frozen=True):
    """One cell of one minute of one writer, with its histogram of durations: bucket → requests."""

    minute: int
    labels: str
    amounts: Amounts
    buckets: dict[int, int]


class Archive(Protocol):
    """What all writers have written, read while they write. Calls wait; safe to use from several threads."""

    def events_of(self, run: str) -> list[Stored]:
        """Return the events of a run, in their order; none for a run that is unknown."""
        ...

    def finished(self, most: int, app: str = "") -> list[Stored]:
        """Return the last runs that finished, of one app or of all, the newest first."""
        ...

    def ended(self, writer: str, first: int, last: int, *, after: int, most: int) -> list[tuple[int, bytes]]:
        """Return a writer's runs that ended or became gaps, dated from `first` to before `last`: sequence and event.

        At most `most` of them, with sequences above `after`, in order: ask again after the last one.
        """
        ...

    def rollups(self, first: int, last: int) -> list[Rollup]:
        """Return the cells of the minutes from `first` to `last`, both included; each writer has its own."""
        ...

    def close(self) -> None:
        """Let go of what it holds open."""
        ...


class Store(Protocol):
    """Everything that one process keeps: open one a process, with `open_store`, and close it last."""

    @property
    def database(self) -> Database:
        """What all processes share."""
        ...

    def journal(self) -> Journal:
        """Take the first free writer's name, and write under it."""
        ...

    def abandoned(self) -> Iterator[Journal]:
        """Take, one after the other, the journals whose writers have ended. The caller releases each."""
        ...

    def archive(self) -> Archive:
        """Open what all have written, for reading."""
        ...

    def close(self) -> None:
        """Close the shared database; journals and archives are closed by whoever opened them."""
        ...
