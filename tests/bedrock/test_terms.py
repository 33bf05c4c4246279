"""Where models are called and what they cost are terms, in force without a restart; how they are asked is a release."""

from pathlib import Path

import pytest

from bedrock_simulator.scenario import Fault
from proviso.app import Change
from proviso.errors import NotReady
from tests.app.acts import apply
from tests.bedrock.house import FIRST, HERE, THERE, Door, Got, House
from tests.cli.steps import change
from tests.waiting import until

REGIONS = "regions: [eu-central-1, eu-west-1]\n      endpoint"
OTHER_WAY = "regions: [eu-west-1, eu-central-1]\n      endpoint"
OWN_REGIONS = "regions: [eu-central-1, eu-west-1]\n    context"
PRICE = "price: {input_per_million_usd: 1, output_per_million_usd: 5}"


@pytest.fixture
def mine(house: House, tmp_path: Path) -> House:
    return house.but(tmp_path / "mine")


def in_force(house: House, door: Door) -> tuple[list[str], Got]:
    """Put a folder in force, ask until that is heard of, and return what changed and the first run by it."""
    changes: list[Change] = apply(house.folder)
    (new,) = [one.new for one in changes]
    runs: list[Got] = []

    def heard() -> bool:
        runs.append(door.ask())
        return new in (runs[-1].run["terms"], runs[-1].run["release"])

    until(heard)
    assert {run.run["outcome"] for run in runs} == {"answer"}
    return [one.what for one in changes], runs[-1]


def test_another_region_is_called_without_a_restart_under_the_same_release(mine: House) -> None:
    with mine.following() as door:
        before = door.ask()
        change(mine.folder, "proviso.yaml", REGIONS, OTHER_WAY)
        what, after = in_force(mine, door)
    assert what == ["terms"]
    assert [one.record["region"] for one in (before, after)] == [HERE, THERE]
    assert after.run["release"] == before.run["release"]
    assert after.run["terms"] != before.run["terms"]


def test_another_profile_is_called_and_on_record(mine: House) -> None:
    arn = f"arn:aws:bedrock:{HERE}::foundation-model/{FIRST}"
    bound = f"      models: {{first: [{{profile: '{arn}', region: {HERE}}}]}}\n"
    with mine.following() as door:
        change(mine.folder, "proviso.yaml", f"{mine.simulator.url}\n", f"{mine.simulator.url}\n{bound}")
        what, after = in_force(mine, door)
    assert what == ["terms"]
    assert (after.record["model"], after.record["attempts"][0]["called"]) == (arn, arn)


def test_another_price_counts_without_a_restart_under_the_same_release(mine: House) -> None:
    with mine.following() as door:
        before = door.ask()
        change(mine.folder, "models.yaml", PRICE, PRICE.replace("1,", "2,").replace("5}", "10}"))
        what, after = in_force(mine, door)
    assert what == ["terms"]
    assert after.record["cost_micro_usd"] == 2 * before.record["cost_micro_usd"] > 0
    assert after.run["release"] == before.run["release"]


def test_other_settings_of_a_model_are_another_release(mine: House) -> None:
    with mine.following() as door:
        before = door.ask()
        change(
            mine.folder, "models.yaml", "settings: {temperature: 0}", "settings: {temperature: 0, top_p: 0.5}"
        )
        what, after = in_force(mine, door)
        asked = [one.params["inferenceConfig"].get("topP") for one in door.called]
    assert what == ["release"]
    assert after.run["release"] != before.run["release"]
    assert (asked[0], asked[-1]) == (None, 0.5)


def test_what_cannot_be_called_here_is_not_put_in_force(mine: House) -> None:
    with mine.following() as door:
        change(mine.folder, "proviso.yaml", "  dev:\n    bedrock:", "  pilot:\n    bedrock:")
        with pytest.raises(NotReady, match="`first` cannot be called in `dev`"):
            apply(mine.folder)
        assert door.ask().run["outcome"] == "answer"


def test_a_model_is_called_only_in_regions_that_its_entry_names(mine: House) -> None:
    change(mine.folder, "models.yaml", OWN_REGIONS, "regions: [eu-west-1]\n    context")
    with mine.open(Fault("unavailable")) as door:
        got = door.ask()
    assert [one[:2] for one in got.tried] == [
        ("first", THERE), ("first", THERE), ("second", HERE), ("second", THERE),
    ]  # fmt: skip
