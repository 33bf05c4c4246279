"""The example's answers, asked once for all tests here."""

import shutil
from pathlib import Path

import pytest
from tools.golden import Golden, ask_all, every_question


@pytest.fixture(scope="session")
def golden(indexed: Path, tmp_path_factory: pytest.TempPathFactory) -> Golden:
    folder = tmp_path_factory.mktemp("golden") / "example"
    shutil.copytree(indexed, folder)
    return ask_all(folder, every_question())
