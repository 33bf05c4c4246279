"""What must fit together across the files: each fault is told at its clause, with its fix."""

import pytest

from proviso.contract import load_app
from tests.contract.faults import CONTRACT, FAULTS, PEOPLE, POLICY, SOURCES
from tests.contract.workspace import APP, EXAMPLE, RULES, Copy


@pytest.mark.parametrize("case", FAULTS)
def test_a_contradiction_is_told_at_its_clause_with_its_fix(copy: Copy, case: str) -> None:
    file, old, new, clause, words = FAULTS[case]
    copy.replace(file, old, new)
    told = [p for p in copy.problems() if p.clause == clause]
    assert any(words in f"{problem.what}; {problem.fix}" for problem in told), copy.problems()
    assert all(problem.at.line for problem in told)


def test_the_example_has_no_problem() -> None:
    assert load_app(EXAMPLE, "policy-qa", RULES).name == "policy-qa"


@pytest.mark.parametrize("owner", ["product: dana", "risk: sam", 'cost_centre: "4711"'])
def test_a_missing_owner_is_a_gap_and_no_problem(copy: Copy, owner: str) -> None:
    copy.replace(CONTRACT, f"  {owner}", "  # nobody yet")
    assert not copy.problems()


def test_an_owner_who_has_left_or_is_unknown_is_a_gap_and_no_problem(copy: Copy) -> None:
    copy.replace(PEOPLE, "{name: Dana Okafor}", "{name: Dana Okafor, active: false}")
    copy.replace(CONTRACT, "technical: li", "technical: somebody-else")
    assert not copy.problems()


def test_a_source_without_approval_is_a_gap_and_no_problem(copy: Copy) -> None:
    approval = "    approval:                              # who let the source in; never its owner\n"
    text = (copy.root / SOURCES).read_text()
    start = text.index(approval)
    copy.write(SOURCES, text[:start] + text[text.index("    superseded:", start) :])
    assert not copy.problems()


def test_a_blocked_type_meets_a_demand_to_mask_it(copy: Copy) -> None:
    demand = "{clause: outputs.citations, one_of: [required, optional]}"
    copy.replace(POLICY, demand, "{clause: inputs.sensitive.mask, includes: [EMAIL, AWS_ACCESS_KEY]}")
    assert not copy.problems()


def test_a_local_model_is_within_any_residency(copy: Copy) -> None:
    copy.replace(CONTRACT, "residency: [eu-central-1]", "residency: [ap-south-1]")
    assert not copy.problems()


def test_a_contract_may_promise_more_than_its_tier_demands(copy: Copy) -> None:
    copy.replace(CONTRACT, "recall: 0.98", "recall: 1")
    copy.replace(CONTRACT, "payload: 30d", "payload: 1d")
    copy.replace(CONTRACT, "prompt: 1", "prompt: 5")
    assert not copy.problems()


def test_a_fallback_must_be_allowed_by_the_tier(copy: Copy) -> None:
    copy.replace(CONTRACT, "when_unavailable: refuse", "when_unavailable: extractive")
    assert not copy.problems()
    copy.replace(POLICY, "data.\n    models: [extractive]", "data.\n    models: []")
    assert "models.when_unavailable" in {p.clause for p in copy.problems()}


def test_a_circle_of_documents_is_told_once_and_a_long_chain_is_none(copy: Copy) -> None:
    circle = (
        "hotels.html: air-travel.md\n      air-travel.md: rail-travel.md\n      rail-travel.md: air-travel.md"
    )
    copy.replace(SOURCES, "per-diem-2024.md: per-diem-2026.md", circle)
    assert [p.clause for p in copy.problems()] == ["sources.travel-policy.superseded.air-travel.md"]


def test_a_wrong_key_is_placed_where_the_key_stands(copy: Copy) -> None:
    copy.replace(SOURCES, "per-diem-2024.md:", "per-diem-2023.md:")
    problem = copy.problems()[0]
    line = (copy.root / SOURCES).read_text().splitlines()[problem.at.line - 1]
    assert line.index("per-diem-2023.md") + 1 == problem.at.column


def test_other_files_are_still_checked_when_one_cannot_be_read(copy: Copy) -> None:
    copy.replace(POLICY, "policy: vantholm-ai-policy", "policy: [")
    copy.replace(CONTRACT, "deadline_ms: 8000", "deadline_ms: 1")
    assert {p.at.file for p in copy.problems()} == {POLICY, CONTRACT}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff", "not UTF-8"),
        (b"x" * 5000, "longer than"),
        (b"Hi {{ name }}", "template mark"),
    ],
)
def test_a_refusal_text_is_short_plain_and_says_something(copy: Copy, content: bytes, words: str) -> None:
    copy.write(f"{APP}/refusals/legal-advice.md", content)
    assert [words in p.what for p in copy.problems()] == [True]


def test_a_json_answer_with_a_schema_is_valid_and_one_with_a_wrong_schema_is_not(copy: Copy) -> None:
    copy.replace(CONTRACT, "format: {kind: markdown}", "format: {kind: json, schema: schemas/answer.json}")
    copy.write("schemas/answer.json", '{"type": "object"}')
    assert not copy.problems()
    copy.write("schemas/answer.json", '{"type": "nonsense"}')
    assert [p.clause for p in copy.problems()] == ["outputs.format.schema"]
