"""What many tests share: the example as a new user makes it, and the command as a user runs it."""

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from msgspec import Struct

from proviso.cli import main
from tests.engines import control, engine
from tests.postgres import database_url, postgres
from tests.waiting import one_day

TESTS = Path(__file__).parent
WHOLE = {"app", "bedrock", "cli", "keeping", "server"}

# What hypothesis draws is the same each time, and no example fails for being slow: a red run is a fault of the change.
# `--hypothesis-profile=search` draws others each time.
settings.register_profile(
    "house", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", settings.get_profile("house"), derandomize=False)
settings.load_profile("house")

__all__ = ["control", "database_url", "engine", "one_day", "postgres"]  # fixtures


class Done(Struct, frozen=True):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture(scope="session")
def proviso() -> Command:
    """Run the command in this process, as its entry point does."""

    def run(*arguments: str | Path) -> Done:
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="session")
def pristine(proviso: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, made and indexed once, to be copied: no test does anything in it."""
    folder = tmp_path_factory.mktemp("pristine") / "example"
    assert proviso("init", folder, "--example", "policy-qa").code == 0
    done = proviso("index", "-w", folder)
    assert done.code == 0, done.err
    return folder


@pytest.fixture(scope="session")
def indexed(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The indexed example, which tests may ask but not change, nor serve: these take `workspace` instead."""
    return Path(shutil.copytree(pristine, tmp_path_factory.mktemp("indexed") / "example"))


@pytest.fixture
def workspace(pristine: Path, tmp_path: Path) -> Path:
    """A copy of the indexed example that a test may change."""
    return Path(shutil.copytree(pristine, tmp_path / "example"))


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Undo what a command that ran in this process has done to the logger."""
    logger = logging.getLogger("proviso")
    before = logger.level, logger.propagate, list(logger.handlers)
    yield
    logger.level, logger.propagate, logger.handlers[:] = before


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of whole commands, sites and servers: `make check` leaves them to `make test`."""
    for item in items:
        if Path(item.path).relative_to(TESTS).parts[0] in WHOLE:
            item.add_marker("whole")
