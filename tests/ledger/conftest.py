"""The record in its two forms, on disk and in memory."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from proviso.ledger import Ledger, MemoryLedger, Recorder, Records, RunReader
from proviso.store import Control
from tests.ledger.samples import NOW, NoProjection


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    opened = Control.open(tmp_path)
    yield opened
    opened.close()


@pytest.fixture(params=["memory", "disk"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Ledger, Records]]:
    """The real record and its double: one suite for both."""
    if request.param == "memory":
        memory = MemoryLedger(NoProjection())
        yield memory, memory
        return
    control = Control.open(tmp_path)
    recorder = Recorder.open(tmp_path, control, NoProjection(), lambda: NOW)
    reader = RunReader.open(tmp_path, control)
    yield recorder, reader
    await recorder.close()
    reader.close()
    control.close()
