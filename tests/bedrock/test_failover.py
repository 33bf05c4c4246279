"""Where a call may go after a failure, and where never; what stands in when all are out."""

import http.client
import json
from pathlib import Path
from typing import Any

import pytest

from bedrock_simulator.scenario import Fault
from proviso.models.failure import Kind
from tests.app.acts import facts
from tests.bedrock.house import FIRST, HERE, OTHER, SECOND, THERE, House, having
from tests.bedrock.test_matrix import agreed
from tests.cli.steps import CONTRACT, OSLO, WORKFLOW
from tests.server.serving import CHAT, RUNS
from tests.waiting import PATIENCE_S, until

REGIONS = "regions: [eu-central-1, eu-west-1]\n      endpoint"
ONE_PLACE = (
    (WORKFLOW, "drafter: [first, second]", "drafter: first"),
    ("proviso.yaml", REGIONS, "regions: [eu-central-1]\n      endpoint"),
)
STANDS_IN = (CONTRACT, "when_unavailable: refuse", "when_unavailable: extractive")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("throttling", Kind.THROTTLED), ("reset-before", Kind.LOST), ("half-json", Kind.GARBLED)],
)
def test_a_place_that_is_the_only_one_is_called_again(
    house: House, tmp_path: Path, fault: str, kind: Kind
) -> None:
    with house.but(tmp_path / "one", *ONE_PLACE).open(Fault(fault, nth=(1,))) as door:
        got = door.ask()
        agreed(got, door)
    assert got.run["outcome"] == "answer"
    assert got.tried == [("first", HERE, kind), ("first", HERE, "answered")]


@pytest.mark.req("G3.models")
def test_only_models_of_the_release_are_called_whatever_else_is_registered_and_bound(house: House) -> None:
    with house.open(Fault("access-denied", model=FIRST), Fault("not-found", model=SECOND)) as door:
        got = door.ask()
        agreed(got, door)
        assert OTHER not in {one.model_id for one in door.called}
    assert got.run["reason"] == "unavailable"
    assert {model for model, _, _ in got.tried} == {"first", "second"}


def test_where_nobody_listens_no_call_is_charged(house: House, tmp_path: Path) -> None:
    nowhere = house.but(tmp_path / "nowhere", ("proviso.yaml", house.simulator.url, "http://127.0.0.1:1"))
    with nowhere.open() as door:
        got = door.ask()
    assert got.run["reason"] == "unavailable"
    assert (set(got.outcomes), got.record["cost_micro_usd"]) == ({Kind.CONNECT}, 0)


def test_without_credentials_nothing_is_called(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with house.open() as door:
        got = door.ask()
        assert door.called == []
    assert (got.run["reason"], set(got.outcomes)) == ("unavailable", {Kind.NO_CREDENTIALS})


def test_wrong_credentials_are_denied_and_that_is_on_record(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with house.open() as door:
        got = door.ask()
    assert (got.run["reason"], set(got.outcomes)) == ("unavailable", {Kind.DENIED})


def test_a_region_that_has_failed_often_is_left_alone_for_a_while(house: House) -> None:
    with house.open(Fault("unavailable", region=HERE)) as door:
        runs = [door.ask() for _ in range(7)]
        called = [one.region for one in door.called]
    assert {run.run["outcome"] for run in runs} == {"answer"}
    assert [run.outcomes[0] for run in runs] == [Kind.UNAVAILABLE] * 5 + [Kind.OPEN] * 2
    assert (called.count(HERE), called.count(THERE)) == (5, 7)


@pytest.mark.slow
def test_a_place_that_is_silent_from_the_first_byte_leaves_time_for_the_next(house: House) -> None:
    with house.open(Fault("slow-first-byte", region=HERE, seconds=6000)) as door:
        got = door.ask()
        agreed(got, door)
    assert got.tried == [("first", HERE, "slow"), ("first", THERE, "answered")]


# --- who stands in ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def backed(house: House, tmp_path_factory: pytest.TempPathFactory) -> House:
    """The house whose contract lets the built-in model stand in."""
    return house.but(tmp_path_factory.mktemp("backed") / "example", STANDS_IN)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    "fault",
    ["unavailable", "reset-during", pytest.param("never-ends", marks=pytest.mark.slow)],
)
def test_where_all_are_out_the_built_in_model_answers(backed: House, fault: str, *, stream: bool) -> None:
    with backed.open(Fault(fault)) as door:
        got = door.ask(stream=stream)
        agreed(got, door)
    assert (got.run["outcome"], got.run["provider"]) == ("answer", "extractive")
    assert "1,020" in got.run["text"]
    assert got.run["citations"]
    assert got.drafted_by == ("extractive", "extractive", "")
    assert "answered" not in got.outcomes
    assert len(got.outcomes) >= 2


def test_where_one_answers_nobody_stands_in(backed: House) -> None:
    with backed.open(Fault("unavailable", model=FIRST)) as door:
        got = door.ask()
        agreed(got, door)
    assert got.drafted_by == ("simulator", SECOND, HERE)


def test_in_the_other_dialect_a_refusal_is_one_too(house: House) -> None:
    body = {"model": "policy-qa", "messages": [{"role": "user", "content": OSLO}]}
    with house.open(Fault("unavailable")) as door:
        reply = door.serving.call("POST", CHAT, door.key, body)
    (choice,) = reply.json["choices"]
    assert (reply.status, choice["finish_reason"]) == (200, "content_filter")
    assert "1,020" not in reply.body.decode()


# --- who leaves ---------------------------------------------------------------------------------------


def finished(folder: Path) -> dict[str, Any]:
    """Return the last run on record."""
    return facts(folder, "run.finished")[-1] if facts(folder, "run.finished") else {"outcome": ""}


def test_a_call_whose_caller_leaves_is_ended_and_counted_at_its_most(house: House, tmp_path: Path) -> None:
    alone = house.but(tmp_path / "alone")
    with alone.open(Fault("never-ends")) as door:
        caller = http.client.HTTPConnection(door.serving.url.removeprefix("http://"), timeout=PATIENCE_S)
        headers = {"authorization": f"Bearer {door.key}", "content-type": "application/json"}
        caller.request("POST", RUNS, json.dumps({"question": OSLO}), headers)
        until(lambda: door.called)
        caller.close()
        until(lambda: finished(alone.folder)["outcome"] == "cancelled")
        until(lambda: door.called[0].outcome == "gone")
    (attempt,) = finished(alone.folder)["attempts"]
    assert (attempt["outcome"], attempt["output_tokens"]) == ("cancelled", 800)
    assert finished(alone.folder)["cost_micro_usd"] == attempt["input_tokens"] + 5 * 800


def test_what_fails_for_one_is_no_harm_to_the_next(house: House) -> None:
    with house.open(Fault("garbage")) as door:
        refused = door.ask()
        house.simulator.reset(having())
        answered = door.ask()
    assert (refused.run["outcome"], answered.run["outcome"]) == ("refusal", "answer")
