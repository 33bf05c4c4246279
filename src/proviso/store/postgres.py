"""A connection to PostgreSQL as this house wants it: durable commits, bounded waits, errors of our own tree.

With `postgres_journal`, the only module that knows asyncpg. What is said of an error never has a password in it.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import TypeAlias
from urllib.parse import SplitResult, parse_qs, urlsplit

import asyncpg

from proviso.errors import StoreUnavailable
from proviso.settings import InvalidSetting

Connection: TypeAlias = asyncpg.Connection

CONNECT_S = 4.0
STATEMENT_S = 5.0  # how long anything may wait for the server
_OLDEST = 140_000  # PostgreSQL 14

_SESSION = {
    "application_name": "proviso",
    "search_path": "proviso",
    "timezone": "UTC",
    "jit": "off",  # statements are small; compiling one takes longer than running it
    "statement_timeout": "4500",  # before the client gives up, so that the server says what it was
    # A process that is stopped inside a transaction may not hold up all others.
    "idle_in_transaction_session_timeout": "5000",
    # The session of a machine that has vanished ends within half a minute, and with it what it holds.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}

_DURABLE = {"on", "remote_apply"}


class ConnectionLost(StoreUnavailable):
    """The connection broke: what was under way may have been done, or not."""


class Address:
    """Where a database is. `name` is for people: it has no password."""

    def __init__(self, url: str) -> None:
        """Read a URL; raise `InvalidSetting`."""
        self._url = url
        self.name = _name(url)

    async def connect(self, *, patient: bool = False) -> Connection:
        """Open a connection whose commits are durable; raise `StoreUnavailable`.

        `patient`: statements may take as long as they need, as those that change tables do.
        """
        session = _SESSION | {"statement_timeout": "0"} if patient else _SESSION
        with translated(self.name):
            async with asyncio.timeout(CONNECT_S):
                connection = await asyncpg.connect(
                    self._url,
                    timeout=CONNECT_S,
                    command_timeout=None if patient else STATEMENT_S,
                    server_settings=session,
                )
                try:
                    await self._prepare(connection)
                except BaseException:
                    connection.terminate()
                    raise
                asyncio.get_running_loop().create_task(_close_with_loop(connection))
                return connection

    async def _prepare(self, connection: Connection) -> None:
        if connection.get_server_version()[0] * 10_000 < _OLDEST:
            raise StoreUnavailable(
                f"`{self.name}` is PostgreSQL {connection.get_server_version()[0]}",
                fix=f"use PostgreSQL {_OLDEST // 10_000} or newer",
            )
        if await connection.fetchval("SHOW synchronous_commit") not in _DURABLE:
            await connection.execute("SET synchronous_commit = on")


async def _close_with_loop(connection: Connection) -> None:
    """Wait for the end of a connection, or of its loop: that cancels this, and nobody else would close it."""
    closed = asyncio.Event()
    connection.add_termination_listener(lambda _: closed.set())
    try:
        await closed.wait()
    finally:
        connection.terminate()


@contextlib.contextmanager
def used(connection: Connection, name: str) -> Iterator[None]:
    """Run statements: errors come out as our own, and a connection that may be out of step is closed."""
    with translated(name):
        try:
            yield
        except asyncpg.PostgresError:  # the server has said so: what it has not done is clear
            raise
        except BaseException:
            connection.terminate()
            raise


@contextlib.contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn what asyncpg or the network says into `StoreUnavailable` or `InvalidSetting`."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        raise said(name, error) from error
    except (UnicodeEncodeError, OverflowError) as error:
        raise _no_value(name) from error


def said(name: str, error: BaseException) -> StoreUnavailable | InvalidSetting:
    """Return the error of our own for one of theirs."""
    for kinds, what, fix in _WORDS:
        if isinstance(error, kinds):
            return StoreUnavailable(f"`{name}` {what}", fix=fix)
    if isinstance(error, asyncpg.ClientConfigurationError):
        return InvalidSetting("`PROVISO_STORE` has an option that PostgreSQL does not know", fix=_FORM)
    if isinstance(error, asyncpg.DataError):
        return _no_value(name)
    if isinstance(error, _LOST):
        return ConnectionLost(f"the connection to `{name}` was lost", fix="ask again; it is opened anew")
    if isinstance(error, asyncpg.PostgresError):
        reason = str(error.args[0]) if error.args else type(error).__name__
        return StoreUnavailable(f"`{name}` refused: {reason}", fix="see the log of PostgreSQL")
    return StoreUnavailable(f"`{name}` cannot be used: {error}", fix="see the log of PostgreSQL")


def _no_value(name: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"`{name}` cannot keep a value: too large a number, or no valid text", fix="correct what sends it"
    )


_FORM = "write it as `postgresql://user:password@host:5432/database`"
_TIME = (TimeoutError, asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError)
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
    OSError,
)
# The first that fits is said.
_WORDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str, str], ...] = (
    (
        (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError),
        "does not let this user in with this password",
        "correct the user and the password of `PROVISO_STORE`",
    ),
    (
        asyncpg.InvalidCatalogNameError,
        "is no database of that server",
        "make it with `createdb`, or correct the name in `PROVISO_STORE`",
    ),
    (
        asyncpg.TooManyConnectionsError,
        "has no connection left",
        "raise `max_connections` of PostgreSQL, or run fewer workers",
    ),
    (asyncpg.CannotConnectNowError, "is starting up or shutting down", "wait until it is up"),
    (
        asyncpg.ReadOnlySQLTransactionError,
        "takes no changes: it is a standby, or read-only",
        "name the primary server in `PROVISO_STORE`",
    ),
    (
        asyncpg.InsufficientPrivilegeError,
        "does not allow this user to keep tables",
        "let its owner run `CREATE SCHEMA proviso AUTHORIZATION <user>`",
    ),
    (asyncpg.DiskFullError, "has no room left on its disk", "make room for PostgreSQL"),
    (socket.gaierror, "has a host that is not known here", "correct the host in `PROVISO_STORE`"),
    (
        (ConnectionRefusedError, FileNotFoundError),
        "is not reached: no server listens there",
        "start PostgreSQL, or correct the host and the port in `PROVISO_STORE`",
    ),
    (ssl.SSLError, "cannot be trusted: TLS failed", "correct `sslmode` and `sslrootcert` in `PROVISO_STORE`"),
    (_TIME, f"did not answer within {STATEMENT_S:.0f} s", "see what holds PostgreSQL up"),
)


def _name(url: str) -> str:
    """Return what may be said of a URL; raise `InvalidSetting` if it cannot be read without a doubt."""
    try:
        parts = urlsplit(url)
        for host in parts.netloc.rpartition("@")[2].split(","):
            _ = urlsplit(f"//{host}").port
    except ValueError:
        raise _unreadable() from None
    # A password with `/`, `?`, `#` or `@` as they are would end up where it is taken for something else, and said.
    if parts.scheme not in ("postgresql", "postgres") or "@" in parts.path + parts.query:
        raise _unreadable()
    if parts.fragment or parts.netloc.count("@") > 1 or not parts.path.strip("/"):
        raise _unreadable()
    host = parts.netloc.rpartition("@")[2] or parse_qs(parts.query).get("host", [""])[0]
    return f"postgresql://{_user(parts)}{host}{parts.path}"


def _user(parts: SplitResult) -> str:
    return f"{parts.username}@" if parts.username else ""


def _unreadable() -> InvalidSetting:
    what = "`PROVISO_STORE` is no URL of a PostgreSQL database"
    return InvalidSetting(what, fix=f"{_FORM}; percent-encode what is not a letter or digit of the password")


class Pool:
    """A few connections, opened when needed and anew after they broke. Used from one event loop."""

    def __init__(self, address: Address, size: int) -> None:
        self._address = address
        self._free = asyncio.Semaphore(size)
        self._idle: list[tuple[Connection, float]] = []

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection that has just been seen to work; errors come out as our own."""
        connection = await self.take()
        try:
            with used(connection, self._address.name):
                yield connection
        finally:
            await self.give_back(connection)

    async def take(self) -> Connection:
        """Lend a connection until `give_back`."""
        await self._free.acquire()
        try:
            while self._idle:
                connection, since = self._idle.pop()
                if await _works(connection, since):
                    return connection
            return await self._address.connect()
        except BaseException:
            self._free.release()
            raise

    async def give_back(self, connection: Connection) -> None:
        """Take a connection back. One that is in the middle of something is undone, or closed."""
        try:
            if not connection.is_closed() and connection.is_in_transaction():
                await _undo(connection)
        finally:
            if not connection.is_closed():
                self._idle.append((connection, asyncio.get_running_loop().time()))
            self._free.release()

    def close(self) -> None:
        """Close those that are idle."""
        for connection, _ in self._idle:
            connection.terminate()
        self._idle.clear()


_TRUSTED_S = 1.0  # a connection idle for longer is asked before it is used


async def _works(connection: Connection, since: float) -> bool:
    """Whether a connection that was idle can be used. A change is never sent down one that may be dead."""
    if connection.is_closed():
        return False
    if asyncio.get_running_loop().time() - since < _TRUSTED_S:
        return True
    try:
        async with asyncio.timeout(_TRUSTED_S):
            await connection.execute("SELECT 1")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        connection.terminate()
        return False
    except BaseException:
        connection.terminate()
        raise
    return True


async def _undo(connection: Connection) -> None:
    try:
        async with asyncio.timeout(_TRUSTED_S):
            await connection.execute("ROLLBACK")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        connection.terminate()
    except BaseException:
        connection.terminate()
        raise
