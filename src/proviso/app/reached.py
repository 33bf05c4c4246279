"""Tells whom it concerns that a budget of the day is used up: once for each clause and day, whoever notices first."""

import asyncio
from collections.abc import Callable

from proviso.app.notices import tell
from proviso.budgets import LimitReached, Window
from proviso.contract import Workspace
from proviso.errors import StoreUnavailable
from proviso.store import Control
from proviso.types import Purpose


class Reached:
    """What one process has seen of limits that said no. `now`: UTC microseconds since the epoch."""

    def __init__(self, control: Control, workspace: Callable[[], Workspace], now: Callable[[], int]) -> None:
        self._control = control
        self._workspace = workspace
        self._now = now
        self._noted: dict[tuple[str, str], int] = {}  # app and clause → the day that was told of, or will be
        self._untold: dict[tuple[str, str], int] = {}
        self._wake = asyncio.Event()

    def note(self, no: LimitReached) -> None:
        """Take up that a limit has said no; a "no" that may be over in a second, or in a minute, is nobody's news."""
        limit = no.limit
        if limit.window is not Window.DAY or limit.scope.purpose is not Purpose.LIVE or no.retry_after_s <= 1:
            return
        about, day = (limit.scope.app, no.clause), self._now() // Window.DAY.length
        if self._noted.get(about) != day:
            self._noted[about] = self._untold[about] = day
            self._wake.set()

    async def run(self) -> None:
        """Write notices until cancelled. What the store does not take is tried again when this is run again."""
        while True:
            await self._wake.wait()
            await self.once()

    async def once(self) -> None:
        """Write what has been noted; raise `StoreUnavailable`, and keep it."""
        untold, self._untold = self._untold, {}
        self._wake.clear()
        try:
            await asyncio.to_thread(self._tell, untold)
        except StoreUnavailable:
            self._untold = {**untold, **self._untold}
            self._wake.set()
            raise

    def _tell(self, untold: dict[tuple[str, str], int]) -> None:
        workspace = self._workspace()
        with self._control.transaction() as tables:
            for (app, clause), day in untold.items():
                name = f"reached/{app}/{clause}"
                if tables.pointer(name) != str(day):  # else another process has told it
                    tables.point(name, str(day))
                    tell(workspace, tables, "budget.reached", app=app, clause=clause, percent=100)
