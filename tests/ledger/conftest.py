"""The record in its forms: in files, in PostgreSQL and in memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proviso.ledger import Ledger, MemoryLedger, Recorder, Records, RunReader
from tests.engines import Engine
from tests.ledger.samples import NOW, NoProjection


@pytest.fixture(params=["memory", "disk", pytest.param("postgres", marks=pytest.mark.slow)])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Ledger, Records]]:
    """The real record on both engines, and its double: one suite for all."""
    if request.param == "memory":
        memory = MemoryLedger(NoProjection())
        yield memory, memory
        return
    engine = Engine(tmp_path, request.getfixturevalue("database_url") if request.param == "postgres" else "")
    recorder = Recorder.open(engine.open(), NoProjection(), lambda: NOW)
    reader = RunReader.open(engine.open())
    yield recorder, reader
    await recorder.close()
    reader.close()
    engine.close()
