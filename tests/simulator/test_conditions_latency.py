"""Answers take their time: to the first byte, from token to token, and in silence that can be ended."""

import asyncio
import math
from random import Random
from statistics import median
from typing import Any

import pytest

from bedrock_simulator.conditions import Network
from bedrock_simulator.exchange import Outgoing
from bedrock_simulator.latency import Pace
from bedrock_simulator.scenario import Fault, Latency, Quota, Scenario
from tests.simulator.conditions_made import MODEL, USED, Recorder, Time, exchange, stream, whole

SLOW = {"*": Latency(first_ms=300, token_ms=20)}


async def waits(operation: str, answer: Outgoing, requests: int = 1, **fields: Any) -> list[float]:
    """What is slept while answers go out."""
    time = Time()
    network = Network(Scenario(**fields), clock=time.clock, sleep=time.sleep)
    for _ in range(requests):
        await network.deliver(await network.admit(exchange(operation), 1), answer, USED, Recorder())
    return [round(seconds, 6) for seconds in time.slept]


async def test_without_latency_nothing_sleeps() -> None:
    assert await waits("ConverseStream", stream()) == []


async def test_a_whole_answer_waits_for_all_its_tokens() -> None:
    assert await waits("Converse", whole(), latency=SLOW) == [0.42]  # 300 ms + 6 tokens


async def test_a_stream_waits_for_its_first_byte_and_then_for_each_piece_of_text() -> None:
    assert await waits("ConverseStream", stream(), latency=SLOW) == [0.3, 0.06, 0.06]


async def test_the_time_scale_shortens_latency() -> None:
    assert await waits("ConverseStream", stream(), latency=SLOW, time_scale=0.1) == [0.03, 0.006, 0.006]


async def test_the_latency_of_a_model_goes_before_that_of_all() -> None:
    assert await waits("Converse", whole(), latency=SLOW | {MODEL: Latency(first_ms=5)}) == [0.005]


async def test_the_same_seed_draws_the_same_waits() -> None:
    spread = {"*": Latency(first_ms=100, token_ms=10, spread=0.5)}
    first = await waits("ConverseStream", stream(), requests=3, latency=spread)
    assert first == await waits("ConverseStream", stream(), requests=3, latency=spread)
    assert len(set(first)) == 9


def test_waits_are_log_normal_around_the_median() -> None:
    pace = Pace(Latency(first_ms=100, spread=0.5), 1.0, Random(1))
    drawn = [pace.first() for _ in range(4_000)]
    assert median(drawn) == pytest.approx(0.1, rel=0.05)
    within = sum(0.1 / math.exp(0.5) < wait < 0.1 * math.exp(0.5) for wait in drawn) / len(drawn)
    assert within == pytest.approx(0.683, abs=0.03)


async def test_a_slow_first_byte_comes_on_top_of_the_latency_and_is_scaled() -> None:
    faults = (Fault(kind="slow-first-byte", seconds=10),)
    assert await waits("Converse", whole(), latency=SLOW, faults=faults, time_scale=0.1) == [1.042]


async def test_an_idle_gap_comes_after_its_events() -> None:
    faults = (Fault(kind="idle-gap", seconds=10, after=2),)
    assert await waits("ConverseStream", stream(), latency=SLOW, faults=faults) == [0.3, 0.06, 10.06]


@pytest.mark.parametrize(("operation", "answer"), [("Converse", whole()), ("ConverseStream", stream())])
async def test_a_silence_for_ever_ends_when_it_is_cancelled_and_settles(
    operation: str, answer: Outgoing
) -> None:
    time, connection = Time(), Recorder()
    scenario = Scenario(faults=(Fault(kind="never-ends"),), quotas={"*": Quota(70_000)})
    network = Network(scenario, clock=time.clock, sleep=time.sleep)
    delivery = asyncio.create_task(
        network.deliver(await network.admit(exchange(operation), 1), answer, USED, connection)
    )
    await time.silent.wait()
    assert connection.body
    assert delivery.cancel()
    await asyncio.wait([delivery])
    assert delivery.cancelled()
    assert connection.end == ""
    await network.admit(exchange(operation), 1)  # what was reserved is free again


async def test_a_client_that_has_gone_ends_the_delivery_and_settles() -> None:
    class Gone(Recorder):
        async def write(self, content: bytes) -> None:
            raise ConnectionResetError

    network = Network(Scenario(quotas={"*": Quota(70_000)}))
    for _ in range(2):
        ticket = await network.admit(exchange(), 1)
        with pytest.raises(ConnectionResetError):
            await network.deliver(ticket, whole(), USED, Gone())
