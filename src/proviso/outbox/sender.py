"""What each replica runs to deliver messages: claim a few, send them outside of any transaction, settle each.

At least once: a process that ends between sending and settling leaves its claim to end by itself, and the message
is sent again under the same ID. Each destination has its own few places, so that one which hangs holds up only
itself; a message that fails is due later and lets the others pass.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, TypeVar

import msgspec

from proviso.errors import ProvisoError
from proviso.outbox.backoff import wait_us
from proviso.outbox.message import DELIVERED, Message, Receipt, Transport, failed
from proviso.outbox.outbox import new_id
from proviso.outbox.queue import Queue

T = TypeVar("T")

_LOOK_EVERY_S = 1.0
_PRUNE_EVERY_S = 3600.0
_WITHIN_S = 30.0  # half a lease: what has not been sent by then is given up before anybody else may take it
_AT_ONCE = 4  # messages under way to one destination


class Sender:
    """Delivers the messages of a queue to the destinations that it has a transport for."""

    def __init__(
        self,
        queue: Queue,
        transports: Mapping[str, Transport],
        *,
        within_s: float = _WITHIN_S,
        every_s: float = _LOOK_EVERY_S,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._queue = queue
        self._transports = transports
        self._within_s = within_s
        self._every_s = every_s
        self._draw = draw
        self._holder = new_id()
        self._busy: Counter[str] = Counter()
        self._wake = asyncio.Event()
        self._log = logging.getLogger("proviso.outbox")

    async def hear(self) -> None:
        """Look at once: there is news of the topic `NEWS`."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled; then let go of what is under way, so that another replica takes it."""
        loop = asyncio.get_running_loop()
        prune_at = loop.time()
        try:
            async with asyncio.TaskGroup() as sends:
                while True:
                    self._wake.clear()
                    await self._told(self._start_due(sends))
                    if loop.time() >= prune_at:
                        prune_at = loop.time() + _PRUNE_EVERY_S
                        await self._told(_to_its_end(partial(self._queue.prune, self._transports.keys())))
                    await self._pause()
        finally:
            await self._told(_to_its_end(partial(self._queue.release, self._holder)))

    async def once(self) -> int:
        """Send what is due now, as far as there are places for it; return how many messages were taken."""
        async with asyncio.TaskGroup() as sends:
            return await self._start_due(sends)

    async def _start_due(self, sends: asyncio.TaskGroup) -> int:
        started = 0
        for name in await _to_its_end(self._queue.due):
            places = _AT_ONCE - self._busy[name]
            if name not in self._transports or places < 1:
                continue
            claim = partial(self._queue.claim, name, self._holder, places)
            for message in await _to_its_end(claim):
                self._busy[name] += 1
                started += 1
                sends.create_task(self._deliver(message))
        return started

    async def _deliver(self, message: Message) -> None:
        try:
            receipt = await self._receipt(message)
            await self._told(self._settle(message, receipt))
        finally:
            self._busy[message.destination] -= 1
            self._wake.set()  # there is a place for the next one

    async def _receipt(self, message: Message) -> Receipt:
        try:
            async with asyncio.timeout(self._within_s):
                return await self._transports[message.destination].send(message)
        except TimeoutError:
            return failed(f"it took longer than {self._within_s:g} s")
        except Exception as error:  # noqa: BLE001  the edge: what a transport did not expect is no reason to stop
            self._say("outbox_transport_failed", message=message.id, error=type(error).__name__)
            return failed(f"the transport failed ({type(error).__name__})")

    async def _settle(self, message: Message, receipt: Receipt) -> None:
        if receipt.verdict == DELIVERED:
            await _to_its_end(partial(self._queue.delivered, message))
            return
        wait = wait_us(receipt, message.attempt, self._draw())
        if wait is None:
            self._say("outbox_dead_letter", message=message.id, destination=message.destination)
            await _to_its_end(partial(self._queue.bury, message, self._holder, receipt.reason))
        else:
            await _to_its_end(partial(self._queue.postpone, message, self._holder, wait, receipt.reason))

    async def _told(self, step: Coroutine[Any, Any, object]) -> None:
        try:
            await step
        except (
            ProvisoError
        ) as error:  # the store is away: claims end by themselves, and the next look finds them
            self._say("outbox_store_failed", error=type(error).__name__)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._every_s):
                await self._wake.wait()
        except TimeoutError:
            return

    def _say(self, event: str, **facts: str) -> None:
        self._log.warning("%s", msgspec.json.encode({"event": event, **facts}).decode())


async def _to_its_end(call: Callable[[], T]) -> T:
    """Run a call in a thread. A cancellation is heard when it has ended: its transaction is not left behind."""
    task = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not report it: it is the cancellation that counts
        raise
