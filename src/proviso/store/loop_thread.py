"""Runs coroutines in one thread of its own, for callers that have no event loop or whose loop may not wait."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from proviso.errors import StoreUnavailable

T = TypeVar("T")

_GRACE_S = 2.0  # beyond a call's own limit: the thread itself may be held up


class LoopThread:
    """A thread with an event loop. Safe to use from any other thread."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()
        self._closed = False
        # A process that forgets to close its store must still be able to end.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self, coroutine: Coroutine[Any, Any, T], within_s: float) -> T:
        """Run a coroutine and return what it returns; raise `TimeoutError` if that takes too long.

        Raises `StoreUnavailable` where the thread has been closed, also while the coroutine was under way.
        """
        try:
            future = self.start(_within(coroutine, within_s))
        except BaseException:
            coroutine.close()
            raise
        try:
            return future.result(within_s + _GRACE_S)
        except CancelledError as error:  # by `close`: an event loop would take it for the end of its own task
            raise _closed() from error
        except BaseException:
            future.cancel()
            raise

    def start(self, coroutine: Coroutine[Any, Any, T]) -> "Future[T]":
        """Have a coroutine run."""
        with self._lock:
            if self._closed:
                coroutine.close()
                raise _closed()
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def close(self) -> None:
        """Cancel what is under way, and end the thread. Harmless if said twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:  # which cancels what is left
            runner.get_loop().run_forever()


def _closed() -> StoreUnavailable:
    return StoreUnavailable("the store is closed", fix="ask again when the server is up")


async def _within(coroutine: Coroutine[Any, Any, T], within_s: float) -> T:
    async with asyncio.timeout(within_s):
        return await coroutine
