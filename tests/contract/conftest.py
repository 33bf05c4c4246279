"""Fixtures: the example, and a copy of it that a test may change."""

from pathlib import Path

import pytest

from proviso.contract import App, load_app
from tests.contract.workspace import EXAMPLE, RULES, Copy


@pytest.fixture(scope="session")
def example() -> App:
    return load_app(EXAMPLE, "policy-qa", RULES)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)
