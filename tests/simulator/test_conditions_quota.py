"""Tokens per minute are reserved before a call, settled after it, and refill all the time."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_simulator.conditions import Network, Ticket
from bedrock_simulator.exchange import ServiceError, Tokens
from bedrock_simulator.quota import Bucket, Reservation, cost
from bedrock_simulator.scenario import Fault, Quota, Scenario
from tests.simulator.conditions_made import MODEL, Recorder, Time, exchange, whole


def network(time: Time, per_minute: int = 2_000_000, **fields: Any) -> Network:
    scenario = Scenario(quotas={"*": Quota(per_minute)}, **fields)
    return Network(scenario, clock=time.clock, sleep=time.sleep)


async def let_in(conditions: Network, *, input_tokens: int = 500, **changes: Any) -> list[Ticket]:
    """The tickets of as many calls at once as the quota has room for."""
    tickets: list[Ticket] = []
    while len(tickets) < 5_000:
        try:
            tickets.append(await conditions.admit(exchange(**changes), input_tokens))
        except ServiceError:
            return tickets
    raise AssertionError("the quota never ends")


async def test_an_unset_max_tokens_lets_in_31_calls_at_once_where_1333_would_fit() -> None:
    assert len(await let_in(network(Time()))) == 31
    assert len(await let_in(network(Time()), inferenceConfig={"maxTokens": 1_000})) == 1_333


async def test_a_call_over_the_quota_is_throttled_in_the_words_of_aws() -> None:
    with pytest.raises(ServiceError, match="Too many tokens, please wait before trying again") as caught:
        await network(Time(), 1_000).admit(exchange(), 10)
    assert (caught.value.code, caught.value.status) == ("ThrottlingException", 429)


async def test_what_a_call_did_not_use_is_free_again_once_it_is_answered() -> None:
    conditions = network(Time(), 64_500)
    (ticket,) = await let_in(conditions)
    await conditions.deliver(
        ticket, whole(), Tokens(input=500, output=100), Recorder()
    )  # 1,000 with its burn
    assert len(await let_in(conditions, inferenceConfig={"maxTokens": 62_999})) == 1
    assert len(await let_in(conditions, input_tokens=2)) == 0


async def test_an_answer_that_is_cut_off_settles_too() -> None:
    conditions = network(Time(), 64_500, faults=(Fault(kind="reset-before"),))
    (ticket,) = await let_in(conditions)
    await conditions.deliver(ticket, whole(), Tokens(), Recorder())
    assert len(await let_in(conditions)) == 1


async def test_the_bucket_refills_continuously() -> None:
    time = Time()
    conditions = network(time, 64_500)
    assert len(await let_in(conditions)) == 1
    time.now += 59.9
    assert len(await let_in(conditions)) == 0
    time.now += 0.1
    assert len(await let_in(conditions)) == 1


async def test_each_region_and_each_model_has_its_own_bucket() -> None:
    conditions = network(Time(), 64_500)
    for region in ("eu-central-1", "us-east-1"):
        for model in (MODEL, "simulator.other-v1:0"):
            assert len(await let_in(conditions, region=region, model_id=model)) == 1


async def test_the_quota_of_a_model_goes_before_that_of_all() -> None:
    time = Time()
    scenario = Scenario(quotas={"*": Quota(10), MODEL: Quota(130_000, default_max_tokens=500)})
    assert len(await let_in(Network(scenario, clock=time.clock), input_tokens=500)) == 130


async def test_a_fault_that_refuses_a_request_takes_nothing_from_the_quota() -> None:
    conditions = network(Time(), 64_500, faults=(Fault(kind="internal", nth=(1,)),))
    with pytest.raises(ServiceError, match="unexpected error"):
        await conditions.admit(exchange(), 500)
    assert len(await let_in(conditions)) == 1


@pytest.mark.parametrize("operation", ["ApplyGuardrail", "CountTokens", "ListFoundationModels"])
async def test_operations_without_a_model_call_take_nothing(operation: str) -> None:
    assert (await network(Time(), 1).admit(exchange(operation), 500)).reservation is None


async def test_embeddings_reserve_their_input_alone() -> None:
    ticket = await network(Time(), 500).admit(exchange("InvokeModel"), 500)
    assert ticket.reservation is not None
    assert ticket.reservation.tokens == 500


def test_what_the_cache_gave_is_free_and_output_burns() -> None:
    assert cost(Tokens(input=100, output=10, cache_read=1_000, cache_write=7), 5.0) == 157


def test_a_reservation_settles_once() -> None:
    bucket = Bucket(100, Time().clock)
    reservation = bucket.reserve(60)
    assert reservation is not None
    reservation.settle(50)
    reservation.settle(0)
    assert bucket.level == 50


def test_a_call_that_burns_more_than_it_reserved_leaves_a_debt() -> None:
    time = Time()
    bucket = Bucket(600, time.clock)
    reservation = bucket.reserve(600)
    assert reservation is not None
    reservation.settle(1_200)
    time.now += 59  # 10 a second, of which the debt takes the first 600
    assert bucket.reserve(1) is None
    time.now += 2
    assert bucket.reserve(10) is not None


CALLS = st.lists(
    st.tuples(
        st.floats(0, 30, allow_nan=False),  # seconds that pass before it
        st.integers(0, 1_500),  # tokens that it reserves
        st.floats(0, 2, allow_nan=False),  # what it uses of them in the end
        st.integers(0, 3),  # how many calls later it is settled
    ),
    max_size=40,
)


@given(CALLS)
@settings(deadline=None, max_examples=100)
def test_a_bucket_never_grants_more_than_its_capacity_and_its_refill(
    calls: list[tuple[float, int, float, int]],
) -> None:
    time, taken = Time(), 0.0  # taken: reserved or used, less what came back
    bucket = Bucket(1_000, time.clock)
    settlements: list[list[tuple[Reservation, float]]] = [[] for _ in range(len(calls) + 3)]
    for number, (seconds, wanted, share, later) in enumerate(calls):
        time.now += seconds
        if reservation := bucket.reserve(wanted):
            taken += wanted
            assert taken <= 1_000 + time.now * 1_000 / 60 + 1e-6
            settlements[number + later].append((reservation, wanted * share))
        for due, used in settlements[number]:
            due.settle(used)
            taken += used - due.tokens
        assert bucket.level <= 1_000
