"""Fixtures: the example, and a copy of it that a test may change."""

from pathlib import Path

import pytest

from proviso.contract import App
from tests.contract.workspace import Copy, example_app


@pytest.fixture(scope="session")
def example() -> App:
    return example_app()


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)
