"""Contract coverage: what covers each clause, what is missing besides, which stage is reached."""

from collections.abc import Mapping

import pytest

from proviso.contract import App, clauses
from proviso.governance import LEGS, Coverage, Standing, measure
from tests.contract.workspace import Copy, example_app

BUILT = Standing("c" * 64, stale=False)
PATHS = [clause.path for clause in clauses(example_app().contract)]
ALL = dict.fromkeys(PATHS, "something")
OWN = ("contract.yaml", "workflow.yaml", "sources.yaml", "prompts/answer.md")
CONTRACT = "apps/policy-qa/contract.yaml"
SOURCES = "apps/policy-qa/sources.yaml"
NOBODY = "is no person of proviso.yaml"


def report(
    app: App | None = None,
    standing: Standing = BUILT,
    *files: str,
    controls: Mapping[str, str] = ALL,
    suites: Mapping[str, str] = ALL,
    signals: Mapping[str, str] = ALL,
) -> Coverage:
    return measure(
        app or example_app(), standing, controls=controls, suites=suites, signals=signals, files=files or OWN
    )


def without(path: str) -> dict[str, str]:
    return {name: value for name, value in ALL.items() if name != path}


def test_with_everything_there_the_example_is_complete() -> None:
    full = report()
    assert (full.complete, full.percent, full.gaps, full.orphans) == (True, 100, (), ())
    assert [row.clause for row in full.rows] == PATHS


@pytest.mark.parametrize("leg", ["control", "suite", "signal"])
def test_a_clause_without_one_leg_is_not_covered(leg: str) -> None:
    found = report(**{f"{leg}s": without(PATHS[3])})  # type: ignore[arg-type]  # the legs by their names
    assert [row.clause for row in found.rows if row.missing() == [leg]] == [PATHS[3]]
    assert found.percent == 100 * (len(PATHS) - 1) // len(PATHS)
    assert not found.complete


def test_percent_counts_whole_clauses_and_the_legs_one_by_one() -> None:
    found = report(suites={})
    assert (found.percent, found.share("control"), found.share("suite")) == (0, 100, 0)
    assert found.share("control", "signal", "owner") == 100


def test_what_covers_no_clause_of_the_contract_counts_nothing() -> None:
    assert report(controls={"purpose.tasks.fly": "x"}).share("control") == 0


def test_each_clause_is_owned_by_a_person_of_the_contract() -> None:
    assert {row.owner for row in report().rows} <= {"dana", "li", "sam", "platform-rota"}


def test_an_owner_who_has_left_is_a_gap_and_owns_no_clause(copy: Copy) -> None:
    copy.replace("proviso.yaml", "li: {name: Li Wen}", "li: {name: Li Wen, active: false}")
    found = report(copy.load())
    left = "`li` has left (`active: false` in proviso.yaml)"
    assert f"owners.technical: {left} (apps/policy-qa/contract.yaml:11:14)" in found.gaps
    assert f"models.extractive.owner (drafter): {left} (models.yaml:7:12)" in found.gaps
    assert "li" not in {row.owner for row in found.rows}


def test_an_approver_or_source_owner_who_has_left_is_a_gap(copy: Copy) -> None:
    copy.replace("proviso.yaml", "nadia: {name: Nadia Haddad}", "nadia: {name: N, active: false}")
    copy.replace("proviso.yaml", "sam: {name: Sam Brandt}", "sam: {name: Sam Brandt, active: false}")
    gaps = report(copy.load()).gaps
    left = "has left (`active: false` in proviso.yaml)"
    assert f"sources.travel-policy.owner: `nadia` {left} ({SOURCES}:11:12)" in gaps
    assert f"sources.travel-policy.approval: `sam` {left} ({SOURCES}:16:11)" in gaps


@pytest.mark.parametrize(
    ("old", "new", "gap"),
    [
        ("  product: dana  ", "  # ", "owners.product: nobody is named"),
        ('  cost_centre: "4711"\n', "", "owners.cost_centre: none is named"),
        ("  escalation:\n    - {after: 4h, to: sam}\n", "", "owners.escalation: no path is named"),
    ],
)
def test_ownership_that_is_not_stated_is_a_gap(copy: Copy, old: str, new: str, gap: str) -> None:
    copy.replace(CONTRACT, old, new)
    assert any(text.startswith(f"{gap} ({CONTRACT}:1") for text in report(copy.load()).gaps)


@pytest.mark.parametrize(
    ("file", "old", "new", "gap"),
    [
        (
            CONTRACT,
            "technical: li ",
            "technical: lii ",
            f"owners.technical: `lii` {NOBODY}; did you mean `li`? ({CONTRACT}:11:14)",
        ),
        (
            SOURCES,
            "owner: tomas",
            "owner: tomaz",
            f"sources.expense-policy.owner: `tomaz` {NOBODY}; did you mean `tomas`? ({SOURCES}:27:12)",
        ),
        (
            "models.yaml",
            "owner: li",
            "owner: zorro",
            f"models.extractive.owner (drafter): `zorro` {NOBODY} (models.yaml:7:12)",
        ),
    ],
)
def test_an_owner_who_is_nobody_is_a_gap_with_its_place_and_the_nearest_person(
    copy: Copy, file: str, old: str, new: str, gap: str
) -> None:
    copy.replace(file, old, new)
    assert gap in report(copy.load()).gaps


def test_an_unapproved_source_is_a_gap(copy: Copy) -> None:
    text = (copy.root / SOURCES).read_text()
    start, end = text.index("    approval: "), text.index("    superseded:")
    copy.write(SOURCES, text[:start] + text[end:])
    assert (
        "sources.travel-policy.approval: nobody has approved it, so it is not searched"
        in report(copy.load()).gaps
    )


@pytest.mark.parametrize(
    ("standing", "word"),
    [(Standing("", stale=False), "no snapshot"), (Standing("c" * 64, stale=True), "have changed")],
)
def test_an_index_that_is_missing_or_old_is_a_gap(standing: Standing, word: str) -> None:
    (gap,) = report(None, standing).gaps
    assert gap.startswith("index: ")
    assert word in gap


def test_a_file_that_nothing_names_is_an_orphan() -> None:
    assert report(None, BUILT, *OWN, "prompts/old.md").orphans == (
        "apps/policy-qa/prompts/old.md: nothing names it",
    )


def test_a_source_that_the_contract_does_not_name_is_an_orphan(copy: Copy) -> None:
    copy.replace(CONTRACT, "sources: [travel-policy, expense-policy]", "sources: [travel-policy]")
    assert "sources.expense-policy: no clause names it" in report(copy.load()).orphans


def test_stage_p1_is_reached_with_an_index_and_p2_lists_what_is_missing() -> None:
    first, second, third = report(suites={}).stages
    assert (first.reached, second.reached, third.reached) == (True, False, False)
    assert f"{len(PATHS)} clauses without a suite" in second.missing
    assert "evidence from what will serve" in second.missing


def test_without_an_index_stage_p1_is_not_reached() -> None:
    assert not report(None, Standing("", stale=False)).stages[0].reached


def test_the_four_legs_are_those_of_a_clause() -> None:
    assert LEGS == ("control", "suite", "signal", "owner")
