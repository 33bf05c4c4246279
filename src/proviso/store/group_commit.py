"""Many entries share one commit: they gather while one is under way, and go into the next together.

Both engines' journals stand on it; each says how a batch becomes durable.
"""

import asyncio
from abc import ABC, abstractmethod
from asyncio import AbstractEventLoop

from msgspec import Struct

from proviso.errors import StoreUnavailable
from proviso.store.entry import Entry

_LARGEST = 512  # entries in one commit: bounds how long the loop is busy writing rows


class Batch(Struct, eq=False):
    """What one commit makes durable, and who waits for it. `first` is the sequence of its first entry."""

    entries: list[Entry]
    waiting: list[asyncio.Future[int]]
    first: int


class GroupCommit(ABC):
    """Gathers what one writer appends. Used from one event loop at a time; `_durable` is the last sequence kept."""

    def __init__(self, durable: int) -> None:
        self._durable = durable
        self._gathered: list[tuple[Entry, asyncio.Future[int]]] = []
        self._flying: Batch | None = None
        self._loop: AbstractEventLoop | None = None
        self._scheduled = False
        self._drained: asyncio.Future[None] | None = None
        self._closed = False

    async def append(self, entry: Entry) -> int:
        """Return the entry's sequence once it is durable.

        Order is kept. A caller that is cancelled while it waits leaves its entry in place: it becomes durable
        once. Raises `StoreUnavailable` if the commit fails; then nothing of the batch is kept, and the next
        append tries anew.
        """
        if self._closed:
            raise StoreUnavailable("the journal is closed", fix="ask again when the server is up")
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._adopt(loop)
        durable: asyncio.Future[int] = loop.create_future()
        self._gathered.append((entry, durable))
        self._schedule(loop)
        return await durable

    async def close(self) -> None:
        """Make durable what has been appended, then let go of the name."""
        self._closed = True
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._adopt(loop)
        while self._gathered or self._flying is not None:
            self._schedule(loop)
            if self._drained is None:
                self._drained = loop.create_future()
            await asyncio.shield(self._drained)
        self.release()

    # --- what an engine does ----------------------------------------------------------------------

    @abstractmethod
    def release(self) -> None:
        """Close without a loop; harmless if said twice."""

    @abstractmethod
    def _begin(self, loop: AbstractEventLoop, batch: Batch) -> None:
        """Begin to make a batch durable; `_landed` is to be called in the loop when that is decided."""

    @abstractmethod
    def _take_over(self, loop: AbstractEventLoop, batch: Batch) -> None:
        """See to a batch that another loop has begun, which has ended."""

    @abstractmethod
    def _refusal(self, failure: Exception) -> StoreUnavailable:
        """Return what those are told whose batch has failed."""

    # --- gathering --------------------------------------------------------------------------------

    def _in_use(self) -> bool:
        return self._flying is not None or bool(self._gathered)

    def _schedule(self, loop: AbstractEventLoop) -> None:
        if self._flying is None and not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._flush, loop)  # at the end of this tick: its other appends come along

    def _adopt(self, loop: AbstractEventLoop) -> None:
        """Go on in another event loop, after the first has ended: finish what that one left behind."""
        if self._loop is not None and not self._loop.is_closed():
            raise StoreUnavailable("another event loop uses this journal", fix="open one for each loop")
        self._loop, self._scheduled, self._drained = loop, False, None
        self._gathered = [(entry, loop.create_future()) for entry, _ in self._gathered]
        if self._flying is not None:
            self._take_over(loop, self._flying)

    def _flush(self, loop: AbstractEventLoop) -> None:
        self._scheduled = False
        taken, self._gathered = self._gathered[:_LARGEST], self._gathered[_LARGEST:]
        batch = Batch([e for e, _ in taken], [w for _, w in taken], self._durable + 1)
        self._flying = batch
        self._begin(loop, batch)

    def _landed(self, batch: Batch, failure: Exception | None) -> None:
        if self._flying is not batch or self._loop is None:
            return  # another loop has settled it
        self._settle(batch, failure)
        if self._gathered:
            self._flush(self._loop)
        elif self._drained is not None:
            self._drained.set_result(None)
            self._drained = None

    def _settle(self, batch: Batch, failure: Exception | None) -> None:
        """Tell those who wait. A failed batch gives its sequences back."""
        self._flying = None
        for number, durable in enumerate(batch.waiting, batch.first):
            if durable.done() or durable.get_loop().is_closed():
                continue  # its caller has gone
            if failure is None:
                durable.set_result(number)
            else:
                durable.set_exception(self._refusal(failure))
