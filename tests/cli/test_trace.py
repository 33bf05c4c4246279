"""`trace` and what is on disk: from a run back to its sources; what is not logged is not there."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.steps import CONTRACT, OSLO, ask, change, on_disk, trace
from tests.conftest import Command


@pytest.mark.req("G5.trace", "S2.lineage")
def test_a_run_leads_back_to_documents_approvals_and_contract(proviso: Command, indexed: Path) -> None:
    run = ask(proviso, indexed)
    found = trace(proviso, indexed, run["run"])
    cited = [passage for passage in found["passages"] if passage["quotes"]]
    assert {passage["approved_by"] for passage in cited} == {"sam"}
    assert {c["quote"] for c in run["outcome"]["citations"]} == {
        quote["text"] for passage in cited for quote in passage["quotes"]
    }
    assert (found["run"]["release"], found["run"]["terms"]) == (run["release"], run["terms"])
    assert (found["contract"]["tier"], found["contract"]["policy"]) == (
        "internal-assist", "vantholm-ai-policy",
    )  # fmt: skip


@pytest.mark.req("G5.owners")
def test_a_trace_names_owners_and_escalation(proviso: Command, indexed: Path) -> None:
    run = ask(proviso, indexed)["run"]
    contract = trace(proviso, indexed, run)["contract"]
    assert (contract["owners"]["product"], contract["owners"]["on_call"]) == ("dana", "platform-rota")
    assert contract["escalation"] == [{"after": "4h", "to": "sam"}]
    shown = proviso("trace", "-w", indexed, run).out
    assert "product dana" in shown
    assert "escalation: after 4h to sam" in shown


@pytest.mark.req("G5.trace")
def test_a_refusal_leads_back_to_its_clause(proviso: Command, indexed: Path) -> None:
    run = ask(proviso, indexed, "Can I sue the airline?")["run"]
    assert trace(proviso, indexed, run)["run"]["clause"] == "purpose.refuses.legal-advice"
    assert "refused by purpose.refuses.legal-advice" in proviso("trace", "-w", indexed, run).out


@pytest.mark.req("G5.trace")
def test_a_trace_outlives_the_files_and_the_snapshot(proviso: Command, workspace: Path) -> None:
    run = ask(proviso, workspace)["run"]
    (workspace / "sources/travel-policy/per-diem-2026.md").write_text("# Per diem\n\nIt is NOK 1.\n")
    change(workspace, CONTRACT, "tier: internal-assist", "tier: sandbox")
    proviso("index", "-w", workspace)
    found = trace(proviso, workspace, run)
    assert (found["contract"]["tier"], found["passages"][0]["approved_by"]) == ("internal-assist", "sam")
    assert "1,020" in found["payload"]["answer"]


@pytest.mark.req("C9.log")
@pytest.mark.parametrize("kept", ["question", "answer", "citations"])
def test_only_the_declared_parts_of_a_payload_are_stored(
    proviso: Command, workspace: Path, kept: str
) -> None:
    planted = {
        "question": b"What is the per diem for Oslo",
        "answer": b"for a full day. [",
        "citations": b'"quote":',
    }
    change(workspace, CONTRACT, "log: [question, answer, citations]", f"log: [{kept}]")
    for path in (workspace / ".proviso").glob("runs-*"):
        path.unlink()  # runs of other tests
    ask(proviso, workspace)
    databases = b"".join(path.read_bytes() for path in (workspace / ".proviso").glob("runs-*"))
    assert [name for name, text in planted.items() if text in databases] == [kept]


@pytest.mark.req("C9.log")
def test_with_nothing_declared_no_text_of_a_run_is_on_disk(proviso: Command, workspace: Path) -> None:
    change(workspace, CONTRACT, "log: [question, answer, citations]", "log: []")
    question = "Tell me the xylophone per diem for Oslo, please?"
    run = ask(proviso, workspace, question)
    assert run["outcome"]["kind"] == "answer"
    assert b"xylophone" not in on_disk(workspace)
    assert trace(proviso, workspace, run["run"])["payload"] == {}


def test_the_log_knows_people_by_pseudonyms_only(proviso: Command, workspace: Path) -> None:
    ask(proviso, workspace, OSLO, "--as", "tomas")
    logs = b"".join(path.read_bytes() for path in (workspace / ".proviso").glob("runs-*"))
    assert b"tomas" not in logs


@pytest.mark.parametrize("run", ["nonsense", "01931c8e-0000-7000-8000-000000000000", "", "é", "x" * 10_000])
def test_an_unknown_run_is_said_so(proviso: Command, indexed: Path, run: str) -> None:
    done = proviso("trace", "-w", indexed, run)
    assert done.code == 2
    assert "no run" in done.err
    assert len(done.err) < 300


def test_a_record_that_was_changed_on_disk_is_not_believed(proviso: Command, workspace: Path) -> None:
    run = ask(proviso, workspace)
    with closing(sqlite3.connect(workspace / ".proviso/control.db")) as control:
        control.execute("UPDATE blobs SET body = ? WHERE digest = ?", (b"{}", run["release"]))
        control.commit()
    done = proviso("trace", "-w", workspace, run["run"])
    assert done.code == 4
    assert "digest" in done.err
