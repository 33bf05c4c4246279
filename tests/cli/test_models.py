"""`models`: who gets which role and why, what time does to the register, what an import changes."""

import json
from pathlib import Path

import pytest

from tests.cli.steps import APP, run_json
from tests.conftest import Command
from tests.contract.faults import CONTRACT, MODELS, PEOPLE, WORKFLOW
from tests.contract.hosting import host
from tests.contract.workspace import Copy

LITELLM = {
    "example.small-v1:0": {
        "litellm_provider": "bedrock_converse", "input_cost_per_token": 2e-07, "output_cost_per_token": 1e-06,
    },
}  # fmt: skip


@pytest.fixture
def hosted(tmp_path: Path) -> Copy:
    return host(Copy(tmp_path), "{choose: first, stand_ins: 1}")


@pytest.fixture
def litellm(tmp_path: Path) -> Path:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(LITELLM))
    return path


def choice(proviso: Command, folder: Path) -> dict[str, str]:
    """Return the verdict on each model for the drafter."""
    found = run_json(proviso, "models", "choose", APP, "-w", folder)["drafter"]
    return {one["name"]: one["verdict"] for one in found["candidates"]}


@pytest.mark.req("M1.chosen")
def test_every_model_of_the_register_is_shown_taken_or_ruled_out(proviso: Command, hosted: Copy) -> None:
    assert choice(proviso, hosted.root) == {
        "large": "answers", "small": "stands in (1)", "extractive": "suits", "own": "suits", "wide": "ruled out",
    }  # fmt: skip


@pytest.mark.req("M1.chosen", "M1.tradeoff")
def test_the_table_says_why_and_what_a_full_request_costs(proviso: Command, hosted: Copy) -> None:
    done = proviso("models", "choose", APP, "-w", hosted.root)
    assert (done.code, "$0.108000" in done.out) == (0, True)
    assert "residency: `wide` may process data in `eu-west-1`" in done.out
    assert "by the rule `first`; trade-off: It words" in done.out


def test_a_role_that_nothing_suits_is_shown_with_all_reasons_and_exits_1(
    proviso: Command, hosted: Copy
) -> None:
    hosted.replace(CONTRACT, "drafter: {context: 32000}", "drafter: {context: 3200000}")
    done = proviso("models", "choose", APP, "-w", hosted.root)
    assert (done.code, done.out.count("ruled out")) == (1, 5)
    assert "1 problem in the files" in done.out


@pytest.mark.req("M1.governed")
def test_a_named_model_that_does_not_suit_is_shown_as_that(proviso: Command, hosted: Copy) -> None:
    hosted.replace(WORKFLOW, "{choose: first, stand_ins: 1}", "wide")
    done = proviso("models", "choose", APP, "-w", hosted.root)
    assert (done.code, "does not suit" in done.out) == (1, True)


def test_a_named_model_that_is_not_registered_is_none_for_its_role(proviso: Command, hosted: Copy) -> None:
    hosted.replace(WORKFLOW, "{choose: first, stand_ins: 1}", "[larg, small]")
    assert proviso("models", "choose", APP, "-w", hosted.root).code == 1
    hosted.replace(WORKFLOW, "[larg, small]", "larg")
    done = proviso("models", "check", "-w", hosted.root)
    assert (done.code, "no model suits it" in done.out) == (1, True)


def test_a_model_in_use_that_no_environment_calls_is_told(proviso: Command, hosted: Copy) -> None:
    people = (hosted.root / PEOPLE).read_text()
    hosted.write(PEOPLE, people.partition("\nenvironments:")[0])
    done = proviso("models", "check", "-w", hosted.root)
    assert (done.code, "no environment says where to call it" in done.out) == (0, True)


def test_an_unknown_app_and_an_unreadable_register_are_invalid(proviso: Command, hosted: Copy) -> None:
    assert proviso("models", "choose", "policy", "-w", hosted.root).code == 2
    hosted.write(MODELS, "models: [")
    assert proviso("models", "choose", APP, "-w", hosted.root).code == 2


@pytest.mark.parametrize(
    ("day", "code", "words"), [("2026-11-01", 0, "in 61 days"), ("2027-01-01", 1, "end of its life")]
)
def test_a_pinned_model_warns_before_its_end_and_fails_from_it(
    proviso: Command, hosted: Copy, day: str, code: int, words: str
) -> None:
    hosted.replace(WORKFLOW, "{choose: first, stand_ins: 1}", "small")
    hosted.replace(
        MODELS,
        "{status: active}\n    trade_off: It words",
        "{status: active, end_of_life: 2027-01-01}\n    trade_off: It words",
    )
    done = proviso("models", "check", "--on", day, "-w", hosted.root)
    assert (done.code, words in done.out) == (code, True)
    assert "used by policy-qa (drafter)" in done.out


def test_a_choice_that_will_change_is_told_before(proviso: Command, hosted: Copy) -> None:
    hosted.replace(
        MODELS,
        "{status: active}\n    trade_off: It words",
        "{status: active, end_of_life: 2099-01-01}\n    trade_off: It words",
    )
    done = proviso("models", "check", "--on", "2099-01-01", "-w", hosted.root)
    assert "the choice will be `large`, `own` instead of `large`, `small`" in done.out
    assert "`dev` does not say where to call it" in done.out


def test_an_import_shows_and_writes_only_when_told_to(proviso: Command, hosted: Copy, litellm: Path) -> None:
    before = (hosted.root / "prices.yaml").read_text()
    done = proviso("models", "prices", "import", litellm, "-w", hosted.root)
    assert (done.code, "0.25 / 1.25" in done.out, "0.2 / 1" in done.out) == (0, True, True)
    assert (hosted.root / "prices.yaml").read_text() == before
    assert (
        run_json(proviso, "models", "prices", "import", litellm, "--write", "-w", hosted.root)["version"] == 4
    )
    prices = hosted.load().prices
    assert prices is not None
    assert (prices.version, prices.prices["example.small-v1:0"].input, len(prices.prices)) == (4, 200_000, 4)


def test_an_import_that_changes_nothing_raises_no_version(
    proviso: Command, hosted: Copy, litellm: Path
) -> None:
    for _ in range(2):
        done = proviso("models", "prices", "import", litellm, "--write", "-w", hosted.root)
    assert "the prices are as they were" in done.out
    assert not list(hosted.root.glob(".prices-*"))


def test_an_import_helps_a_register_that_has_no_prices_yet(
    proviso: Command, hosted: Copy, litellm: Path
) -> None:
    (hosted.root / "prices.yaml").unlink()
    assert proviso("models", "choose", APP, "-w", hosted.root).code == 0
    done = run_json(proviso, "models", "prices", "import", litellm, "--write", "-w", hosted.root)
    assert (done["version"], [one["old"] for one in done["changes"]]) == (1, [None])


@pytest.mark.parametrize("content", [None, "[]", "{"])
def test_a_file_that_is_none_of_litellms_is_told_with_its_fix(
    proviso: Command, hosted: Copy, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "other.json"
    if content is not None:
        path.write_text(content)
    done = proviso("models", "prices", "import", path, "-w", hosted.root)
    assert (done.code, "fix:" in done.err) == (2, True)
