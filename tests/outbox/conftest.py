"""A clock that is turned by hand, and an outbox over a store of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.outbox.made import AUDIT, OPS, Clock, House, open_house


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    """With one destination, `ops`."""
    opened = open_house(tmp_path, clock)
    yield opened
    opened.control.database.close()


@pytest.fixture
def two(tmp_path: Path, clock: Clock) -> Iterator[House]:
    """With two destinations, `ops` and `audit`, which wants everything."""
    opened = open_house(tmp_path, clock, (OPS, AUDIT))
    yield opened
    opened.control.database.close()
