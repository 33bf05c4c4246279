"""One server for the tests that do not stop it, and keys of different people."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.steps import run_json
from tests.conftest import Command
from tests.server.serving import Serving, serving

MakeKey = Callable[..., dict[str, str]]


@pytest.fixture(scope="session")
def server(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A `proviso serve` of the example, for all tests that leave it alive."""
    folder = tmp_path_factory.mktemp("served") / "example"
    shutil.copytree(pristine, folder)
    for database in (folder / ".proviso").glob("runs-*"):
        database.unlink()
    with serving(folder) as running:
        yield running


@pytest.fixture(scope="session")
def make_key(server: Serving, proviso: Command) -> MakeKey:
    """Make a key with the command while the server runs: `key` is its public ID, `secret` the key itself."""

    def make(user: str = "dana", *options: str) -> dict[str, str]:
        made: dict[str, str] = run_json(
            proviso, "keys", "create", "-w", server.folder, "--user", user, *options
        )
        return made

    return make


@pytest.fixture(scope="session")
def key(make_key: MakeKey) -> str:
    """A key of the product owner."""
    return make_key()["secret"]
