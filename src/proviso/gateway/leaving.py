"""Notices that a caller has hung up while its answer is being made, and stops the work."""

import asyncio
from types import TracebackType

from proviso.gateway.exchange import Receive

# Most answers are ready before this, so most requests never pay for a watching task.
_WATCH_AFTER_S = 0.1


class CallerLeft(ConnectionError):
    """Nobody is there any more to take the answer."""


class Watch:
    """A block of work that is cancelled when the caller leaves; it then raises `CallerLeft`.

    Enter it after the body has been read: from then on the only message left is `http.disconnect`.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._watcher: asyncio.Task[None] | None = None
        self._left = False

    def __enter__(self) -> None:
        self._timer = self._loop.call_later(_WATCH_AFTER_S, self._begin)

    def _begin(self) -> None:
        self._watcher = self._loop.create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue
        self._left = True
        if self._task is not None:
            self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._left and self._task is not None:
            # A cancellation from elsewhere (shutdown) still counts: then more than one was asked for.
            alone = self._task.uncancel() == 0
            if alone and kind is asyncio.CancelledError:
                raise CallerLeft from None
