"""`ask` and `search`: answers under the contract, refusals by their clause, and the contract tightened."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.steps import (
    APP,
    CARD,
    CONTRACT,
    OSLO,
    PROMPT,
    SSN,
    WORKFLOW,
    ask,
    change,
    on_disk,
    run_json,
    search,
    trace,
)
from tests.conftest import Command

MAIL = "maria.holm@vantholm.example"


def refused(run: Any) -> tuple[str, str]:
    assert run["outcome"]["kind"] == "refusal"
    return run["outcome"]["reason"], run["outcome"]["clause"]


def template(folder: Path, name: str) -> str:
    return (folder / f"apps/policy-qa/refusals/{name}.md").read_text().strip()


@pytest.mark.req("R1.policy-qa", "W1.cited")
def test_a_question_is_answered_in_words_of_the_documents_with_citations(
    proviso: Command, indexed: Path
) -> None:
    run = ask(proviso, indexed)
    assert "The per diem for Oslo is NOK 1,020 for a full day." in run["outcome"]["text"]
    assert {citation["document"] for citation in run["outcome"]["citations"]} == {"per-diem-2026.md"}
    assert "per-diem-2026.md" in proviso("ask", "-w", indexed, APP, OSLO).out


@pytest.mark.req("A6.citations", "W1.cited")
def test_each_citation_leads_to_its_exact_quote(proviso: Command, indexed: Path) -> None:
    outcome = ask(proviso, indexed)["outcome"]
    document = (indexed / "sources/travel-policy/per-diem-2026.md").read_bytes()
    found = search(proviso, indexed, OSLO)
    for citation in outcome["citations"]:
        (passage,) = (p for p in found if p["passage"] == citation["passage"])
        begin, end = citation["start"] - passage["start"], citation["end"] - passage["start"]
        assert passage["text"][begin:end] == citation["quote"]
        assert hashlib.sha256(citation["quote"].encode()).hexdigest() == citation["quote_digest"]
        assert hashlib.sha256(document).hexdigest() == citation["version"]
        assert f"[{citation['number']}]" in outcome["text"]


FORMATS = {
    "receipts.md": "What may I do when I have lost a receipt? How often may form EX-05 be used?",
    "hotels.html": "What is the hotel ceiling for Oslo per night?",
    "company-card.pdf": "What is the monthly limit of the standard company card?",
    "meals-and-entertainment.docx": "What is the limit for a client dinner per person?",
    "travel-disruption.txt": "During a disruption, what may a room cost without prior approval?",
}


@pytest.mark.req("A4.formats")
@pytest.mark.parametrize(("document", "question"), FORMATS.items(), ids=FORMATS)
def test_documents_of_every_format_answer(
    proviso: Command, indexed: Path, document: str, question: str
) -> None:
    cited = {citation["document"] for citation in ask(proviso, indexed, question)["outcome"]["citations"]}
    assert document in cited


@pytest.mark.req("C2.mask", "A3.in", "G1.redaction")
def test_a_masked_field_is_replaced_before_anything_sees_it(proviso: Command, workspace: Path) -> None:
    run = ask(proviso, workspace, f"I am {MAIL}. {OSLO}")
    assert run["outcome"]["kind"] == "answer"
    assert ("mask", "EMAIL", "inputs.sensitive.mask.EMAIL") in {
        (decision["action"], decision["rule"], decision["clause"]) for decision in run["decisions"]
    }
    assert trace(proviso, workspace, run["run"])["payload"]["question"] == f"I am [EMAIL]. {OSLO}"
    assert MAIL.encode() not in on_disk(workspace)


@pytest.mark.req("C2.block", "A3.in", "A6.refusals")
@pytest.mark.parametrize(
    ("value", "kind"), [(CARD, "CREDIT_DEBIT_CARD_NUMBER"), (SSN, "US_SOCIAL_SECURITY_NUMBER")]
)
def test_a_blocked_field_refuses_the_question_and_is_on_no_disk(
    proviso: Command, workspace: Path, value: str, kind: str
) -> None:
    run = ask(proviso, workspace, f"Here is {value}. {OSLO}")
    assert refused(run) == ("blocked_input", f"inputs.sensitive.block.{kind}")
    assert run["outcome"]["text"] == template(workspace, "blocked-input")
    disk = on_disk(workspace)
    assert value.encode() not in disk
    assert value.replace(" ", "").replace("-", "").encode() not in disk


@pytest.mark.req("C1.refuses", "G4.refusals", "A6.refusals")
@pytest.mark.parametrize(
    ("question", "purpose"),
    [
        ("Can I sue the airline?", "legal-advice"),
        ("How much tax will I owe on my bonus?", "tax-advice"),
        ("Which malaria tablets should I take?", "medical-advice"),
    ],
)
def test_a_refused_purpose_is_refused_with_its_template_and_clause(
    proviso: Command, indexed: Path, question: str, purpose: str
) -> None:
    run = ask(proviso, indexed, question)
    assert refused(run) == ("out_of_purpose", f"purpose.refuses.{purpose}")
    assert run["outcome"]["text"] == template(indexed, purpose)
    assert f"purpose.refuses.{purpose}" in proviso("ask", "-w", indexed, APP, question).out


@pytest.mark.req("W1.refused", "G4.refusals")
def test_what_the_documents_do_not_say_is_not_answered(proviso: Command, indexed: Path) -> None:
    run = ask(proviso, indexed, "How many weeks of parental leave do I get?")
    assert refused(run) == ("no_evidence", "safety.grounding")
    assert run["outcome"]["text"] == template(indexed, "no-evidence")


def test_a_question_over_the_limit_is_refused_by_the_limits_clause(proviso: Command, workspace: Path) -> None:
    change(workspace, CONTRACT, "max_chars: 8000", "max_chars: 20")
    assert refused(ask(proviso, workspace)) == ("too_long", "inputs.max_chars")


@pytest.mark.req("C3.disallowed", "A3.out", "O4.guardrails")
def test_disallowed_content_never_leaves(proviso: Command, workspace: Path) -> None:
    change(workspace, CONTRACT, "      patterns:\n", '      patterns:\n        - "per diem for Oslo is"\n')
    run = ask(proviso, workspace)
    assert refused(run) == ("failed_check", "outputs.disallowed.commitments")
    assert "1,020" not in json.dumps(run)
    assert "1,020 for a full day" not in str(trace(proviso, workspace, run["run"])["payload"])


@pytest.mark.req("A3.out")
def test_documents_are_screened_anew_before_a_new_rule_is_served(proviso: Command, workspace: Path) -> None:
    change(workspace, CONTRACT, "    custom: []", '    custom: [{id: rate, pattern: "1,020", action: mask}]')
    before = proviso("ask", "-w", workspace, "policy-qa", "What is the per diem for Oslo?")
    assert before.code != 0
    assert "run `proviso index`" in before.err
    proviso("index", "-w", workspace)
    outcome = ask(proviso, workspace)["outcome"]
    assert "[RATE]" in str(outcome)
    assert "1,020" not in str(outcome)


@pytest.mark.req("C3.format")
def test_an_answer_outside_the_format_is_refused(proviso: Command, workspace: Path) -> None:
    schemas = workspace / "apps/policy-qa/schemas"
    schemas.mkdir()
    (schemas / "answer.json").write_text('{"type": "object", "required": ["answer"]}')
    change(workspace, CONTRACT, "{kind: markdown}", "{kind: json, schema: schemas/answer.json}")
    assert refused(ask(proviso, workspace)) == ("failed_check", "outputs.format")


@pytest.mark.req("C3.format")
def test_an_answer_that_was_cut_off_is_refused(proviso: Command, workspace: Path) -> None:
    change(workspace, WORKFLOW, "max_tokens: 800", "max_tokens: 5")
    assert refused(ask(proviso, workspace)) == ("failed_check", "outputs.format")


@pytest.mark.req("C7.stated")
def test_the_cost_of_a_run_is_recorded_in_micro_dollars(proviso: Command, workspace: Path) -> None:
    change(
        workspace, "models.yaml",
        "{input_per_million_usd: 0, output_per_million_usd: 0}",
        "{input_per_million_usd: 3, output_per_million_usd: 15}",
    )  # fmt: skip
    run = ask(proviso, workspace)
    tokens = run["usage"]
    price = 3 * tokens["input_tokens"] + 15 * tokens["output_tokens"]
    assert price > 0
    assert run["cost_micro_usd"] == trace(proviso, workspace, run["run"])["run"]["cost_micro_usd"] == price


@pytest.mark.req("S3.versions", "O3.versions", "G2.versions")
def test_a_changed_prompt_is_another_version_and_another_release(proviso: Command, workspace: Path) -> None:
    before = ask(proviso, workspace)
    change(workspace, PROMPT, "plain English", "very plain English")
    after = ask(proviso, workspace)
    assert before["release"] != after["release"]
    versions = [trace(proviso, workspace, run["run"])["run"]["prompt_version"] for run in (before, after)]
    assert versions[0] != versions[1] == hashlib.sha256((workspace / PROMPT).read_bytes()).hexdigest()
    change(workspace, PROMPT, "very plain English", "plain English")
    assert ask(proviso, workspace)["release"] == before["release"]


@pytest.mark.req("G2.versions")
def test_new_owners_are_new_terms_of_the_same_release(proviso: Command, workspace: Path) -> None:
    before = ask(proviso, workspace)
    change(workspace, CONTRACT, "technical: li", "technical: dana")
    after = ask(proviso, workspace)
    assert before["release"] == after["release"]
    assert before["terms"] != after["terms"]


def test_a_reader_without_a_group_finds_nothing(proviso: Command, indexed: Path) -> None:
    mileage = "How much is paid per kilometre in my own car, from the Hamburg office?"
    assert {p["source"] for p in search(proviso, indexed, mileage, "--as", "jo")} == {"travel-policy"}
    assert "expense-policy" not in str(ask(proviso, indexed, mileage, "--as", "jo")["outcome"])


def test_a_person_of_no_group_may_not_use_the_app(proviso: Command, indexed: Path) -> None:
    done = proviso("ask", "-w", indexed, APP, OSLO, "--as", "platform-rota")
    assert done.code == 2
    assert "no app `policy-qa`" in done.err


@pytest.mark.parametrize("user", ["bob", "sam"])
def test_a_stranger_or_somebody_who_has_left_may_not_ask(
    proviso: Command, workspace: Path, user: str
) -> None:
    change(workspace, "proviso.yaml", "sam: {", "sam: {active: false, ")
    done = proviso("ask", "-w", workspace, APP, OSLO, "--as", user)
    assert done.code == 2
    assert f"`{user}` is not an active person" in done.err
    assert "dana" in done.err


@pytest.mark.req("S2.lineage")
def test_each_passage_says_who_approved_it_which_version_it_is_and_when_it_was_read(
    proviso: Command, indexed: Path
) -> None:
    for passage in search(proviso, indexed, OSLO):
        document = (indexed / "sources" / passage["source"] / passage["document"]).read_bytes()
        assert passage["version"] == hashlib.sha256(document).hexdigest()
        assert (passage["approved_by"], passage["approved_on"]) == ("sam", "2026-03-02")
        assert passage["fetched_at"].endswith("+00:00")
    assert "approved by sam on 2026-03-02" in proviso("search", "-w", indexed, APP, OSLO).out


def test_the_same_question_gets_the_same_answer_twice(proviso: Command, indexed: Path) -> None:
    assert ask(proviso, indexed)["outcome"] == ask(proviso, indexed)["outcome"]


def test_a_search_for_what_is_not_there_says_why(proviso: Command, indexed: Path) -> None:
    found = run_json(proviso, "search", "-w", indexed, APP, "xylophone")
    assert found == {"empty": "no_match", "passages": []}
