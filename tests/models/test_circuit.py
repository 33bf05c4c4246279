"""A place that fails too often is left alone, then tried with one call."""

from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.models import Breaker, Circuit, Circuits, Target

BREAKER = Breaker(failures=3, share=0.5, window_s=20.0, open_s=10.0)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def called(circuit: Circuit, *, failed: bool | None) -> bool:
    permit = circuit.admit()
    if permit is not None:
        circuit.report(permit, failed=failed)
    return permit is not None


def opened(clock: Clock) -> Circuit:
    circuit = Circuit(clock, BREAKER)
    for _ in range(3):
        called(circuit, failed=True)
    return circuit


def test_it_opens_at_the_failures_that_it_was_told() -> None:
    circuit = Circuit(Clock(), BREAKER)
    assert [called(circuit, failed=True) for _ in range(5)] == [True, True, True, False, False]
    assert circuit.is_open


def test_failures_that_are_a_small_share_leave_it_closed() -> None:
    circuit = Circuit(Clock(), BREAKER)
    for at in range(40):
        called(circuit, failed=at % 4 == 3)
    assert not circuit.is_open


def test_failures_of_long_ago_do_not_count() -> None:
    clock = Clock()
    circuit = Circuit(clock, BREAKER)
    for _ in range(6):
        called(circuit, failed=True)
        clock.now += 15
    assert not circuit.is_open


def test_after_a_while_one_call_is_let_through_and_no_second_one() -> None:
    clock = Clock()
    circuit = opened(clock)
    clock.now += 10
    assert circuit.admit() is not None
    assert circuit.admit() is None


def test_a_probe_that_is_answered_closes_it() -> None:
    clock = Clock()
    circuit = opened(clock)
    clock.now += 10
    assert called(circuit, failed=False)
    assert called(circuit, failed=False)


def test_a_probe_that_fails_opens_it_for_as_long_again() -> None:
    clock = Clock()
    circuit = opened(clock)
    clock.now += 10
    assert called(circuit, failed=True)
    clock.now += 9
    assert circuit.is_open
    clock.now += 1
    assert not circuit.is_open


def test_a_probe_that_says_nothing_makes_room_for_the_next_one() -> None:
    clock = Clock()
    circuit = opened(clock)
    clock.now += 10
    assert called(circuit, failed=None)
    assert circuit.admit() is not None


def test_what_began_before_it_opened_is_old_news() -> None:
    clock = Clock()
    circuit = Circuit(clock, BREAKER)
    early = circuit.admit()
    assert early is not None
    for _ in range(3):
        called(circuit, failed=True)
    clock.now += 10
    circuit.admit()
    circuit.report(early, failed=False)
    assert circuit.is_open  # it waits for its probe


def test_the_same_model_at_the_same_place_has_one_circuit_under_any_name() -> None:
    circuits = Circuits(Clock())
    one = Target("a", "bedrock", "m", "r", "o")
    assert circuits.of(one) is circuits.of(Target("b", "bedrock", "m", "r", "o"))
    assert circuits.of(one) is not circuits.of(Target("a", "bedrock", "m", "elsewhere", "o"))


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.sampled_from([True, False, None]), st.floats(0, 30)), max_size=60))
def test_it_never_stays_shut(calls: list[tuple[bool | None, float]]) -> None:
    clock = Clock()
    circuit = Circuit(clock, BREAKER)
    for failed, passed in calls:
        called(circuit, failed=failed)
        clock.now += passed
    clock.now += BREAKER.open_s
    assert circuit.admit() is not None
