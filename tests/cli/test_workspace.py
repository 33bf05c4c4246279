"""`init`, `index` and `schema`: making a workspace, its snapshot, and the schemas for editors."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from proviso.contract import FILES
from proviso.contract.document import parse_document
from tests.cli.steps import APP, CARD, SOURCES, ask, change, check, run_json, search, without_approval
from tests.conftest import Command

TRAVEL = "sources/travel-policy"


@pytest.mark.req("R1.policy-qa", "A8.cli")
def test_a_new_workspace_is_valid_and_answers_after_one_index(proviso: Command, tmp_path: Path) -> None:
    made = run_json(proviso, "init", tmp_path / "mine", "--example", APP)
    assert "apps/policy-qa/contract.yaml" in made["files"]
    assert proviso("index", "-w", tmp_path / "mine").code == 0
    assert ask(proviso, tmp_path / "mine")["outcome"]["kind"] == "answer"


def test_init_touches_no_folder_that_is_not_empty(proviso: Command, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    done = proviso("init", tmp_path)
    assert (done.code, [path.name for path in tmp_path.iterdir()]) == (2, ["mine"])
    assert "is not empty" in done.err
    assert "fix:" in done.err


@pytest.mark.req("A4.index")
def test_an_unreadable_document_is_listed_and_the_others_are_indexed(
    proviso: Command, workspace: Path
) -> None:
    (workspace / TRAVEL / "broken.pdf").write_bytes(b"%PDF-1.7 not really")
    (workspace / TRAVEL / "picture.png").write_bytes(b"\x89PNG")
    built = run_json(proviso, "index", "-w", workspace)[APP]
    assert [name for name, _ in built["unreadable"]] == [
        "travel-policy/broken.pdf", "travel-policy/picture.png",
    ]  # fmt: skip
    assert built["documents"] == 30
    assert "broken.pdf" in proviso("index", "-w", workspace).out


@pytest.mark.req("A4.index")
def test_a_superseded_document_is_listed_and_answers_nothing(proviso: Command, indexed: Path) -> None:
    built = run_json(proviso, "index", "-w", indexed)[APP]
    assert ["travel-policy/per-diem-2024.md", "travel-policy/per-diem-2026.md"] in built["superseded"]
    found = search(proviso, indexed, "per diem Oslo NOK", "--limit", "20")
    assert "per-diem-2024.md" not in {passage["document"] for passage in found}


@pytest.mark.req("A3.passage")
def test_what_is_masked_in_a_document_is_masked_in_its_passages(proviso: Command, workspace: Path) -> None:
    text = "# Zeppelins\n\nFor zeppelin flights write to zoe@example.com before you travel.\n"
    (workspace / TRAVEL / "zeppelin.md").write_text(text)
    assert proviso("index", "-w", workspace).code == 0
    (passage, *_) = search(proviso, workspace, "zeppelin flights")
    assert "write to [EMAIL] before" in passage["text"]


@pytest.mark.req("A3.passage")
def test_a_document_with_a_blocked_field_is_not_indexed(proviso: Command, workspace: Path) -> None:
    (workspace / TRAVEL / "zeppelin.md").write_text(f"# Zeppelins\n\nPay with {CARD}.\n")
    built = run_json(proviso, "index", "-w", workspace)[APP]
    assert built["unreadable"] == [
        ["travel-policy/zeppelin.md", "refused by `inputs.sensitive.block.CREDIT_DEBIT_CARD_NUMBER`"]
    ]


@pytest.mark.req("S2.approved", "G1.sources")
def test_a_source_without_approval_is_not_indexed(proviso: Command, workspace: Path) -> None:
    without_approval(workspace, "expense-policy")
    built = run_json(proviso, "index", "-w", workspace)[APP]
    assert built["unapproved"] == ["expense-policy"]
    found = search(proviso, workspace, "mileage per kilometre own car", "--limit", "20")
    assert {passage["source"] for passage in found} <= {"travel-policy"}


@pytest.mark.req("S2.approved", "G1.sources")
def test_an_approval_that_is_withdrawn_holds_before_the_next_index(proviso: Command, workspace: Path) -> None:
    mileage = "How much is paid per kilometre in my own car, from the Hamburg office?"
    assert "expense-policy" in str(ask(proviso, workspace, mileage)["outcome"])
    without_approval(workspace, "expense-policy")
    assert "expense-policy" not in str(ask(proviso, workspace, mileage)["outcome"])
    assert any("has approved it" in gap for gap in check(proviso, workspace)["gaps"])


@pytest.mark.req("C2.sources")
def test_only_the_contracts_sources_are_searched(proviso: Command, workspace: Path) -> None:
    mileage = "How much is paid per kilometre in my own car, from the Hamburg office?"
    change(
        workspace, "apps/policy-qa/contract.yaml",
        "sources: [travel-policy, expense-policy]", "sources: [travel-policy]",
    )  # fmt: skip
    assert "expense-policy" not in str(ask(proviso, workspace, mileage)["outcome"])
    found = search(proviso, workspace, mileage, "--limit", "20")
    assert {passage["source"] for passage in found} == {"travel-policy"}


@pytest.mark.req("S2.approved")
def test_nothing_outside_a_registered_folder_is_indexed(proviso: Command, workspace: Path) -> None:
    (workspace / "secret.md").write_text("# Zeppelins\n\nZeppelins are secret.\n")
    (workspace / TRAVEL / "link.md").symlink_to(workspace / "secret.md")
    built = run_json(proviso, "index", "-w", workspace)[APP]
    assert built["unreadable"] == [["travel-policy/link.md", "the link leaves the source's folder"]]


def test_check_says_when_the_documents_have_changed(proviso: Command, workspace: Path) -> None:
    assert not check(proviso, workspace)["gaps"]
    path = workspace / TRAVEL / "rail-travel.md"
    path.write_text(path.read_text() + "\nTrams are paid.\n")
    assert any(
        gap.startswith("index: the documents or the sensitive fields have changed")
        for gap in check(proviso, workspace)["gaps"]
    )


def test_without_an_index_nothing_is_asked_and_the_fix_is_named(proviso: Command, tmp_path: Path) -> None:
    proviso("init", tmp_path / "mine")
    for verb in ("ask", "search"):
        done = proviso(verb, "-w", tmp_path / "mine", APP, "Oslo?")
        assert done.code == 2
        assert "proviso index" in done.err


def as_json(path: Path) -> Any:
    """Return the value of a file as the checks read it."""
    document, problems = parse_document(path.name, path.read_bytes())
    assert not problems
    return document.value


# The example prices its model in the register, and has no price book.
@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, (name, _) in FILES.items() if kind != "prices"]
)
def test_the_example_satisfies_the_published_schemas(
    proviso: Command, indexed: Path, kind: str, name: str
) -> None:
    validator = jsonschema_rs.validator_for(json.loads(proviso("schema", kind).out))
    (path,) = (found for found in indexed.rglob(name) if ".proviso" not in found.parts)
    assert [error.message for error in validator.iter_errors(as_json(path))] == []


def test_a_schema_refuses_what_the_check_refuses(proviso: Command, indexed: Path) -> None:
    schema = json.loads(proviso("schema", "sources").out)
    value = as_json(indexed / SOURCES)
    value["sources"]["travel-policy"]["classification"] = "secretish"
    assert not jsonschema_rs.validator_for(schema).is_valid(value)
