"""A fresh house and its gateway for each test."""

import pytest

from proviso.gateway import Gateway
from proviso.settings import Settings
from proviso.types import Purpose
from tests.gateway.house import House


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def gateway(house: House) -> Gateway:
    return Gateway(house.parts(), Settings(max_body_bytes=10_000), purpose=Purpose.TEST)
