"""Budgets that may only fall: what it costs to ask the command for help, and how many parts the core stands on."""

import resource
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.waiting import soonest

ROOT = Path(__file__).parents[2]


def help_cpu_s() -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "proviso.cli", "--help"], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_costs_less_than_three_tenths_of_a_second_of_cpu() -> None:
    # The best of several: the first may have to compile, and a busy machine takes the caches away.
    assert soonest(help_cpu_s, 0.3, rounds=8) < 0.3


def test_the_core_has_no_more_direct_dependencies_than_it_had() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert len(project["dependencies"]) <= 21  # 21st: policies (decision 0010)


def test_the_house_has_no_more_rooms_than_it_had() -> None:
    rooms = [path for path in (ROOT / "src" / "proviso").iterdir() if (path / "__init__.py").exists()]
    assert len(rooms) <= 20
