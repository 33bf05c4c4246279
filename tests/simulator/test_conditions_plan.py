"""Which request a fault happens to: by plan, by share, by header; seeded, so that it can be repeated."""

from random import Random
from typing import Any

import pytest

from bedrock_simulator.conditions import Network
from bedrock_simulator.exchange import Exchange, ServiceError
from bedrock_simulator.faults import KINDS, Plan, could
from bedrock_simulator.scenario import Fault, Scenario
from tests.simulator.conditions_made import MODEL, exchange


def chosen(faults: list[Fault], requests: list[Exchange], seed: int = 0) -> list[str]:
    """The kind of fault of each request; empty: none."""
    plan = Plan(tuple(faults), Random(seed))
    return [fault.kind if (fault := plan.choose(request)) else "" for request in requests]


def asked(header: str, operation: str = "ConverseStream") -> Fault | None:
    return Plan((), Random(0)).choose(exchange(operation, headers={"x-simulate-fault": header}))


def test_without_a_plan_nothing_goes_wrong() -> None:
    assert chosen([], [exchange()]) == [""]


def test_a_fault_happens_to_the_requests_that_it_names() -> None:
    assert chosen([Fault(kind="internal", nth=(1, 3))], [exchange()] * 4) == ["internal", "", "internal", ""]


def test_a_fault_without_a_choice_happens_to_all_up_to_its_times() -> None:
    assert chosen([Fault(kind="internal", times=2)], [exchange()] * 3) == ["internal", "internal", ""]


def test_a_share_is_seeded() -> None:
    faults = [Fault(kind="internal", share=0.3)]
    first = chosen(faults, [exchange()] * 1_000, seed=7)
    assert first == chosen(faults, [exchange()] * 1_000, seed=7)
    assert first != chosen(faults, [exchange()] * 1_000, seed=8)
    assert 230 < first.count("internal") < 370


def test_one_fault_more_does_not_change_when_the_others_come() -> None:
    streams = [exchange("ConverseStream")] * 50
    alone = chosen([Fault(kind="internal", share=0.5)], streams)
    assert alone == chosen([Fault(kind="internal", share=0.5), Fault(kind="garbage", model="none")], streams)


def test_only_requests_that_it_could_happen_to_count() -> None:
    requests = [
        exchange("Converse"),
        exchange("ConverseStream"),
        exchange("Converse"),
        exchange("ConverseStream"),
    ]
    assert chosen([Fault(kind="bad-crc", nth=(2,))], requests) == ["", "", "", "bad-crc"]


def test_a_request_that_another_fault_took_does_not_count() -> None:
    faults = [Fault(kind="throttling", nth=(1, 2)), Fault(kind="internal", nth=(1,))]
    assert chosen(faults, [exchange()] * 3) == ["throttling", "throttling", "internal"]


@pytest.mark.parametrize("field", ["operation", "model", "region"])
def test_a_fault_keeps_to_its_operation_model_and_region(field: str) -> None:
    ours: dict[str, Any] = {"operation": "Converse", "model": MODEL, "region": "eu-central-1"}
    another: dict[str, Any] = {field: "another"}
    assert chosen([Fault(kind="internal", **{field: ours[field]})], [exchange()]) == ["internal"]
    assert chosen([Fault(kind="internal", **another)], [exchange()]) == [""]


def test_a_model_may_be_named_by_the_profile_that_was_asked_for() -> None:
    request = exchange(modelId="eu.simulator.echo-v1:0")
    assert chosen([Fault(kind="internal", model="eu.simulator.echo-v1:0")], [request]) == ["internal"]


def test_a_header_goes_before_the_plan_and_says_after_how_many_events() -> None:
    fault = asked("stream-closed:12")
    assert fault is not None
    assert (fault.kind, fault.after) == ("stream-closed", 12)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("nonsense", "no fault is named `nonsense`"),
        ("", "no fault is named ``"),
        ("bad-crc:x", "`x` is no number of events"),
        ("bad-crc:-1", "`-1` is no number of events"),
        ("bad-crc:" + "9" * 5_000, "is no number of events"),
        ("wrong-length", "`wrong-length` cannot happen to this ConverseStream"),
    ],
)
def test_a_header_that_asks_for_no_fault_is_refused(header: str, words: str) -> None:
    with pytest.raises(ServiceError, match=words) as caught:
        asked(header)
    assert (caught.value.code, caught.value.status) == ("ValidationException", 400)


def test_a_scenario_that_names_no_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="no fault is named `nonsense`"):
        Network(Scenario(faults=(Fault(kind="nonsense"),)))


def test_each_kind_is_explained_and_could_happen_to_something() -> None:
    requests = [exchange("Converse", guardrailConfig={}), exchange("ConverseStream", guardrailConfig={})]
    assert all(words and any(could(kind, each) for each in requests) for kind, words in KINDS.items())


async def test_half_of_a_region_that_is_out_answers_503_and_half_not_at_all() -> None:
    network = Network(Scenario(faults=(Fault(kind="regional-outage", region="eu-central-1"),)))
    seen = []
    for _ in range(200):
        try:
            fault = (await network.admit(exchange(), 1)).fault
            seen.append(fault.kind if fault else "")
        except ServiceError as error:
            seen.append(error.code)
    assert set(seen) == {"ServiceUnavailableException", "reset-before"}
    assert 60 < seen.count("reset-before") < 140
    assert (await network.admit(exchange(region="us-east-1"), 1)).fault is None
