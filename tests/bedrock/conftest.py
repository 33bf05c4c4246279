"""One workspace for the tests that do not change it, bound to one simulator."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bedrock_simulator.simulator import running
from tests.bedrock.house import House, as_client, bind, having


@pytest.fixture(scope="session")
def house(indexed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The example with two models at a simulator. Tests that change its files take `house.but`."""
    folder = tmp_path_factory.mktemp("bedrock")
    shutil.copytree(indexed, folder / "pristine")
    with running(having()) as simulator:
        bind(folder / "pristine", simulator.url)
        shutil.copytree(folder / "pristine", folder / "example")
        house = House(folder / "example", folder / "pristine", simulator, [])
        yield house
        house.close()


@pytest.fixture(autouse=True)
def keys_of_the_simulator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let AWS's chain of credentials find the simulator's, and nothing else."""
    as_client(monkeypatch, tmp_path)
