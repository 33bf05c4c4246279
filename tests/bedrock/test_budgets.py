"""What calls of Bedrock cost: every attempt by the price of its model, within the request's and the day's money."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bedrock_simulator.scenario import Fault, Scenario, SimulatedModel
from proviso.models.failure import Kind
from tests.bedrock.house import FIRST, HERE, MODELS, THERE, House, having
from tests.bedrock.test_matrix import agreed
from tests.cli.steps import CONTRACT

PER_REQUEST, PER_DAY = "per_request_usd: 0.02", "per_day_usd: 50"
PRICE = "price: {input_per_million_usd: 1, output_per_million_usd: 5}"
CACHED = (
    "price: {input_per_million_usd: 3, output_per_million_usd: 15,"
    " cache_read_per_million_usd: 0.3, cache_write_per_million_usd: 3.75}\n"
    "    features: [prompt-cache]\n    cache_min_tokens: 100"
)


@pytest.mark.req("C7.enforced")
@pytest.mark.parametrize("dollars", ["0.004", "0.006", "0.012", "0.02", "1"])
def test_all_attempts_together_keep_to_what_a_request_may_cost(
    house: House, tmp_path: Path, dollars: str
) -> None:
    poor = house.but(tmp_path / "poor", (CONTRACT, PER_REQUEST, f"per_request_usd: {dollars}"))
    with poor.open(Fault("half-json")) as door:
        got = door.ask()
        agreed(got, door)
        longest = max(one.params["inferenceConfig"]["maxTokens"] for one in door.called)
    assert len(door.called) >= 1
    assert longest <= 800
    assert 0 < got.record["cost_micro_usd"] <= float(dollars) * 1_000_000
    assert set(got.outcomes) <= {Kind.GARBLED, Kind.COSTLY}


def test_what_is_too_costly_for_any_answer_is_refused_before_a_call(house: House, tmp_path: Path) -> None:
    poor = house.but(tmp_path / "poor", (CONTRACT, PER_REQUEST, "per_request_usd: 0.000001"))
    with poor.open() as door:
        refused = door.post()
        assert door.called == []
    assert (refused.status, refused.json["code"]) == (413, "too_costly")


def asked_until_no(house: House, fault: str, most: int) -> tuple[list[int], Any]:
    """Ask until it is enough; return what each run cost, and the last reply."""
    costs: list[int] = []
    with house.open(Fault(fault)) as door:
        while True:
            reply = door.post()
            if reply.status != 200 or len(costs) == most:
                return costs, reply
            costs.append(reply.json["cost_micro_usd"])


@pytest.mark.req("C7.enforced")
@pytest.mark.usefixtures("one_day")
def test_a_day_s_money_is_spent_by_failed_calls_too(house: House, tmp_path: Path) -> None:
    poor = house.but(tmp_path / "poor", (CONTRACT, PER_DAY, "per_day_usd: 0.05"))
    costs, no = asked_until_no(poor, "reset-during", 10)
    assert (no.status, no.json["code"]) == (429, "limit_reached")
    assert "cost.per_day_usd" in no.json["detail"]
    assert 2 <= len(costs) < 10
    assert 30_000 < sum(costs) <= 50_000


@pytest.mark.usefixtures("one_day")
def test_calls_that_are_never_charged_leave_the_day_s_money_alone(house: House, tmp_path: Path) -> None:
    poor = house.but(tmp_path / "poor", (CONTRACT, PER_DAY, "per_day_usd: 0.05"))
    costs, last = asked_until_no(poor, "access-denied", 10)
    assert (costs, last.status) == ([0] * 10, 200)


def test_each_attempt_costs_what_its_own_model_does(house: House, tmp_path: Path) -> None:
    """`first` fails with its usage known, `second` answers: at a tenth and at ten times the price."""
    dear = house.but(
        tmp_path / "dear", ("models.yaml", PRICE, PRICE.replace("1,", "0.1,").replace("5}", "0.5}"))
    )
    with dear.open(Fault("empty-end-turn", model=FIRST)) as door:
        got = door.ask()
    assert [model for model, _, _ in got.tried] == ["first", "first", "second"]
    tenths = [one["input_tokens"] + 5 * one["output_tokens"] for one in got.record["attempts"]]
    assert got.record["cost_micro_usd"] == -(-tenths[0] // 10) + -(-tenths[1] // 10) + tenths[2]
    used = sum(one["input_tokens"] for one in got.record["attempts"])
    assert got.record["input_tokens"] == got.run["usage"]["input_tokens"] == used


def caching() -> Scenario:
    return replace(having(), models={**MODELS, FIRST: SimulatedModel(cache_min_tokens=100)})


def test_tokens_of_the_cache_are_counted_and_cost_their_own_price(house: House, tmp_path: Path) -> None:
    """The prompt's system part is the same each time: kept by the second call, read by the third."""
    cached = house.but(tmp_path / "cached", ("models.yaml", PRICE, CACHED))
    with cached.open(scenario=caching()) as door:
        runs = [door.ask().record for _ in range(3)]
        points = [{"cachePoint": {"type": "default"}} in one.params["system"] for one in door.called]
    assert points == [False, True, True]
    written, read = [run["cache_write_tokens"] for run in runs], [run["cache_read_tokens"] for run in runs]
    assert written == [0, read[2], 0]
    assert read == [0, 0, written[1]]
    assert written[1] > 100
    for run in runs:
        price = 300 * run["input_tokens"] + 1500 * run["output_tokens"]
        price += 30 * run["cache_read_tokens"] + 375 * run["cache_write_tokens"]
        assert run["cost_micro_usd"] == -(-price // 100)


def test_a_second_region_s_cache_is_its_own(house: House, tmp_path: Path) -> None:
    cached = house.but(tmp_path / "cached", ("models.yaml", PRICE, CACHED))
    outage = (Fault("unavailable", region=HERE, nth=(3,)),)
    with cached.open(scenario=replace(caching(), faults=outage)) as door:
        runs = [door.ask() for _ in range(3)]
    assert runs[2].drafted_by == ("simulator", FIRST, THERE)
    assert runs[2].record["cache_write_tokens"] == runs[1].record["cache_write_tokens"] > 0
