"""A journal that goes on while the store is away: entries that may wait are spooled, and replayed when it is back."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from proviso.errors import ProvisoError, StoreUnavailable
from proviso.store.entry import Entry
from proviso.store.protocol import Archive, Journal
from proviso.store.spool import Spool

_RETRY_S = 1.0


class SpoolingJournal:
    """A `Journal` in front of another. Entries that say `may_spool` survive while the other one is away."""

    def __init__(self, journal: Journal, spool: Spool, archive: Callable[[], Archive]) -> None:
        self._journal = journal
        self._spool = spool
        self._archive = archive
        self._away = False
        self._kept: set[str] = set()  # the runs of which the spool has something
        self._replaying: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._log = logging.getLogger("proviso.store")

    @property
    def writer(self) -> str:
        """The name under which this process writes."""
        return self._journal.writer

    async def append(self, entry: Entry) -> int:
        """Return the entry's sequence once it is durable in the store, or 0 once it is durable in the spool."""
        # A run's end must not overtake its start: replaying has looked for the end before it writes the start.
        if entry.may_spool and (self._away or entry.run in self._kept):
            return await self._keep(entry)
        try:
            return await self._journal.append(entry)
        except StoreUnavailable:
            if not entry.may_spool:
                raise
            return await self._keep(entry)

    def start(self) -> None:
        """Begin to replay what processes left that have ended; call it on the event loop."""
        if self._replaying is None or self._replaying.done():
            self._replaying = asyncio.create_task(self._replay_when_back())

    async def replay(self) -> int:
        """Write everything that was spooled into the store; return how many entries it lacked.

        Raises `StoreUnavailable`: then what is left stays spooled.
        """
        async with self._one_at_a_time:
            archive = self._archive()
            try:
                count = await self._drain(archive)
                self._away = False
                count += await self._drain(archive)  # what came while the first were written
            finally:
                await asyncio.to_thread(archive.close)
        if count:
            self._say("spool_replayed", entries=count)
        return count

    async def _keep(self, entry: Entry) -> int:
        self._kept.add(entry.run)
        await self._spool.append(entry)
        self._away = True
        self.start()
        return 0

    async def _replay_when_back(self) -> None:
        """Try until it succeeds; meanwhile what may wait goes to the spool."""
        while True:
            try:
                await self.replay()
            except StoreUnavailable:
                await asyncio.sleep(_RETRY_S)
            except ProvisoError as error:  # one file is set aside, the others can go on
                self._say("spool_damaged", error=type(error).__name__)
            else:
                if not self._away:  # nothing has been spooled since
                    return

    async def _drain(self, archive: Archive) -> int:
        await self._spool.rotate()
        count = 0
        for entries in self._spool.take():
            for entry in entries:
                if (missing := await asyncio.to_thread(_missing, archive, entry)) is not None:
                    await self._journal.append(missing)
                    count += 1
                self._kept.discard(entry.run)
        return count

    def append_now(self, entries: Sequence[Entry]) -> None:
        """Make entries durable in the store, without a loop."""
        self._journal.append_now(entries)

    def open_runs(self) -> list[bytes]:
        """Return the bodies of the events by which runs started that have not ended."""
        return self._journal.open_runs()

    async def close(self) -> None:
        """Make durable what has been appended; what is spooled stays for the next start."""
        if self._replaying is not None:
            self._replaying.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._replaying
        try:
            await self._journal.close()
        finally:
            self._spool.close()

    def release(self) -> None:
        """Close without a loop."""
        try:
            self._journal.release()
        finally:
            self._spool.close()

    def _say(self, event: str, **facts: object) -> None:
        self._log.warning("%s", msgspec.json.encode({"event": event, **facts}).decode())


def _missing(archive: Archive, entry: Entry) -> Entry | None:
    """Return what of a spooled entry the store lacks: a crash may have come between writing it and saying so."""
    known = archive.events_of(entry.run)
    if any(stored.kind == entry.kind for stored in known):
        return None
    # A run whose end came first, when the store was back, is not open.
    return replace(entry, opens=False) if known else entry
