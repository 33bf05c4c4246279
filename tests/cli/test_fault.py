"""What nobody expected: one line and an exit code, and the traceback only for those who ask for it."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from proviso.cli import schema
from tests.conftest import Command

PROVISO = [sys.executable, "-m", "proviso.cli"]
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


@click.command()
@click.argument("value")
def failing(value: str) -> None:
    """Fail as no verb should."""
    {"known": 1}[value]


@pytest.fixture
def faulty(proviso: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, with a verb that has a mistake."""
    monkeypatch.setattr(schema, "command", failing)
    return proviso


def test_a_mistake_of_proviso_is_one_line_that_says_what_to_do(faulty: Command) -> None:
    done = faulty("schema", "hunter2")
    assert done.code == 4
    assert done.err.startswith("error: `KeyError` in proviso.cli.")
    assert done.err.endswith(
        "this is a mistake in Proviso, not in yours; report it (`PROVISO_DEBUG=1` shows the traceback)\n"
    )
    assert done.err.count("\n") == 1
    assert "hunter2" not in done.err


def test_who_asks_for_the_traceback_gets_it(faulty: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVISO_DEBUG", "1")
    done = faulty("schema", "hunter2")
    assert done.code == 4
    assert done.err.startswith("Traceback")
    assert done.err.endswith("KeyError: 'hunter2'\n")


@pytest.mark.parametrize("kind", ["contract", "workflow"])  # more and less than what is buffered
def test_a_full_disk_is_named_and_nothing_else_is_said(kind: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROVISO, "schema", kind],
            stdout=full, stderr=subprocess.PIPE, check=False, text=True, env=BUFFERED,
        )  # fmt: skip
    assert done.returncode == 4
    assert done.stderr.startswith("error: No space left on device; see to that")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("kind", ["contract", "workflow"])
def test_a_reader_who_has_had_enough_is_no_fault(kind: str) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([*PROVISO, "schema", kind], stdout=pipe, stderr=pipe, env=BUFFERED) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.close()
        assert running.stderr.read() == b""
