"""A clock that is turned by hand, and an outbox over each engine in turn."""

import pytest

from proviso.store import Control
from tests.outbox.made import AUDIT, OPS, Clock, House, open_house


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(control: Control, clock: Clock) -> House:
    """With one destination, `ops`."""
    return open_house(control, clock)


@pytest.fixture
def two(control: Control, clock: Clock) -> House:
    """With two destinations, `ops` and `audit`, which wants everything."""
    return open_house(control, clock, (OPS, AUDIT))
