"""Budgets over a store of each engine, with clocks that stand."""

import pytest

from proviso.budgets import LeasedBudget
from tests.budgets.samples import Clocks, FailingDatabase, holder
from tests.engines import Engine


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def database(engine: Engine) -> FailingDatabase:
    return FailingDatabase(engine.open().database)


@pytest.fixture
def leased(database: FailingDatabase, clocks: Clocks) -> LeasedBudget:
    return holder(database, clocks, "w0")


@pytest.fixture
def peer(database: FailingDatabase, clocks: Clocks) -> LeasedBudget:
    return holder(database, clocks, "w1")
