"""The shared database in PostgreSQL, for callers that wait: its connections live in a thread of their own."""

import asyncio
import contextlib
import re
from collections.abc import Callable, Coroutine, Iterator, Sequence
from decimal import Decimal
from typing import Any, Self, TypeVar

from proviso.errors import StoreUnavailable
from proviso.store.loop_thread import LoopThread
from proviso.store.postgres import STATEMENT_S, Address, Connection, ConnectionLost, Pool, said, used
from proviso.store.postgres_news import Listener
from proviso.store.postgres_schema import migrate
from proviso.store.protocol import Row, Statements, Value

T = TypeVar("T")

_CONNECTIONS = 4
_MIGRATE_S = 600.0

# Transactions of all processes hold this lock (of ours: "prov", 2), one at a time. Single changes share it.
_ORDER = 0x70726F76_00000002
_BEGIN = f"BEGIN; SELECT pg_advisory_xact_lock({_ORDER})"
_BEGIN_ONE = f"BEGIN; SELECT pg_advisory_xact_lock_shared({_ORDER})"

_QUOTED_OR_PLACE = re.compile(r"""'[^']*'|"[^"]*"|\?""")


class PostgresDatabase:
    """A `Database` in PostgreSQL. Changes of this process go one after the other, on one connection."""

    def __init__(self, address: Address, thread: LoopThread) -> None:
        """Use a database that has been migrated."""
        self.thread = thread
        self.address = address
        self._pool = Pool(address, _CONNECTIONS)
        self._changing = asyncio.Lock()
        self._listener = Listener(address, thread)
        self._numbered: dict[str, str] = {}

    @classmethod
    def open(cls, address: Address) -> Self:
        """Open a database, migrated if need be."""
        thread = LoopThread("postgres")
        try:
            thread.call(migrate(address), _MIGRATE_S)
            return cls(address, thread)
        except BaseException:
            thread.close()
            raise

    @property
    def name(self) -> str:
        """The URL without its password."""
        return self.address.name

    def read(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """Return all rows of a statement."""
        if sql.startswith("SELECT"):
            return _plain(self.call(self._select(self.numbered(sql), values)))
        return _plain(self.call(self._alone("fetch", sql, values)))

    def change(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Run a statement, its own transaction; return how many rows it changed."""
        return _count(self.call(self._alone("execute", sql, values)))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Statements]:
        """Run statements as one; other transactions wait, also those of other processes.

        Where a statement fails, the whole of it is undone, even if the caller goes on.
        """
        connection = self.call(self._begin())
        try:
            yield _Within(self, connection)
        except BaseException:
            with contextlib.suppress(StoreUnavailable):  # what was not committed will not be
                self.call(self._end(connection))
            raise
        self.call(self._commit(connection))

    def on_news(self, wake: Callable[[], object]) -> None:
        """Call `wake` when somebody has published news, and when that could have gone unheard."""
        self._listener.add(wake)

    def close(self) -> None:
        """Close the connections, and end the thread."""
        with contextlib.suppress(StoreUnavailable):  # it has been closed before
            self.thread.call(self._close(), STATEMENT_S)
        self.thread.close()

    # --- for the rest of this engine ----------------------------------------------------------------

    def call(self, coroutine: Coroutine[Any, Any, T], within_s: float = STATEMENT_S) -> T:
        """Run a coroutine in the thread, within a time; raise `StoreUnavailable`."""
        try:
            return self.thread.call(coroutine, within_s)
        except TimeoutError as error:
            raise said(self.name, error) from error

    def in_thread(self, do: Callable[[], None]) -> None:
        """Do something in the thread, unless it has ended."""

        async def run() -> None:
            do()

        with contextlib.suppress(StoreUnavailable):
            self.call(run())

    async def fetch(self, sql: str, values: Sequence[Value]) -> list[Row]:
        """Return all rows of a statement, in the thread; its places are numbered already."""
        return _plain(await self._select(sql, values))

    def numbered(self, sql: str) -> str:
        """Return SQL with its `?` numbered, as this engine wants them."""
        known = self._numbered.get(sql)
        if known is None:
            known = _numbered(sql)
            if len(self._numbered) < 1_000:  # statements are written in the code; this only bounds a mistake
                self._numbered[sql] = known
        return known

    # --- in the thread ------------------------------------------------------------------------------

    async def _select(self, sql: str, values: Sequence[Value]) -> list[Any]:
        try:
            return await self._select_once(sql, values)
        except ConnectionLost:  # it has changed nothing, so it may be asked again
            return await self._select_once(sql, values)

    async def _select_once(self, sql: str, values: Sequence[Value]) -> list[Any]:
        async with self._pool.connection() as connection:
            rows: list[Any] = await connection.fetch(sql, *values)
            return rows

    async def _alone(self, how: str, sql: str, values: Sequence[Value]) -> Any:
        async with self._changing:
            try:
                return await self._change_once(how, sql, values)
            except _NotSent:
                return await self._change_once(how, sql, values)

    async def _change_once(self, how: str, sql: str, values: Sequence[Value]) -> Any:
        async with self._pool.connection() as connection:
            try:
                with used(connection, self.name):
                    await connection.execute(_BEGIN_ONE)
                    found = await getattr(connection, how)(self.numbered(sql), *values)
            except ConnectionLost as error:
                # INVARIANT: nothing was committed, so doing it again cannot do it twice.
                raise _NotSent(error.message, fix=error.fix) from error
            await self._commit_on(connection)
            return found

    async def _begin(self) -> Connection:
        await self._changing.acquire()
        try:
            connection = await self._pool.take()
            try:
                with used(connection, self.name):
                    await connection.execute(_BEGIN)
            except BaseException:
                await self._pool.give_back(connection)
                raise
        except BaseException:
            self._changing.release()
            raise
        return connection

    async def _commit(self, connection: Connection) -> None:
        try:
            await self._commit_on(connection)
        finally:
            await self._end(connection)

    async def _end(self, connection: Connection) -> None:
        """Give a transaction's connection back; what it has not committed is undone."""
        try:
            await self._pool.give_back(connection)
        finally:
            self._changing.release()

    async def _commit_on(self, connection: Connection) -> None:
        try:
            with used(connection, self.name):
                done = await connection.execute("COMMIT")
        except ConnectionLost as error:
            raise self._in_doubt() from error
        except asyncio.CancelledError as error:  # no answer in time
            raise self._in_doubt() from error
        if done != "COMMIT":
            what = "a statement of the transaction had failed, so it was undone"
            raise StoreUnavailable(what, fix="see the first error")

    def _in_doubt(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"the connection to `{self.name}` was lost while a change was committed: whether it was, is not known",
            fix="look before you do it again",
        )

    async def _close(self) -> None:
        self._listener.stop()
        self._pool.close()


class _NotSent(ConnectionLost):
    """The connection broke before anything was to be committed."""


class _Within:
    """The statements of a transaction under way."""

    def __init__(self, database: PostgresDatabase, connection: Connection) -> None:
        self._database = database
        self._connection = connection

    def read(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """Return all rows of a statement."""
        return _plain(self._database.call(self._run("fetch", sql, values)))

    def change(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Run a statement; return how many rows it changed."""
        return _count(self._database.call(self._run("execute", sql, values)))

    async def _run(self, how: str, sql: str, values: Sequence[Value]) -> Any:
        with used(self._connection, self._database.name):
            return await getattr(self._connection, how)(self._database.numbered(sql), *values)


def _numbered(sql: str) -> str:
    parts, number, at = [], 0, 0
    for found in _QUOTED_OR_PLACE.finditer(sql):
        if found.group() == "?":
            number += 1
            parts += [sql[at : found.start()], f"${number}"]
            at = found.end()
    return "".join([*parts, sql[at:]])


def _plain(rows: Sequence[Any]) -> list[Row]:
    """Return rows as the other engine gives them: a sum of whole numbers, which here is a decimal, is one."""
    return [tuple(int(value) if type(value) is Decimal else value for value in row) for row in rows]


def _count(status: str) -> int:
    """Return the number of rows from the server's word, such as `UPDATE 3`."""
    last = status.rpartition(" ")[2]
    return int(last) if last.isdecimal() else -1
