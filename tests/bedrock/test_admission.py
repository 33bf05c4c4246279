"""Our share of a quota, through the gateway: who waits, who is told when to come back, and that none is throttled."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from bedrock_simulator.scenario import Fault, Latency, Quota, Scenario
from proviso.models.failure import Kind
from tests.app.acts import facts
from tests.bedrock.house import FIRST, HERE, Door, Got, House, having
from tests.cli.steps import CONTRACT, OSLO, WORKFLOW
from tests.server.serving import CHAT, Reply
from tests.waiting import until

LONG = Latency(first_ms=100_000)  # a second, by the scenario's scale
QUOTA = "\n        first:\n          - {{profile: {}, region: {}, tokens_per_minute: {}}}\n"
MINUTE = 60.0


@pytest.fixture(scope="module")
def reserves(house: House, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many tokens a first call reserves: half of the prompt's bytes, a little, and the longest answer."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ACCESS_KEY_ID", "test")
        patched.setenv("AWS_SECRET_ACCESS_KEY", "test")
        with house.open() as door:
            door.ask()
            sent = door.called[0].params
    texts = [sent["system"][0]["text"], sent["messages"][0]["content"][0]["text"]]
    return sum(len(text.encode()) for text in texts) // 2 + 32 + int(sent["inferenceConfig"]["maxTokens"])


def limited(house: House, folder: Path, tokens_per_minute: int) -> House:
    """The house with one place, which has this quota."""
    bound = "      models:" + QUOTA.format(FIRST, HERE, tokens_per_minute)
    return house.but(
        folder / "limited",
        (WORKFLOW, "drafter: [first, second]", "drafter: first"),
        (CONTRACT, "deadline_ms: 4000", "deadline_ms: 8000"),
        ("proviso.yaml", f"endpoint: {house.simulator.url}\n", f"endpoint: {house.simulator.url}\n{bound}"),
    )


def slow(*faults: Fault) -> Scenario:
    return replace(having(*faults), latency={"*": LONG})


def beside(pool: ThreadPoolExecutor, door: Door) -> Future[Got]:
    """Begin a request, and wait until the simulator has it."""
    asked = pool.submit(door.ask)
    until(lambda: door.called)
    return asked


def test_what_fits_soon_waits_for_its_room(house: House, tmp_path: Path, reserves: int) -> None:
    quota = round(
        reserves * 2 / (1 + 4 / MINUTE)
    )  # two calls fit after four seconds, or when the first has ended
    with limited(house, tmp_path, quota).open(scenario=slow()) as door, ThreadPoolExecutor() as pool:
        first = beside(pool, door)
        second = pool.submit(door.ask)
        until(lambda: len(door.called) == 2)
        assert door.called[0].outcome == "answered"
        for got in (first.result(), second.result()):
            assert (got.run["outcome"], got.outcomes) == ("answer", ["answered"])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_what_cannot_fit_in_time_is_told_when_to_come_back(
    house: House, tmp_path: Path, reserves: int, *, stream: bool
) -> None:
    tight = limited(house, tmp_path, reserves + 100)
    with tight.open(scenario=slow()) as door, ThreadPoolExecutor() as pool:
        first = beside(pool, door)
        refused = door.post(stream=stream)
        assert first.result().run["outcome"] == "answer"
        assert len(door.called) == 1
    assert (refused.status, refused.json["code"]) == (429, "model_busy")
    assert 40 <= int(refused.headers["retry-after"]) <= 60
    last = next(one for one in facts(tight.folder, "run.finished") if one["outcome"] == "error")
    assert (last["reason"], [one["outcome"] for one in last["attempts"]]) == ("model_busy", [Kind.BUSY])
    assert last.get("cost_micro_usd", 0) == 0


def test_in_the_other_dialect_it_is_an_error_of_the_rate(house: House, tmp_path: Path, reserves: int) -> None:
    body = {"model": "policy-qa", "messages": [{"role": "user", "content": OSLO}]}
    tight = limited(house, tmp_path, reserves + 100)
    with tight.open(scenario=slow()) as door, ThreadPoolExecutor() as pool:
        first = beside(pool, door)
        refused: Reply = door.serving.call("POST", CHAT, door.key, body)
        first.result()
    error = refused.json["error"]
    assert (refused.status, error["type"], error["code"]) == (429, "rate_limit_error", "model_busy")
    assert int(refused.headers["retry-after"]) >= 1


def test_a_call_larger_than_the_quota_is_never_made(house: House, tmp_path: Path) -> None:
    with limited(house, tmp_path, 1000).open() as door:
        got = door.ask()
        assert door.called == []
    assert (got.run["reason"], got.outcomes) == ("unavailable", [Kind.BUSY])


def test_where_our_quota_is_the_provider_s_nobody_is_throttled(
    house: House, tmp_path: Path, reserves: int
) -> None:
    quota = reserves * 3
    scenario = replace(having(), quotas={FIRST: Quota(quota)}, latency={"*": Latency(first_ms=10_000)})
    with limited(house, tmp_path, quota).open(scenario=scenario) as door:
        with ThreadPoolExecutor(12) as pool:
            replies = list(pool.map(lambda _: door.post(), range(12)))
        said = {one.outcome for one in door.called}
    assert {reply.status for reply in replies} <= {200, 429}
    assert {reply.json["outcome"] for reply in replies if reply.status == 200} == {"answer"}
    assert said == {"answered"}
    assert len(door.called) == sum(reply.status == 200 for reply in replies) >= 3


def test_a_place_that_throttles_is_asked_less(house: House, tmp_path: Path) -> None:
    alone = house.but(tmp_path / "alone", (WORKFLOW, "drafter: [first, second]", "drafter: first"))
    with alone.open(Fault("throttling", nth=(1, 3), region=HERE)) as door:
        runs = [door.ask(), door.ask()]
    for got in runs:
        assert got.outcomes == [Kind.THROTTLED, "answered"]
        drafting, called = got.record["timings"]["draft"], got.record["attempts"]
        assert drafting - sum(one["duration_us"] for one in called) >= 400_000  # it waited for room
