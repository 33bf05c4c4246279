"""`proviso doctor`, as whoever sets a machine up runs it."""

from pathlib import Path

import pytest

from bedrock_simulator.fixture import StartSimulator
from tests.app.hosted import HEALTHY, bind
from tests.cli.steps import change, run_json
from tests.conftest import Command


@pytest.fixture
def folder(workspace: Path, bedrock_simulator: StartSimulator, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return bind(workspace, bedrock_simulator(HEALTHY).url)


def test_each_step_is_a_line_below_the_place_that_it_is_about(proviso: Command, folder: Path) -> None:
    done = proviso("doctor", "-w", folder)
    lines = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert lines[0].split(maxsplit=2)[:2] == ["ok", "workspace"]
    assert "dev eu-central-1" in lines
    below = lines[lines.index("dev eu-central-1 small (example.small-v1:0)") + 1 :]
    assert [line.split()[1] for line in below] == [
        "access",
        "lifecycle",
        "profile",
        "guardrail",
        "quota",
        "call",
    ]


def test_what_is_wrong_comes_with_its_fix_and_exit_code_1(proviso: Command, folder: Path) -> None:
    change(folder, "models.yaml", 'version: "1"', 'version: "7"')
    done = proviso("doctor", "-w", folder, "--no-calls")
    lines = done.out.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("failed   guardrail"))
    assert (done.code, lines[place + 1].strip()[:5]) == (1, "fix: ")


def test_warnings_do_not_fail(proviso: Command, folder: Path) -> None:
    change(folder, "proviso.yaml", "tokens_per_minute: 40000", "tokens_per_minute: 60000")
    done = proviso("doctor", "-w", folder, "--no-calls")
    assert (done.code, "warn     quota" in done.out) == (0, True)


def test_the_same_is_there_as_json(proviso: Command, folder: Path) -> None:
    found = run_json(proviso, "doctor", "-w", folder, "--no-calls")
    assert found[0] == {
        "step": "workspace", "result": "ok", "what": "valid, with `policy-qa`", "fix": "", "where": "",
    }  # fmt: skip
    assert [check["result"] for check in found if check["step"] == "call"] == ["skipped"]


def test_only_the_models_of_the_named_apps_are_looked_at(proviso: Command, folder: Path) -> None:
    found = run_json(proviso, "doctor", "-w", folder, "policy-qa")
    assert found[-1]["what"] == "`dev` calls no hosted model"


def test_another_environment_is_looked_at_where_it_is_named(proviso: Command, folder: Path) -> None:
    found = run_json(proviso, "doctor", "-w", folder, "--environment", "pilot")
    assert found[-1]["what"] == "`pilot` calls no hosted model"
