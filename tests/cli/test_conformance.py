"""`proviso conformance`, as whoever has set a model up runs it."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from bedrock_simulator.fixture import StartSimulator
from bedrock_simulator.scenario import Answers
from proviso.models.conformance import SUITE
from tests.app.hosted import BOUND, ENTRY, HEALTHY, bind, swap
from tests.cli.steps import run_json
from tests.conftest import Command
from tests.models.suite_made import RULES

ABLE = replace(HEALTHY, answers=Answers(rules=RULES))


@pytest.fixture
def folder(workspace: Path, bedrock_simulator: StartSimulator, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return bind(
        workspace,
        bedrock_simulator(ABLE).url,
        swap(ENTRY, "    trade_off", "    features: [tools]\n    trade_off"),
    )


@pytest.mark.req("A5.converse", "A5.stream")
def test_it_says_what_it_will_call_and_then_what_came_of_each_check(proviso: Command, folder: Path) -> None:
    done = proviso("conformance", "-w", folder, "small")
    first, _, where, *rows = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert "simulator at http://127.0.0.1" in first
    assert first.endswith("nobody charges for them")
    assert where.startswith("small (example.small-v1:0) in eu-central-1")
    assert [row.split()[1] for row in rows] == [check.name for check in SUITE]


def test_the_same_is_there_as_json(proviso: Command, folder: Path) -> None:
    rows = run_json(proviso, "conformance", "-w", folder, "small")
    verdicts = {row["check"]: row["verdict"] for row in rows}
    assert (verdicts["tools"], verdicts["images"], verdicts["guardrail"]) == ("pass", "skipped", "pass")
    assert rows[0]["provider"] == "simulator"


def test_a_check_that_fails_is_exit_code_1(
    proviso: Command, workspace: Path, bedrock_simulator: StartSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    bind(workspace, bedrock_simulator(HEALTHY).url)
    done = proviso("conformance", "-w", workspace, "small")
    assert (done.code, "fail     system" in done.out) == (1, True)


AT_AWS = swap(BOUND, '      endpoint: "URL"\n', "")


def test_what_costs_is_not_called_unless_that_is_wanted(proviso: Command, workspace: Path) -> None:
    done = proviso("conformance", "-w", bind(workspace, "", bound=AT_AWS), "small")
    assert done.code == 2
    assert "may charge for calls: say that you want them with --live" in done.err
    assert "at most $" in done.out


def test_what_costs_is_asked_for_and_a_script_says_so_itself(proviso: Command, workspace: Path) -> None:
    done = proviso("conformance", "-w", bind(workspace, "", bound=AT_AWS), "small", "--live", "--json")
    assert (done.code, "say --yes as well" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("model", "words"), [("smal", "did you mean `small`?"), ("extractive", "no hosted model")]
)
def test_a_model_that_is_not_hosted_is_an_error(
    proviso: Command, folder: Path, model: str, words: str
) -> None:
    done = proviso("conformance", "-w", folder, model)
    assert (done.code, words in done.err) == (2, True)
