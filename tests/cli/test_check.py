"""`check`: every problem at once with its place and fix; or clause by clause what is covered and what is missing."""

from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from tests.cli.steps import APP, CONTRACT, PROMPT, SOURCES, WORKFLOW, ask, change, check, on_disk, problems
from tests.conftest import Command

MODELS, POLICY, PEOPLE = "models.yaml", "policy.yaml", "proviso.yaml"


@pytest.mark.req("C10.clauses")
def test_each_clause_is_shown_with_what_covers_it_and_what_is_missing(
    proviso: Command, indexed: Path
) -> None:
    clauses = {row["clause"]: row for row in check(proviso, indexed)["clauses"]}
    masked, name = clauses["inputs.sensitive.mask.EMAIL"], clauses["inputs.sensitive.mask.NAME"]
    assert (masked["control"], masked["owner"]) == ("guardrails.screen: mask", "sam")
    assert masked["missing"] == ["suite"]
    assert name["missing"] == ["control", "suite", "signal"]
    shown = proviso("check", "-w", indexed).out
    assert all(f"{clause} " in shown for clause in clauses)


@pytest.mark.req("C10.coverage")
def test_coverage_counts_the_clauses_that_have_all_four(proviso: Command, indexed: Path) -> None:
    report = check(proviso, indexed)
    whole = [row for row in report["clauses"] if not row["missing"]]
    assert report["coverage_percent"] == 100 * len(whole) // len(report["clauses"])
    assert f"contract coverage {report['coverage_percent']} %" in proviso("check", "-w", indexed).out


@pytest.mark.req("C10.orphans")
def test_what_no_clause_names_is_listed_as_an_orphan(proviso: Command, workspace: Path) -> None:
    (workspace / "apps/policy-qa/prompts/old.md").write_text("old")
    change(workspace, CONTRACT, "sources: [travel-policy, expense-policy]", "sources: [travel-policy]")
    assert check(proviso, workspace)["orphans"] == [
        "apps/policy-qa/prompts/old.md: nothing names it",
        "sources.expense-policy: no clause names it",
    ]
    assert "orphan  apps/policy-qa/prompts/old.md" in proviso("check", "-w", workspace).out


@pytest.mark.req("P1")
def test_stage_p1_is_reached_when_the_contract_is_valid_and_an_answer_can_be_asked_for(
    proviso: Command, tmp_path: Path
) -> None:
    proviso("init", tmp_path / "mine")
    assert [stage["reached"] for stage in check(proviso, tmp_path / "mine")["stages"]] == [False] * 3
    proviso("index", "-w", tmp_path / "mine")
    assert check(proviso, tmp_path / "mine")["stages"][0]["reached"]
    assert ask(proviso, tmp_path / "mine")["outcome"]["kind"] == "answer"


@pytest.mark.req("C5.filters")
def test_a_filter_without_a_classifier_is_a_gap_and_no_pretence(proviso: Command, indexed: Path) -> None:
    clauses = {row["clause"]: row for row in check(proviso, indexed)["clauses"]}
    for name in ("PROMPT_ATTACK", "VIOLENCE"):
        assert "control" in clauses[f"safety.filters.{name}"]["missing"]


@pytest.mark.parametrize(
    ("person", "gap"),
    [
        pytest.param("dana", "owners.product", marks=pytest.mark.req("S6.app")),
        pytest.param("nadia", "sources.travel-policy.owner", marks=pytest.mark.req("S6.source")),
        pytest.param("li", "models.extractive.owner", marks=pytest.mark.req("S6.model")),
        pytest.param("platform-rota", "owners.on_call", marks=pytest.mark.req("S6.alert")),
    ],
)
def test_an_owner_who_has_left_is_a_gap(proviso: Command, workspace: Path, person: str, gap: str) -> None:
    change(workspace, PEOPLE, f"{person}: {{", f"{person}: {{active: false, ")
    report = check(proviso, workspace)
    assert any(text.startswith(gap) for text in report["gaps"])
    assert f"gap: {gap}" in str(report["stages"][1]["missing"])


@pytest.mark.req("S6.alert")
def test_an_alert_whose_owner_has_left_is_owned_by_nobody(proviso: Command, workspace: Path) -> None:
    change(workspace, PEOPLE, "platform-rota: {", "platform-rota: {active: false, ")
    clauses = {row["clause"]: row for row in check(proviso, workspace)["clauses"]}
    assert "owner" in clauses["monitoring.alerts.empty_retrieval_rate"]["missing"]


@pytest.mark.req("S6.cost")
@pytest.mark.parametrize(
    ("old", "gap"),
    [
        ('  cost_centre: "4711"\n', "owners.cost_centre"),
        ("  escalation:\n    - {after: 4h, to: sam}\n", "owners.escalation"),
    ],
)
def test_cost_centre_and_escalation_that_are_missing_are_gaps(
    proviso: Command, workspace: Path, old: str, gap: str
) -> None:
    change(workspace, CONTRACT, old, "")
    assert any(text.startswith(gap) for text in check(proviso, workspace)["gaps"])


@pytest.mark.req("S6.cost")
@pytest.mark.parametrize("asset", ["", "asset: gadget\n"])
def test_an_app_is_a_product_feature_an_it_tool_or_a_data_asset(
    proviso: Command, workspace: Path, asset: str
) -> None:
    change(workspace, CONTRACT, "asset: it-tool\n", asset)
    assert "asset" in problems(proviso, workspace)


@pytest.mark.req("C4.stated", "C7.stated")
def test_quality_and_cost_are_clauses_of_the_contract(proviso: Command, indexed: Path) -> None:
    clauses = {row["clause"]: row["states"] for row in check(proviso, indexed)["clauses"]}
    assert clauses["quality.intents.per-diem.accuracy"] == "0.95"
    assert clauses["quality.long_tail.accuracy"] == "0.8"
    assert (clauses["cost.per_request_usd"], clauses["cost.per_day_usd"]) == ("0.02", "50.0")


DEMANDS = {
    "C1.tasks": (
        CONTRACT, "tasks: [answer]", "tasks: [answer, fly]", "purpose.tasks", "`answer`",
    ),
    "C1.tasks G3.tasks": (
        POLICY,
        "internal data.\n    models: [extractive]\n    tasks: [answer, ",
        "internal data.\n    models: [extractive]\n    tasks: [",
        "purpose.tasks.answer", "does not allow `answer`",
    ),
    "C4.stated": (
        CONTRACT, "accuracy: 0.95", "accuracy: 0.85", "quality.intents.per-diem.accuracy", "at least 0.9",
    ),
    "C4.stated R4.tiers": (
        CONTRACT, "refusals: {recall: 0.98", "refusals: {recall: 0.9", "quality.refusals.recall", "at least 0.95",
    ),
    "C5.residency": (
        MODELS, "regions: [local] ", "regions: [us-east-1] ", "models.drafter", "`us-east-1`, outside",
    ),
    "C8.stated R4.tiers": (
        CONTRACT, "model: 2", "model: 1", "change_control.review.model", "demands 2",
    ),
    "M1.governed": (
        WORKFLOW, "drafter: extractive", "drafter: gpt", "models.drafter", "`gpt` is no model of models.yaml",
    ),
    "M1.governed G3.models": (
        POLICY,
        "internal data.\n    models: [extractive]",
        "internal data.\n    models: []",
        "models.drafter", "does not allow `extractive`",
    ),
    "M1.governed M1": (
        MODELS, "[public, internal, confidential", "[public, confidential", "models.drafter", "`internal` data",
    ),
    "R4.tiers": (
        CONTRACT, "tier: internal-assist", "tier: customer-facing", "safety.filters", "demands",
    ),
    "R4.tiers prohibited": (
        CONTRACT, "tier: internal-assist", "tier: prohibited", "tier", "is allowed",
    ),
    "C2 R4.tiers": (
        CONTRACT, "      - CREDIT_DEBIT_CARD_NUMBER\n", "", "inputs.sensitive.block", "CREDIT_DEBIT_CARD_NUMBER",
    ),
    "M1.tradeoff": (
        MODELS, "    trade_off: >-\n", "    trade_of: >-\n", "models.extractive.trade_of", "trade_off",
    ),
}  # fmt: skip


def demand(name: str) -> ParameterSet:
    """Return a case of `DEMANDS`, marked with those of its words that are parts of requirements."""
    marks = [pytest.mark.req(word) for word in name.split() if "." in word]
    return pytest.param(*DEMANDS[name], marks=marks, id=name)


@pytest.mark.parametrize(("file", "old", "new", "clause", "words"), [demand(name) for name in DEMANDS])
def test_less_than_the_tier_demands_is_invalid_and_names_clause_and_demand(
    proviso: Command, workspace: Path, file: str, old: str, new: str, clause: str, words: str
) -> None:
    change(workspace, file, old, new)
    said = problems(proviso, workspace)
    line = next(line for line in said.splitlines() if f"  {clause}" in line)
    assert words in line
    assert "fix:" in line
    assert line.startswith(("apps/policy-qa/", "policy.yaml:", "models.yaml:"))


def break_everything(folder: Path) -> None:
    """Make one mistake in each of six files."""
    change(folder, CONTRACT, "deadline_ms: 8000", "deadline_ms: 1")
    change(folder, CONTRACT, "citations: required", "citation: required")
    change(folder, WORKFLOW, "passages: 5", "passages: five")
    change(folder, SOURCES, "classification: internal", "classification: hidden")
    change(folder, MODELS, "context: 200000", "context: -1")
    change(folder, PROMPT, "{% endfor %}", "")
    change(folder, POLICY, "version: 1", "version: one")


@pytest.mark.req("S1.valid")
def test_every_problem_is_told_at_once_with_its_place_and_fix(proviso: Command, workspace: Path) -> None:
    break_everything(workspace)
    lines = [line for line in problems(proviso, workspace).splitlines() if "fix:" in line]
    places = {line.split()[0].split(":")[0] for line in lines}
    assert {CONTRACT, WORKFLOW, SOURCES, MODELS, POLICY} <= places
    assert "did you mean `citations`" in " ".join(lines)
    assert all(line.split()[0].count(":") in (0, 2) for line in lines)


@pytest.mark.req("S1.valid")
@pytest.mark.parametrize("verb", ["serve", "index", "ask", "search"])
def test_an_invalid_contract_stops_every_verb_with_every_problem(
    proviso: Command, workspace: Path, verb: str
) -> None:
    break_everything(workspace)
    before = on_disk(workspace)
    question = [APP, "Oslo?"] if verb in ("ask", "search") else []
    done = proviso(verb, "-w", workspace, *question)
    assert (done.code, done.out) == (2, "")
    assert done.err.strip() == proviso("check", "-w", workspace).err.strip()
    assert "Traceback" not in done.err
    assert on_disk(workspace) == before


@pytest.mark.req("O3.declared")
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Question: {{ question }}", "Question: {{ question }} {{ colour }}", "`colour`"),
        ("variables: [question, passages]", "variables: [question, passages, colour]", "`colour`"),
        ("{% endfor %}", "", "parse"),
    ],
)
def test_a_prompt_with_a_fault_stops_check_and_serve_and_names_its_file(
    proviso: Command, workspace: Path, old: str, new: str, words: str
) -> None:
    change(workspace, PROMPT, old, new)
    for verb in ("check", "serve"):
        done = proviso(verb, "-w", workspace)
        assert done.code == 2
        assert PROMPT in done.err
        assert words in done.err


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"a: &a [*a]",
        b"contract: " + b"[" * 5000,
        b"contract: policy-qa\ncontract: x",
    ],
)
def test_a_broken_file_is_a_problem_and_never_a_traceback(
    proviso: Command, workspace: Path, content: bytes
) -> None:
    (workspace / CONTRACT).write_bytes(content)
    said = problems(proviso, workspace)
    assert CONTRACT in said
    assert "Traceback" not in said


def test_a_folder_without_a_workspace_is_said_so(proviso: Command, tmp_path: Path) -> None:
    done = proviso("check", "-w", tmp_path)
    assert done.code == 2
    assert "proviso.yaml" in done.err


def test_an_unknown_app_is_answered_with_the_known_ones(proviso: Command, indexed: Path) -> None:
    done = proviso("check", "-w", indexed, "policy")
    assert done.code == 2
    assert "`policy-qa`" in done.err


@pytest.mark.req("S1.valid")
def test_unsafe_settings_of_a_provider_and_broken_policies_are_told_with_all_else(
    proviso: Command, workspace: Path
) -> None:
    change(workspace, CONTRACT, "tier: internal-assist", "tier: internal")
    oidc = "{issuer: 'http://id.example.com', algorithms: [HS256, none], audiences: [p], clock_skew: 1h}"
    change(workspace, PEOPLE, "groups:\n", f"identity:\n  oidc: {oidc}\ngroups:\n")
    policy = '@id("x")\npermit (principal in Role::"king", action, resource);\n'
    (workspace / "policies.cedar").write_text(policy)
    said = problems(proviso, workspace)
    for place in ("contract.yaml:", "proviso.yaml:", "policies.cedar:2:1"):
        assert place in said
    assert "identity.oidc.issuer | `http://id.example.com` is no address" in said
    assert "identity.oidc.algorithms | `HS256` is not taken" in said
    assert "identity.oidc.algorithms | `none` is not taken" in said
    assert "identity.oidc.clock_skew | a skew of 3600 s is too much" in said
