"""Which models take a role: by name, in order, by rule; every candidate has its place or its reasons."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from proviso.contract import (
    MemoryBlobs,
    load_app,
    load_release,
    load_terms,
    release_manifest,
    save_release,
    save_terms,
)
from proviso.contract.grounds import Rule
from tests.contract.faults import CONTRACT, MODELS, POLICY, SOURCES, WORKFLOW
from tests.contract.hosting import ALLOWED, PRICES, host
from tests.contract.workspace import RULES, Copy

NEEDS = "drafter: {context: 32000}"


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return host(Copy(tmp_path_factory.mktemp("choice")))


def chosen(copy: Copy, wanted: str, needs: str = NEEDS) -> tuple[str, ...]:
    """Return the drafters that a workflow gets which asks for them like this."""
    with copy.as_it_was(WORKFLOW), copy.as_it_was(CONTRACT):
        copy.replace(WORKFLOW, "drafter: extractive", f"drafter: {wanted}")
        copy.replace(CONTRACT, NEEDS, needs)
        return copy.load().choices["drafter"].names


def reasons(copy: Copy) -> dict[str, list[str]]:
    """Return the rules by which each model is ruled out."""
    candidates = copy.load().choices["drafter"].candidates
    return {one.name: [ground.rule for ground in one.grounds] for one in candidates if one.grounds}


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("small", ("small",)),
        ("[large, small, extractive]", ("large", "small", "extractive")),
        ("{choose: first}", ("large",)),
        ("{choose: first, stand_ins: 2}", ("large", "small", "own")),
        ("{choose: cheapest, stand_ins: 1}", ("extractive", "own")),
        ("{choose: largest-context, stand_ins: 8}", ("extractive", "large", "small", "own")),
    ],
)
def test_a_role_gets_the_models_that_its_workflow_asks_for(
    hosted: Copy, wanted: str, names: tuple[str, ...]
) -> None:
    assert chosen(hosted, wanted) == names


@pytest.mark.parametrize(
    ("needs", "name"),
    [
        ("features: [tools]", "large"),
        ("output: 4097", "extractive"),
        ("deterministic: true", "extractive"),
        ("context: 100000, features: [citations]", "large"),
        ("max_usd: 0.11", "large"),
        ("max_usd: 0.10", "small"),
        ("max_usd_per_million_out: 1.25", "small"),
        ("max_usd_per_million_out: 1.249999", "own"),
    ],
)
def test_a_rule_chooses_only_among_what_the_contract_needs(hosted: Copy, needs: str, name: str) -> None:
    least = "" if "context" in needs else "context: 32000, "
    assert chosen(hosted, "{choose: first}", f"drafter: {{{least}{needs}}}") == (name,)


ACTIVE, WORDS = (
    "lifecycle: {status: active}\n    trade_off: It",
    "context: 64000\n    max_output: 4096\n    languages:",
)
CHANGES: list[tuple[str, str, str, Rule]] = [
    (POLICY, ALLOWED, "[large, wide, own, extractive]", "tier"),
    (MODELS, ACTIVE, ACTIVE.replace("active", "legacy, end_of_life: 2026-11-22"), "end-of-life"),
    (MODELS, "data_classes: [public, internal]\n", "data_classes: [public]\n", "data-sensitivity"),
    (CONTRACT, "residency: [eu-central-1]", "residency: [eu-west-1]", "residency"),
    (MODELS, f"{WORDS} [en]", f"{WORDS} [de]", "language"),
    (CONTRACT, NEEDS, "drafter: {context: 65000}", "context"),
    (WORKFLOW, "max_tokens: 800", "max_tokens: 4097", "output"),
    (CONTRACT, NEEDS, "drafter: {context: 32000, features: [citations]}", "feature"),
    (CONTRACT, NEEDS, "drafter: {context: 32000, deterministic: true}", "determinism"),
    (CONTRACT, NEEDS, "drafter: {context: 32000, max_usd: 0.0089}", "cost-ceiling"),
]


@pytest.mark.parametrize(("file", "old", "new", "rule"), CHANGES, ids=[case[3] for case in CHANGES])
def test_each_reason_rules_a_model_out_whether_it_is_named_or_not(
    hosted: Copy, file: str, old: str, new: str, rule: Rule
) -> None:
    with hosted.as_it_was(file), hosted.as_it_was(WORKFLOW):
        hosted.replace(file, old, new)
        hosted.replace(WORKFLOW, "drafter: extractive", "drafter: {choose: first}")
        assert set(reasons(hosted)["small"]) == {rule}
        hosted.replace(WORKFLOW, "drafter: {choose: first}", "drafter: [small]")
        assert {problem.clause for problem in hosted.problems()} == {"models.drafter.small"}


def test_nothing_that_suits_is_a_problem_with_the_reason_of_each(hosted: Copy) -> None:
    with hosted.as_it_was(WORKFLOW), hosted.as_it_was(CONTRACT):
        hosted.replace(WORKFLOW, "drafter: extractive", "drafter: {choose: cheapest}")
        hosted.replace(CONTRACT, NEEDS, "drafter: {context: 300000}")
        (problem,) = hosted.problems()
    assert (problem.at.file, problem.clause) == (WORKFLOW, "models.drafter")
    assert "`small` reads 64000 tokens" in problem.what
    assert "`wide` may process data in `eu-west-1`" in problem.what


def test_the_same_name_twice_and_an_unknown_one_are_told_where_they_stand(hosted: Copy) -> None:
    with hosted.as_it_was(WORKFLOW):
        hosted.replace(WORKFLOW, "drafter: extractive", "drafter: [small, smal, small]")
        told = [(problem.clause, problem.what) for problem in hosted.problems()]
    assert [clause for clause, _ in told] == ["models.drafter.smal", "models.drafter.2"]


def test_a_role_that_no_model_has_here_is_told(hosted: Copy) -> None:
    with hosted.as_it_was(WORKFLOW), hosted.as_it_was(CONTRACT):
        hosted.replace(WORKFLOW, "drafter: extractive", "drafter: extractive\n  jugde: extractive")
        hosted.replace(CONTRACT, NEEDS, f"{NEEDS}\n    jugde: {{context: 1}}")
        (problem,) = hosted.problems()
    assert (problem.clause, "did you mean `judge`" in problem.fix) == ("models.jugde", True)


def test_a_release_has_exactly_the_chosen_models_and_its_terms_their_prices(hosted: Copy) -> None:
    blobs = MemoryBlobs()
    with hosted.as_it_was(WORKFLOW):
        hosted.replace(WORKFLOW, "drafter: extractive", "drafter: [large, small]")
        app = hosted.load()
    bundle, terms = (
        load_release(save_release(app, "5" * 64, {}, blobs), blobs),
        load_terms(save_terms(app, blobs), blobs),
    )
    assert (bundle.roles, set(bundle.models)) == ({"drafter": ("large", "small")}, {"large", "small"})
    assert (terms.prices["large"].cache_write, terms.prices["small"].cache_write) == (3_750_000, 250_000)
    assert terms.price_book == 3


def test_a_price_that_changes_the_choice_is_another_release_and_one_that_does_not_is_none(
    hosted: Copy,
) -> None:
    def digest() -> str:
        return release_manifest(hosted.load(), "5" * 64, {}).digest

    with hosted.as_it_was(WORKFLOW), hosted.as_it_was(PRICES), hosted.as_it_was(POLICY):
        hosted.replace(POLICY, ALLOWED, "[small, own]")
        hosted.replace(WORKFLOW, "drafter: extractive", "drafter: {choose: cheapest}")
        first = digest()
        hosted.replace(PRICES, "7b: {input: 100000", "7b: {input: 200000")
        assert digest() == first
        hosted.replace(PRICES, "7b: {input: 200000", "7b: {input: 900000")
        assert digest() != first


def test_a_model_that_ends_makes_room_for_the_next_on_the_day(hosted: Copy) -> None:
    with hosted.as_it_was(WORKFLOW), hosted.as_it_was(MODELS):
        hosted.replace(WORKFLOW, "drafter: extractive", "drafter: {choose: first}")
        text = (hosted.root / MODELS).read_text()
        before, after = text.split("  large:")
        hosted.write(
            MODELS, before + "  large:" + after.replace("active}", "active, end_of_life: 2026-12-01}", 1)
        )
        names = [
            load_app(hosted.root, "policy-qa", structs.replace(RULES, today=day)).choices["drafter"].names
            for day in (date(2026, 11, 30), date(2026, 12, 1))
        ]
    assert names == [("large",), ("small",)]


@settings(deadline=None, max_examples=8)
@given(rule=st.sampled_from(["first", "cheapest", "largest-context"]), stand_ins=st.integers(0, 8))
def test_more_stand_ins_only_go_on_with_the_same_order(hosted: Copy, rule: str, stand_ins: int) -> None:
    names = chosen(hosted, f"{{choose: {rule}, stand_ins: {stand_ins}}}")
    every = chosen(hosted, f"{{choose: {rule}, stand_ins: 8}}")
    assert names == every[: 1 + stand_ins]


def test_what_a_rule_needs_and_nobody_can_read_is_told_as_that_alone(hosted: Copy) -> None:
    with hosted.as_it_was(WORKFLOW), hosted.as_it_was(SOURCES):
        hosted.replace(WORKFLOW, "drafter: extractive", "drafter: {choose: cheapest}")
        hosted.replace(SOURCES, "classification: internal", "classification: intern")
        assert [problem.clause for problem in hosted.problems()] == ["sources.travel-policy.classification"]
