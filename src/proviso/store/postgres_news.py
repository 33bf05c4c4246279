"""Hears at once, over a connection of its own, that somebody has published news."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future

from proviso.errors import ProvisoError
from proviso.store.loop_thread import LoopThread
from proviso.store.postgres import Address, Connection, used
from proviso.store.postgres_schema import NEWS_CHANNEL

_AGAIN_S = 0.5  # between attempts to connect
_ALIVE_S = 10.0  # how often a silent connection is asked whether it still is one


class Listener:
    """Wakes those who wait for news. Whoever polls too hears of what a lost connection has not told."""

    def __init__(self, address: Address, thread: LoopThread) -> None:
        self._address = address
        self._thread = thread
        self._lock = threading.Lock()
        self._wakes: list[Callable[[], object]] = []
        self._listening: Future[None] | None = None

    def add(self, wake: Callable[[], object]) -> None:
        """Have `wake` called from the thread. One whose loop has ended is forgotten."""
        with self._lock:
            self._wakes.append(wake)
            if self._listening is None:
                self._listening = self._thread.start(self._listen())

    def stop(self) -> None:
        """Hear no more."""
        if self._listening is not None:
            self._listening.cancel()

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(ProvisoError):
                connection = await self._address.connect()
                try:
                    with used(connection, self._address.name):
                        await self._hear(connection)
                finally:
                    connection.terminate()
            await asyncio.sleep(_AGAIN_S)

    async def _hear(self, connection: Connection) -> None:
        """Pass on what one connection says, until it breaks."""
        ended = asyncio.Event()
        connection.add_termination_listener(lambda _: ended.set())
        await connection.add_listener(NEWS_CHANNEL, lambda *_: self._wake())
        self._wake()  # what was published meanwhile was told to nobody
        while not ended.is_set():
            try:
                async with asyncio.timeout(_ALIVE_S):
                    await ended.wait()
            except TimeoutError:
                await connection.execute("SELECT 1")

    def _wake(self) -> None:
        with self._lock:
            wakes = list(self._wakes)
        for wake in wakes:
            try:
                wake()
            except RuntimeError:  # its loop has ended
                with self._lock, contextlib.suppress(ValueError):
                    self._wakes.remove(wake)
