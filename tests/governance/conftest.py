"""A copy of the example that a test may change."""

from pathlib import Path

import pytest

from tests.contract.workspace import Copy


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)
