"""Loading a workspace: what is missing, what leaves the folder, and what an app brings with it."""

import os
from pathlib import Path

import pytest

from proviso.contract import App, app_names, load_app, load_workspace
from proviso.errors import InvalidWorkspace
from tests.contract.workspace import APP, EXAMPLE, RULES, Copy

INIT = "make a workspace with `proviso init DIR --example policy-qa`"


def test_the_example_is_valid_and_brings_every_file_that_it_names(example: App) -> None:
    assert example.files["prompts/answer.md"] == (EXAMPLE / APP / "prompts/answer.md").read_bytes()
    assert {r.template for r in example.contract.purpose.refuses} <= set(example.files)
    assert example.folders["travel-policy"] == EXAMPLE.resolve() / "sources/travel-policy"
    assert example.prompt.variables == ("question", "passages")


def test_a_clause_is_found_in_its_file(example: App) -> None:
    position = example.position("quality.intents.per-diem.accuracy")
    line = (EXAMPLE / APP / "contract.yaml").read_text().splitlines()[position.line - 1]
    assert line.strip() == "accuracy: 0.95"


def test_a_whole_workspace_has_every_app(copy: Copy) -> None:
    copy.root.joinpath("apps/second").mkdir()
    for path in (copy.root / APP).glob("*.yaml"):
        copy.write(f"apps/second/{path.name}", path.read_text())
    copy.replace("apps/second/contract.yaml", "contract: policy-qa", "contract: second")
    (copy.root / APP / "prompts").rename(copy.root / "prompts")
    (copy.root / APP / "refusals").rename(copy.root / "refusals")
    assert (
        list(load_workspace(copy.root, RULES).apps) == ["policy-qa", "second"] == list(app_names(copy.root))
    )


def test_a_file_of_the_app_comes_before_one_of_the_workspace(copy: Copy) -> None:
    copy.write("refusals/deadline.md", "shared")
    copy.write("refusals/unavailable.md", "shared")
    (copy.root / APP / "refusals/unavailable.md").unlink()
    app = copy.load()
    assert app.files["refusals/unavailable.md"] == b"shared"
    assert app.files["refusals/deadline.md"] != b"shared"


def test_a_folder_that_does_not_exist_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(InvalidWorkspace) as caught:
        load_app(tmp_path / "nowhere", "policy-qa", RULES)
    assert [problem.fix for problem in caught.value.problems] == [INIT]


def test_an_empty_folder_says_what_is_missing_and_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(InvalidWorkspace) as caught:
        load_workspace(tmp_path, RULES)
    assert {str(p.at) for p in caught.value.problems} == {
        "proviso.yaml",
        "policy.yaml",
        "models.yaml",
        "apps",
    }
    assert {p.fix for p in caught.value.problems} == {INIT}


@pytest.mark.parametrize("name", ["policy-q", "..", "../apps/policy-qa", "", "x\0y", "a" * 5000])
def test_an_unknown_app_is_a_problem_whatever_its_name(name: str) -> None:
    with pytest.raises(InvalidWorkspace) as caught:
        load_app(EXAMPLE, name, RULES)
    assert caught.value.problems[0].what.startswith("there is no app")


def test_problems_of_all_files_come_at_once(copy: Copy) -> None:
    copy.replace(f"{APP}/contract.yaml", "asset: it-tool", "asset: tool")
    copy.replace(f"{APP}/workflow.yaml", "passages: 5", "passages: 500")
    copy.replace(f"{APP}/sources.yaml", "readers: [employees]", "readers: []")
    copy.replace("policy.yaml", "version: 1", "version: one")
    copy.replace("models.yaml", "deterministic: true", "deterministic: yes")
    copy.replace("proviso.yaml", "workspace: vantholm", "workspace: Vantholm!")
    copy.write(f"{APP}/refusals/deadline.md", b"\xff")
    assert len({problem.at.file for problem in copy.problems()}) == 6


@pytest.mark.parametrize("file", ["contract.yaml", "workflow.yaml", "sources.yaml"])
def test_a_missing_file_of_the_app_is_a_problem(copy: Copy, file: str) -> None:
    (copy.root / APP / file).unlink()
    assert (f"{APP}/{file}", "the file does not exist") in [(p.at.file, p.what) for p in copy.problems()]


def test_a_path_that_climbs_out_is_refused_though_it_exists(copy: Copy) -> None:
    (copy.root.parent / "outside.md").write_text("x")
    copy.replace(f"{APP}/workflow.yaml", "refusals/deadline.md", "../../../outside.md")
    assert [p.what for p in copy.problems()] == ["`../../../outside.md` leaves the folder"]


def test_a_link_that_leaves_the_workspace_is_refused(copy: Copy) -> None:
    outside = copy.root.parent / "outside.md"
    outside.write_text("x")
    (copy.root / APP / "refusals/deadline.md").unlink()
    (copy.root / APP / "refusals/deadline.md").symlink_to(outside)
    assert [p.what for p in copy.problems()] == ["`refusals/deadline.md` is a link that leaves the workspace"]


def test_a_source_folder_that_is_a_link_to_outside_is_refused(copy: Copy) -> None:
    (copy.root / "sources/linked").symlink_to("/")
    copy.replace(f"{APP}/sources.yaml", "folder: sources/expense-policy", "folder: sources/linked")
    assert [p.clause for p in copy.problems()] == ["sources.expense-policy.folder"]


@pytest.mark.parametrize("kind", ["folder", "pipe", "loop"])
def test_what_is_no_file_is_a_problem_and_never_waits(copy: Copy, kind: str) -> None:
    path = copy.root / APP / "refusals/deadline.md"
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path)
    assert [p.clause for p in copy.problems()] == ["refusals.deadline"]


def test_a_broken_prompt_is_told_with_its_file(copy: Copy) -> None:
    copy.write(f"{APP}/prompts/answer.md", "---\nvariables: [question\n---\nx\n--- user\ny\n")
    assert [str(p.at) for p in copy.problems()] == [f"{APP}/prompts/answer.md:2:12"]
