"""Writers' names in PostgreSQL: one process at a time holds a name, by an advisory lock that ends with its session.

The lock says who may take a name; the epoch in `writers` says who may write under it. A session can be lost without
its process knowing, and another process can take the name meanwhile; whoever takes it raises the epoch, and what
was sent under an older one, even long before, is then not written.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Self

from proviso.errors import StoreUnavailable
from proviso.store.postgres import Address, Connection, used

MOST = 256
NAMES = 0x70726F76  # advisory locks of ours: "prov", number of the name
_PATIENCE_S = 2.0  # for the server to notice that our own lost session is gone
_AGAIN_S = 0.1

_LOCK = "SELECT number FROM unnest($2::int[]) AS number WHERE pg_try_advisory_lock($1, number) LIMIT 1"
_TAKE = (
    "INSERT INTO writers(name, epoch, sequence) VALUES($1, 1, 0)"
    " ON CONFLICT(name) DO UPDATE SET epoch = writers.epoch + 1 RETURNING epoch, sequence"
)


class Name:
    """A writer's name, held until `release` or the end of its session. Used in the thread of the database."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._session: Connection | None = None
        self._renewing = asyncio.Lock()
        self.number = -1
        self.epoch = 0
        self.sequence = 0  # of the last event under this name, when it was taken

    @classmethod
    async def take(cls, address: Address, numbers: Sequence[int] = range(MOST)) -> Self | None:
        """Take the first of the names with these numbers that nobody holds; None if there is none."""
        name = cls(address)
        try:
            if await name._lock(numbers):
                await name._raise_epoch()
                return name
        except BaseException:
            name.release()
            raise
        name.release()
        return None

    @property
    def name(self) -> str:
        """The name: w0, w1, …"""
        return f"w{self.number}"

    @property
    def held(self) -> bool:
        """Whether its session is there, as far as this process knows."""
        return self._session is not None and not self._session.is_closed()

    async def renew(self) -> bool:
        """Raise the epoch, so that what is under way is either done by now or never will be.

        If the session was lost the name is taken again, or another if somebody else has taken it. Return whether
        nobody else has written, or may have, under the name since it was taken.
        """
        async with self._renewing:
            number, epoch = self.number, self.epoch
            if not self.held and not await self._again():
                raise too_many(self._address)
            await self._raise_epoch()
            return (self.number, self.epoch) == (number, epoch + 1)

    def release(self) -> None:
        """Let another process have the name."""
        if self._session is not None:
            self._session.terminate()
            self._session = None

    async def _again(self) -> bool:
        """Lock the same name anew, or after a while any that is free."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                while not await self._lock([self.number]):  # noqa: ASYNC110  nobody tells when a session ends
                    await asyncio.sleep(_AGAIN_S)
                return True
        return await self._lock(range(MOST))

    async def _lock(self, numbers: Sequence[int]) -> bool:
        if self._session is None or self._session.is_closed():
            self._session = await self._address.connect()
        with used(self._session, self._address.name):
            number = await self._session.fetchval(_LOCK, NAMES, list(numbers))
        if number is None:
            return False
        self.number = number
        return True

    async def _raise_epoch(self) -> None:
        """Make this holder the only one whose writes count. Waits for one that is being committed."""
        assert self._session is not None
        with used(self._session, self._address.name):
            self.epoch, self.sequence = await self._session.fetchrow(_TAKE, self.name)


def too_many(address: Address) -> StoreUnavailable:
    """Return the error for a store in which every name is taken."""
    return StoreUnavailable(f"{MOST} processes are writing into `{address.name}`", fix="stop some")
