"""One slip is one problem, and slips together give the problems of each: none hides another, none brings others."""

from collections import Counter
from collections.abc import Iterable
from functools import cache, reduce
from itertools import combinations
from operator import or_

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from proviso.contract import load_app
from proviso.errors import InvalidWorkspace
from proviso.orchestrator import prompt_problems
from proviso.types import Problem
from tests.contract.slips import SLIPS
from tests.contract.workspace import APP, EXAMPLE, RULES, Copy

FULL_RULES = structs.replace(RULES, prompt_problems=prompt_problems)
PAIRS = [frozenset(pair) for pair in combinations(SLIPS, 2)]

OF_THE_TIER = {
    "a weaker clause than the tier's",
    "a weaker number than the tier's",
    "fewer reviews than the tier asks for",
    "payloads kept too long",
}
# True overlaps: what a slip makes unknowable, because it needs the very value that the slip has spoilt.
OVERLAPS = {
    "an unknown tier": OF_THE_TIER,
    "a duration of no form": {"payloads kept too long"},
    "a pattern of no kind": {"a role of no pattern"},
    "an unknown model": {"a model that has ended"},
    # Two items of one name go by their index: the same problems at the same places, under other clauses.
    "a refused purpose of another's name": {
        "a refusal text without its file",
        "an allowed question",
        "a template mark in a text",
    },
}
# What nobody can know while a file cannot be read as YAML.
NEEDED = {
    f"{APP}/contract.yaml": {"a template mark in a text"},  # of a refused purpose, which names the text
    f"{APP}/workflow.yaml": {"a role of no pattern", "a misspelt variable", "a model that has ended"},
    f"{APP}/sources.yaml": {"an unknown source"},
    "policy.yaml": OF_THE_TIER,
    "models.yaml": {"an unknown model of a tier"},
    "proviso.yaml": {
        "an escalation to nobody",
        "an alert to nobody",
        "an unknown group",
        "readers that are no group",
        "an approval by nobody",
    },
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("together"))


def problems(shared: Copy, slips: Iterable[str], broken: str = "") -> Counter[Problem]:
    """Make slips in the example, break a file's YAML, and return what is told; undo it all."""
    files = {broken} - {""} | {SLIPS[name].file for name in slips}
    try:
        for name in slips:
            shared.replace(*SLIPS[name])
        if broken:
            shared.write(broken, (shared.root / broken).read_bytes() + b"\n[")
        load_app(shared.root, "policy-qa", FULL_RULES)
    except InvalidWorkspace as error:
        return Counter(error.problems)
    finally:
        for file in files:
            shared.write(file, (EXAMPLE / file).read_bytes())
    return Counter()


@cache
def alone(shared: Copy, name: str) -> Counter[Problem]:
    return problems(shared, [name])


def union(shared: Copy, names: Iterable[str]) -> Counter[Problem]:
    return reduce(or_, (alone(shared, name) for name in names), Counter())


def overlap(pair: frozenset[str]) -> bool:
    return any(pair - {name} <= others for name, others in OVERLAPS.items() if name in pair)


@pytest.mark.parametrize("name", SLIPS)
def test_one_slip_is_one_problem(shared: Copy, name: str) -> None:
    (problem,) = alone(shared, name).elements()
    assert problem.at.line or SLIPS[name].file.endswith(".md")


@settings(deadline=None, max_examples=60)
@given(pair=st.sampled_from(PAIRS))
def test_two_slips_give_the_problems_of_both(shared: Copy, pair: frozenset[str]) -> None:
    if not overlap(pair):
        assert problems(shared, sorted(pair)) == union(shared, pair)


@pytest.mark.slow
def test_any_two_slips_give_the_problems_of_both_but_for_true_overlaps(shared: Copy) -> None:
    differ = {pair for pair in PAIRS if problems(shared, sorted(pair)) != union(shared, pair)}
    assert differ == {pair for pair in PAIRS if overlap(pair)}


@pytest.mark.req("S1.valid")
def test_all_slips_at_once_give_the_problems_of_all(shared: Copy) -> None:
    names = SLIPS.keys() - OVERLAPS.keys()
    assert len(names) >= 45
    assert problems(shared, names) == union(shared, names)


@pytest.mark.parametrize("file", NEEDED)
def test_a_file_that_is_no_yaml_silences_only_what_needs_it(shared: Copy, file: str) -> None:
    others = {name for name in SLIPS.keys() - OVERLAPS.keys() if SLIPS[name].file != file}
    (syntax,) = problems(shared, [], broken=file)
    assert "not readable as YAML" in syntax.what
    assert problems(shared, others, broken=file) == Counter([syntax]) | union(shared, others - NEEDED[file])


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        (f"{APP}/contract.yaml", "deadline_ms: 8000", "deadline_ms: *soon", "alias"),
        (f"{APP}/contract.yaml", "deadline_ms: 8000", "deadline_ms: !!int 8000", "tag"),
        (f"{APP}/contract.yaml", "deadline_ms: 8000", "deadline_ms: 8e999", "too large"),
        (f"{APP}/contract.yaml", "p95_ms: 2500, deadline_ms: 8000", "<<: *base", "alias"),
        (f"{APP}/contract.yaml", "p95_ms: 2500,", "p95_ms: 2500, p95_ms: 9000,", "a second time"),
        (f"{APP}/contract.yaml", "citations: required", "citations: none", "demands `required`"),
        (f"{APP}/workflow.yaml", "drafter: extractive", "writer: extractive", "no role"),
        ("policy.yaml", "clause: outputs.citations, one_of", "clause: outputs.citation, one_of", "no clause"),
        ("policy.yaml", "ladder: [5, 25, 100]", "ladder: [100, 25]", "do not rise"),
        ("proviso.yaml", "  employees: [", "  Employees!: [", "right form"),
    ],
)
def test_nothing_is_told_that_only_follows(shared: Copy, file: str, old: str, new: str, what: str) -> None:
    with shared.as_it_was(file):
        shared.replace(file, old, new)
        assert [what in problem.what for problem in shared.problems()] == [True]


def test_citations_that_no_tier_demands_are_still_held_against_the_grounding(copy: Copy) -> None:
    copy.replace("policy.yaml", "one_of: [required, optional]", "one_of: [required, optional, none]")
    copy.replace(f"{APP}/contract.yaml", "citations: required", "citations: none")
    assert [problem.clause for problem in copy.problems()] == ["safety.grounding.method.citations"]


@pytest.mark.parametrize(("day", "told"), [("2026-11-22", 0), ("2026-11-23", 0), ("2026-11-24", 1)])
def test_an_approval_is_not_of_the_future_anywhere_on_earth(copy: Copy, day: str, told: int) -> None:
    copy.replace(f"{APP}/sources.yaml", "on: 2026-03-02", f"on: {day}")
    assert len(copy.problems()) == told
