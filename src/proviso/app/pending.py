"""A run between its request and its answer, as the gateway holds it."""

import contextlib
from collections.abc import AsyncGenerator, Callable

from proviso.ledger import Recorder
from proviso.orchestrator import Run, serve, stream
from proviso.types import Served


class Pending:
    """A run that has an ID and has not been answered yet, with the recorder that it will write to.

    `settle` is called once it has ended, however it did.
    """

    def __init__(self, run: Run, recorder: Recorder, settle: Callable[[Run], None]) -> None:
        self._run = run
        self._recorder = recorder
        self._settle = settle

    @property
    def id(self) -> str:
        """The run's UUIDv7."""
        return self._run.id

    @property
    def unapproved(self) -> bool:
        """Whether its release is served without the approvals that its tier asks for."""
        return self._run.unapproved

    async def serve(self) -> Served:
        """Answer; the record is durable on return."""
        try:
            return await serve(self._run, self._recorder)
        finally:
            self._settle(self._run)

    async def stream(self) -> AsyncGenerator[str | Served, None]:
        """Answer in checked pieces; the last item is the `Served` run."""
        try:
            async with contextlib.aclosing(stream(self._run, self._recorder)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            self._settle(self._run)
