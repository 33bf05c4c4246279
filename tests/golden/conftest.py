"""The example's answers, asked once for all tests here."""

import shutil
from pathlib import Path

import pytest
from tools.golden import Golden, ask_all, every_question


@pytest.fixture(scope="session")
def golden(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Golden:
    folder = tmp_path_factory.mktemp("golden") / "example"
    shutil.copytree(pristine, folder)
    return ask_all(folder, every_question())
