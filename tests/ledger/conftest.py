"""The record in its two forms, on disk and in memory."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from proviso.ledger import Ledger, MemoryLedger, Recorder, Records, RunReader
from proviso.store import Control, open_store
from tests.ledger.samples import NOW, NoProjection


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    opened = Control(open_store(tmp_path).database)
    yield opened
    opened.database.close()


@pytest.fixture(params=["memory", "disk"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Ledger, Records]]:
    """The real record and its double: one suite for both."""
    if request.param == "memory":
        memory = MemoryLedger(NoProjection())
        yield memory, memory
        return
    control = Control(open_store(tmp_path).database)
    recorder = Recorder.open(open_store(tmp_path), NoProjection(), lambda: NOW)
    reader = RunReader.open(open_store(tmp_path))
    yield recorder, reader
    await recorder.close()
    reader.close()
    control.database.close()
