"""The way from a run back to documents, approvals and contract, from the record alone."""

from typing import Any

import msgspec
from msgspec.structs import replace

from proviso.contract import Bundle, MemoryBlobs, Terms, load_release, load_terms, save_release, save_terms
from proviso.governance import trace
from proviso.ledger import RunRecord
from proviso.orchestrator import serve
from proviso.retrieval import Lineage
from tests.contract.workspace import example_app
from tests.orchestrator.made import RATE, Steps, run

LINEAGE = Lineage(
    "p1", 0, 10, "policy", "a.md", "Per diem", "0" * 64, "internal", "sam", "2026-03-02", "2026-11-22T10:00:00+00:00",
    "markdown/1", "chunks/1", "c" * 64,
)  # fmt: skip


def bundles() -> tuple[Bundle, Terms]:
    blobs = MemoryBlobs()
    app = example_app()
    return (
        load_release(save_release(app, "c" * 64, {"text": 1}, blobs), blobs),
        load_terms(save_terms(app, blobs), blobs),
    )


async def answered(question: str = "What is the per diem for Oslo?") -> RunRecord:
    ledger = Steps()
    await serve(run(question), ledger)
    return ledger.recent(1)[0]


def traced(record: RunRecord, lineage: Lineage | None = LINEAGE) -> dict[str, Any]:
    assert record.finished is not None
    bundle, terms = bundles()
    terms = replace(terms, sources={"policy": terms.sources["travel-policy"]})
    return trace(record, record.finished, bundle, terms, lambda _: lineage)


async def test_an_answer_leads_to_the_quoted_document_and_who_approved_it() -> None:
    (passage, *_) = traced(await answered())["passages"]
    assert (passage["document"], passage["approved_by"], passage["approved_on"]) == (
        "a.md", "sam", "2026-03-02",
    )  # fmt: skip
    assert (passage["cited_as"], [quote["text"] for quote in passage["quotes"]]) == ("1", [RATE])


async def test_it_leads_to_tier_owners_policy_and_the_code_revisions() -> None:
    contract = traced(await answered())["contract"]
    assert (contract["tier"], contract["owners"]["product"]) == ("internal-assist", "dana")
    assert (contract["policy"], contract["revisions"]) == ("vantholm-ai-policy", {"text": 1})


async def test_the_trace_outlives_the_snapshot() -> None:
    assert traced(await answered(), None)["passages"][0]["fetched_at"] == "(the snapshot is gone)"


async def test_a_refusal_is_traced_to_its_clause() -> None:
    found = traced(await answered("Can I sue the airline?"))
    assert found["run"]["clause"] == "purpose.refuses.legal-advice"
    assert found["passages"] == []


async def test_an_erased_user_is_said_to_be_erased() -> None:
    record = msgspec.structs.replace(await answered(), user="", payload=None)
    found = traced(record)
    assert (found["run"]["user"], found["payload"]) == ("(erased)", {})


async def test_the_pseudonym_stays_in_the_log() -> None:
    assert "subject" not in traced(await answered())["run"]
