"""The command's help is quick, complete, and the same as in the docs."""

import subprocess
import sys
from pathlib import Path

import pytest

from proviso.cli.group import VERBS
from tests.conftest import Command

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(proviso: Command, verb: str) -> None:
    done = proviso(verb, "--help")
    assert done.code == 0
    assert f"proviso {verb}" in done.out.split("Example:")[1]


def test_the_documented_help_is_what_the_command_prints() -> None:
    done = subprocess.run(
        [sys.executable, "tools/docs.py", "--check"], cwd=ROOT, check=False, capture_output=True
    )
    assert done.returncode == 0, "run `make docs`"


def test_importing_proviso_stays_small() -> None:
    code = "import sys, proviso; print(len(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 200


def test_help_imports_no_verb_and_no_heavy_library() -> None:
    show = "print(sorted(sys.modules), file=sys.stderr)"
    code = f"import sys; from proviso.cli import main\ntry: main(['--help'])\nfinally: {show}"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    heavy = ("'starlette'", "'pydantic'", "'tantivy'", "'openai'", "'proviso.app'", "'asyncio'")
    assert not [name for name in heavy if name in done.stderr]


def test_an_unknown_verb_is_a_usage_error(proviso: Command) -> None:
    done = proviso("serv")
    assert done.code == 2
    assert "No such command" in done.err
