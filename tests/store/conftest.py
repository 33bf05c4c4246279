"""A writer and a reader on each engine."""

from collections.abc import AsyncIterator

import pytest

from proviso.store import Archive, Journal
from tests.engines import Engine


@pytest.fixture
async def journal(engine: Engine) -> AsyncIterator[Journal]:
    opened = engine.open().journal()
    yield opened
    await opened.close()


@pytest.fixture
def archive(engine: Engine) -> Archive:
    return engine.open().archive()
