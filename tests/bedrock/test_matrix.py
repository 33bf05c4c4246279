"""Every fault × whole and streamed × where it strikes, through the gateway: the caller, the record, the simulator."""

from collections.abc import Sequence

import pytest

from bedrock_simulator.faults import KINDS
from bedrock_simulator.scenario import Fault
from proviso.models.failure import CONSEQUENCES, Kind
from proviso.models.retrying import CANCELLED
from tests.bedrock.house import FIRST, HERE, SECOND, THERE, Door, Got, House, having
from tests.bedrock.matrix import OF_GUARDS, OF_STREAMS, ROW_OF, ROWS, kind_of

FAILING = [fault for fault in KINDS if kind_of(fault) and fault not in OF_STREAMS | OF_GUARDS]
HARMLESS = [fault for fault in KINDS if kind_of(fault) is None and fault not in OF_STREAMS | {"unknown-stop"}]
# One fault of each row; `make test-slow` has the others.
FEW = {next((fault for fault in row.faults if fault in FAILING), "") for row in ROWS} - {"never-ends"}
ENDINGS = {
    ("refusal", "unavailable", "models.when_unavailable"),
    ("refusal", "deadline", "latency.deadline_ms"),
}
NEVER_CALLED = {Kind.COSTLY, Kind.OPEN, Kind.BUSY}


def cases(faults: Sequence[str], *, quick: int) -> pytest.MarkDecorator:
    """Parametrize by fault × stream; `quick`: of how many kinds of call one of each row is no slow test."""
    made = []
    for fault in faults:
        for number, stream in enumerate((False, True)):
            marks = () if fault in FEW and number < quick else pytest.mark.slow
            made.append(
                pytest.param(fault, stream, marks=marks, id=f"{fault}-{'streamed' if stream else 'whole'}")
            )
    return pytest.mark.parametrize(("fault", "stream"), made)


whole_and_streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def agreed(got: Got, door: Door) -> None:
    """Check what holds for every request: caller, record and provider tell the same story."""
    run, record = got.run, got.record
    same = ("outcome", "cost_micro_usd", "release", "model", "provider")
    assert [run[name] for name in same] == [record[name] for name in same]
    assert (run["clause"] or "", run["reason"] or "") == (record["clause"], record["reason"])
    sent = [
        (one["called"], one["region"]) for one in record["attempts"] if one["outcome"] not in NEVER_CALLED
    ]
    assert [(one.model_id, one.region) for one in door.called] == sent
    assert {one.operation for one in door.called} == {"Converse"}
    assert {one["provider"] for one in record["attempts"]} == {"simulator"}
    used = [one["input_tokens"] + 5 * one["output_tokens"] for one in record["attempts"]]
    assert record["cost_micro_usd"] == sum(used)  # at 1 and 5 dollars a million


def answered_in_full(got: Got, text: str) -> None:
    """Check that an answer is the whole one, and cites."""
    assert got.run["outcome"] == "answer"
    assert got.run["text"].replace("🙂", "") == text
    assert got.run["citations"]


def expected(fault: str) -> Sequence[Sequence[str]]:
    """Return what the attempts may end with where every call has a fault."""
    kind = kind_of(fault)
    assert kind is not None
    if kind is Kind.SLOW:
        return [[Kind.SLOW, Kind.SLOW], [Kind.SLOW, CANCELLED]]
    if kind in (Kind.EMPTY, Kind.MALFORMED) or not CONSEQUENCES[kind].charged:
        return [[kind] * 4]
    return [[kind] * 3 + [Kind.COSTLY]]  # there is no money for a fourth


@pytest.fixture(scope="module")
def text(house: House) -> str:
    """The answer that nothing has happened to."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ACCESS_KEY_ID", "test")
        patched.setenv("AWS_SECRET_ACCESS_KEY", "test")
        with house.open() as door:
            said: str = door.ask().run["text"]
    return said


def test_no_fault_is_forgotten() -> None:
    assert sorted(fault for row in ROWS for fault in row.faults) == sorted(KINDS)


@pytest.mark.req("A5.faults")
@cases([fault for fault in FAILING if fault != "regional-outage"], quick=2)
def test_where_every_call_fails_the_caller_gets_a_refusal(house: House, fault: str, *, stream: bool) -> None:
    with house.open(Fault(fault)) as door:
        got = door.ask(stream=stream)
        agreed(got, door)
    assert (got.run["outcome"], got.run["reason"], got.run["clause"]) in ENDINGS
    assert got.outcomes in expected(fault)
    assert got.drafted_by == ("", "", "")


@cases(FAILING, quick=0)
def test_a_fault_of_one_call_is_made_good_in_the_other_region(
    house: House, text: str, fault: str, *, stream: bool
) -> None:
    with house.open(Fault(fault, nth=(1,))) as door:
        got = door.ask(stream=stream)
        agreed(got, door)
    answered_in_full(got, text)
    assert [one[:2] for one in got.tried] == [("first", HERE), ("first", THERE)]
    assert got.outcomes[0] == kind_of(fault) or fault == "regional-outage"
    assert got.drafted_by == ("simulator", FIRST, THERE)


@cases(FAILING, quick=0)
def test_a_region_that_is_out_is_left_for_the_other(
    house: House, text: str, fault: str, *, stream: bool
) -> None:
    with house.open(Fault(fault, region=HERE)) as door:
        got = door.ask(stream=stream)
        agreed(got, door)
    answered_in_full(got, text)
    assert {region for _, region, outcome in got.tried if outcome != "answered"} == {HERE}
    assert got.drafted_by == ("simulator", FIRST, THERE)


@cases([fault for fault in FAILING if fault != "never-ends"], quick=1)
def test_a_model_that_is_out_is_left_for_the_next_of_the_release(
    house: House, text: str, fault: str, *, stream: bool
) -> None:
    with house.open(Fault(fault, model=FIRST)) as door:
        got = door.ask(stream=stream)
        agreed(got, door)
    answered_in_full(got, text)
    assert [one[:2] for one in got.tried] == [("first", HERE), ("first", THERE), ("second", HERE)]
    assert got.drafted_by == ("simulator", SECOND, HERE)


@whole_and_streamed
def test_a_region_that_is_half_out_for_all_models_is_refused(house: House, *, stream: bool) -> None:
    with house.open(Fault("regional-outage")) as door:
        got = door.ask(stream=stream)
        agreed(got, door)
    assert (got.run["outcome"], got.run["reason"], got.run["clause"]) in ENDINGS
    assert set(got.outcomes) <= {Kind.UNAVAILABLE, Kind.LOST, Kind.COSTLY}


@pytest.mark.req("A5.converse")
@whole_and_streamed
@pytest.mark.parametrize("fault", HARMLESS)
def test_what_is_late_or_strange_and_whole_is_an_answer(
    house: House, text: str, fault: str, *, stream: bool
) -> None:
    with house.open(Fault(fault)) as door:
        got = door.ask(stream=stream)
        agreed(got, door)
    answered_in_full(got, text)
    assert got.tried == [("first", HERE, "answered")]


@whole_and_streamed
def test_what_happens_to_streams_and_guards_only_happens_to_no_request(
    house: House, text: str, *, stream: bool
) -> None:
    with house.open() as door:
        for fault in OF_STREAMS | OF_GUARDS:
            house.simulator.reset(having(Fault(fault)))
            got = door.ask(stream=stream)
            agreed(got, door)
            answered_in_full(got, text)


@whole_and_streamed
def test_a_reason_to_stop_that_nobody_knows_is_no_answer(house: House, *, stream: bool) -> None:
    with house.open(Fault("unknown-stop")) as door:
        got = door.ask(stream=stream)
        agreed(got, door)
    assert (got.run["reason"], got.run["clause"]) == ("failed_check", "outputs.format")
    assert (got.outcomes, got.record["stop"]) == (["answered"], "unknown")
    assert ROW_OF["unknown-stop"].gets == "refusal `failed_check`"
