"""How a process hears of changes that others make: keys revoked, terms, routing. Within a second, or it knows better.

Every change raises the number of its topic in the transaction that makes it. A process looks at these numbers
several times a second, at once where the engine tells it to; it calls those who asked for a topic, and notes the
time of a look only when all of them have taken the change in. So `silent_s` is how old its view may be at most,
and whoever serves by it stops when that is too long: a process that is cut off does not go on by old rules.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import msgspec

from proviso.errors import ProvisoError
from proviso.store.control import Control

Hear = Callable[[], Awaitable[None]]

_LOOK_EVERY_S = 0.25
_LOOK_WITHIN_S = 2.0  # a look that takes longer has failed: its answer would be old


def awake_and_asleep() -> float:
    """Return a monotonic time in seconds that goes on while the machine sleeps, where the system has one."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


class NewsFeed:
    """What a process has heard. Used from one event loop; `clock` is monotonic, in seconds."""

    def __init__(
        self,
        control: Control,
        *,
        every_s: float = _LOOK_EVERY_S,
        clock: Callable[[], float] = awake_and_asleep,
    ) -> None:
        """Take what stands in the store now as known: whoever subscribes has read it after this."""
        self._control = control
        self._every_s = every_s
        self._clock = clock
        self._confirmed = clock()
        self._known: Mapping[str, int] = control.news()
        self._hear: dict[str, list[Hear]] = {}
        self._wake = asyncio.Event()
        # Of its own: a store that hangs holds up nobody else's thread, and never more than this one.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="news")
        self._log = logging.getLogger("proviso.store")

    def subscribe(self, topic: str, hear: Hear) -> None:
        """Have `hear` awaited after each change of a topic; what it raises is tried again with the next look."""
        self._hear.setdefault(topic, []).append(hear)

    def silent_s(self) -> float:
        """Return for how many seconds what this process knows has not been confirmed."""
        return self._clock() - self._confirmed

    async def run(self) -> None:
        """Look for news until cancelled."""
        loop = asyncio.get_running_loop()
        self._control.database.on_news(lambda: loop.call_soon_threadsafe(self._wake.set))
        while True:
            await self.look()
            try:
                async with asyncio.timeout(self._every_s):
                    await self._wake.wait()
            except TimeoutError:
                continue
            finally:
                self._wake.clear()

    def close(self) -> None:
        """Look no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def look(self) -> bool:
        """Look once; return whether what is known is confirmed. It never raises for a store that is away."""
        begun = self._clock()
        try:
            async with asyncio.timeout(_LOOK_WITHIN_S):
                found = await asyncio.get_running_loop().run_in_executor(self._thread, self._control.news)
            await self._tell(found)
        except (ProvisoError, TimeoutError) as error:
            failure = {
                "event": "news_unheard",
                "error": type(error).__name__,
                "silent_s": int(self.silent_s()),
            }
            self._log.warning("%s", msgspec.json.encode(failure).decode())
            return False
        self._confirmed = begun
        return True

    async def _tell(self, found: Mapping[str, int]) -> None:
        for topic, version in found.items():
            if self._known.get(topic) != version:
                for hear in self._hear.get(topic, ()):
                    await hear()
                self._known = {**self._known, topic: version}
