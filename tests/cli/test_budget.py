"""`budget`: what is left of the limits in force."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from proviso.types import Purpose
from tests.app.acts import DANA, JO, apply, attached
from tests.app.test_spending import begin, limited, priced, served
from tests.cli.steps import APP, run_json
from tests.conftest import Command

pytestmark = pytest.mark.usefixtures("one_day")


def rows(proviso: Command, folder: Path) -> dict[str, Any]:
    """Return what the verb prints of what callers have, by clause."""
    found = run_json(proviso, "budget", "-w", folder, APP)
    return {row["clause"]: row for row in found if row["purpose"] == "live"}


def test_what_is_spent_and_leased_and_left_of_a_limit_adds_up(proviso: Command, workspace: Path) -> None:
    apply(workspace)
    with attached(workspace) as site:
        for _ in range(3):
            asyncio.run(served(site, JO))
        asyncio.run(site._budget.tick())
        row = rows(proviso, workspace)["cost.limits.contractors.requests_per_day"]
    assert (row["spent"], row["spent"] + row["leased"] + row["remaining"]) == (3, 200)
    assert row["leased"] > 0
    assert row["resets"].endswith("T00:00:00+00:00")


def test_what_nobody_has_used_yet_is_shown_whole(proviso: Command, workspace: Path) -> None:
    apply(workspace)
    left = {clause: (row["spent"], row["remaining"]) for clause, row in rows(proviso, workspace).items()}
    assert left == {
        "cost.per_day_usd": (0, 50_000_000), "cost.limits.contractors.requests_per_day": (0, 200)
    }  # fmt: skip


def test_of_a_limit_for_each_group_those_in_use_are_shown(proviso: Command, workspace: Path) -> None:
    limited(workspace, '{group: "*", requests_per_day: 9, id: each}')
    with attached(workspace) as site:
        asyncio.run(served(site, DANA))
    (row,) = (row for row in rows(proviso, workspace).values() if "each" in row["clause"])
    assert (row["group"], row["spent"], row["remaining"]) == ("employees", 1, 8)


def test_what_tests_use_is_shown_for_itself(proviso: Command, workspace: Path) -> None:
    apply(workspace)
    with attached(workspace) as site:
        asyncio.run(begin(site, JO, purpose=Purpose.TEST))
    found = run_json(proviso, "budget", "-w", workspace)
    spent = {row["purpose"]: row["spent"] for row in found if row["group"] == "contractors"}
    assert (spent["live"], spent["test"]) == (0, 1)  # never settled: it counts whole


def test_a_run_under_way_is_leased_and_money_is_shown_in_dollars(proviso: Command, workspace: Path) -> None:
    priced(workspace, per_request="0.05", per_day="0.1")
    with attached(workspace) as site:
        asyncio.run(begin(site))
        shown = proviso("budget", "-w", workspace).out
        assert rows(proviso, workspace)["cost.per_day_usd"]["leased"] > 10_000
    assert "$0.100000" in shown
    assert "cost.per_day_usd" in shown


def test_before_anything_is_in_force_there_is_nothing_to_show(proviso: Command, workspace: Path) -> None:
    done = proviso("budget", "-w", workspace)
    assert (done.code, "nothing is in force" in done.err) == (1, True)


def test_an_app_that_is_not_in_force_is_said_so(proviso: Command, workspace: Path) -> None:
    apply(workspace)
    done = proviso("budget", "-w", workspace, "nope")
    assert (done.code, "`nope`" in done.err) == (2, True)
