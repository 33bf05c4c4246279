"""The README's second ten minutes are what a new user can type."""

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import Command

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def commands(part: str = "The second ten minutes") -> list[list[str]]:
    """The lines of a part that call the command, as a shell would split them."""
    block = README.split(f"## {part}")[1].split("```console")[1].split("```")[0]
    lines = [part for line in block.splitlines() for part in line.removeprefix("$ ").split(" && ")]
    return [shlex.split(line)[1:] for line in lines if line.startswith("proviso ")]


def test_the_commands_of_the_readme_do_what_it_says(
    proviso: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run, codes = "", {}
    for arguments in commands():
        if arguments[0] == "serve":  # it would serve for ever; tests/server starts it for real
            continue
        done = proviso(*[run if word == "RUN" else word for word in arguments])
        codes[arguments[0]] = done.code
        if arguments[0] == "init":
            monkeypatch.chdir(tmp_path / arguments[1])
        if arguments[0] == "ask":
            run = json.loads(proviso(*arguments, "--json").out)["run"]
    assert codes == {"init": 0, "index": 0, "check": 1, "ask": 0, "trace": 0, "keys": 0}


def test_changes_are_put_in_force_as_the_readme_says(
    proviso: Command, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace)
    verbs = [words for words in commands("People, roles, tokens") if words[0] != "serve"]
    assert [words[0] for words in verbs] == ["apply", "access", "apply", "keys"]
    for words in verbs:
        done = proviso(*words)
        assert done.code == 0, done.err
        if words[0] == "access":
            (workspace / "policies.cedar").write_text("// nothing yet\n")


def test_the_change_that_the_readme_proposes_makes_another_release(proviso: Command, workspace: Path) -> None:
    question = (
        "-w",
        workspace,
        "--json",
        "policy-qa",
        "My address is a@b.example: what is the per diem for Oslo?",
    )
    before = json.loads(proviso("ask", *question).out)
    contract = workspace / "apps" / "policy-qa" / "contract.yaml"
    text = contract.read_text().replace("mask: [EMAIL, ", "mask: [")
    contract.write_text(text.replace("    block:\n", "    block:\n      - EMAIL\n"))
    assert proviso("index", "-w", workspace).code == 0
    after = json.loads(proviso("ask", *question).out)
    assert before["outcome"]["kind"] == "answer"
    assert after["outcome"]["clause"] == "inputs.sensitive.block.EMAIL"
    assert before["release"] != after["release"]


def test_every_link_of_the_readme_leads_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)", README)
    assert [target for target in targets if not (ROOT / target).exists()] == []
