"""Guessing is slow from one address and from many, and nobody else pays for it."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.access import TooManyAttempts
from proviso.access.lockout import FAILURES, PER_SECOND, PER_SECOND_RETURNING, Lockout, network
from tests.access.provider import Clock

PEER = "203.0.113.9"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lockout(clock: Clock) -> Lockout:
    return Lockout(clock)


def fail(lockout: Lockout, peer: str, times: int = 1) -> None:
    for _ in range(times):
        lockout.admit(peer)
        lockout.failed(peer)


def waits(admit: Callable[[str], None], peer: str) -> int:
    """Return how long a caller is told to wait, in seconds; 0 for one that is let through."""
    try:
        admit(peer)
    except TooManyAttempts as error:
        return error.retry_after_s
    return 0


def test_the_twentieth_failure_in_a_minute_locks_an_address(lockout: Lockout, clock: Clock) -> None:
    for _ in range(FAILURES - 1):
        fail(lockout, PEER)
        clock.wait(3)
    assert waits(lockout.admit, PEER) == 0
    lockout.failed(PEER)
    assert waits(lockout.admit, PEER) == 30
    assert waits(lockout.admit, "203.0.113.10") == 0


def test_failures_of_more_than_a_minute_ago_do_not_count(lockout: Lockout, clock: Clock) -> None:
    for _ in range(100):
        fail(lockout, PEER)
        clock.wait(3.16)  # nineteen in a minute, for ever
    assert waits(lockout.admit, PEER) == 0


def test_each_lock_is_twice_as_long_up_to_a_quarter_of_an_hour(lockout: Lockout, clock: Clock) -> None:
    told = []
    for _ in range(8):
        fail(lockout, PEER, FAILURES)
        told.append(waits(lockout.admit, PEER))
        clock.wait(told[-1])
    assert told == [30, 60, 120, 240, 480, 900, 900, 900]


def test_an_address_that_has_kept_quiet_begins_anew(lockout: Lockout, clock: Clock) -> None:
    fail(lockout, PEER, FAILURES)
    clock.wait(30 + 1_800)
    fail(lockout, PEER, FAILURES)
    assert waits(lockout.admit, PEER) == 30


def test_what_was_under_way_when_the_lock_came_makes_it_no_longer(lockout: Lockout) -> None:
    for _ in range(100):
        lockout.admit(PEER)
    for _ in range(100):
        lockout.failed(PEER)
    assert waits(lockout.admit, PEER) == 30


def test_a_credential_of_his_own_frees_no_guesser(lockout: Lockout) -> None:
    for _ in range(FAILURES):
        fail(lockout, PEER)
        lockout.passed(PEER)
    assert waits(lockout.admit, PEER) == 30


def test_an_ipv6_network_is_one_address(lockout: Lockout) -> None:
    for host in range(FAILURES):
        fail(lockout, f"2001:db8:0:7::{host:x}")
    assert waits(lockout.admit, "2001:db8:0:7:ffff::1") == 30
    assert waits(lockout.admit, "2001:db8:0:8::1") == 0


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:DB8:0:0::2", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("x" * 999, "x" * 64),
    ],
)
def test_an_address_has_one_form(peer: str, counted: str) -> None:
    assert network(peer) == counted


def test_guesses_from_everywhere_have_a_rate(lockout: Lockout, clock: Clock) -> None:
    tried = 0
    for number in range(5_000):
        tried += waits(lockout.admit, f"10.0.{number % 250}.{number // 250}") == 0
        clock.wait(0.001)
    assert tried == pytest.approx(PER_SECOND * 6, abs=2)  # five seconds, and a burst


def test_addresses_where_somebody_came_in_have_a_lane_of_their_own(lockout: Lockout) -> None:
    lockout.passed(PEER)
    while waits(lockout.admit, "198.51.100.1") == 0:
        pass
    assert sum(waits(lockout.admit, PEER) == 0 for _ in range(200)) == PER_SECOND_RETURNING


def test_a_service_is_slowed_down_but_never_locked(lockout: Lockout) -> None:
    fail(lockout, PEER, FAILURES)
    assert waits(lockout.slow, PEER) == 0
    while waits(lockout.slow, PEER) == 0:
        pass
    assert waits(lockout.slow, PEER) == 1


def test_a_flood_from_elsewhere_frees_nobody(lockout: Lockout, clock: Clock) -> None:
    for _ in range(5):
        fail(lockout, PEER, FAILURES)
        clock.wait(waits(lockout.admit, PEER))
    fail(lockout, PEER, FAILURES)  # for a quarter of an hour
    for number in range(60_000):  # at twice the rate that is let through
        peer = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        if waits(lockout.admit, peer) == 0:
            lockout.failed(peer)
        clock.wait(0.0025)
    assert waits(lockout.admit, PEER) == 750
    assert len(lockout._failures) <= 61 * PER_SECOND


@settings(deadline=None, max_examples=50)
@given(
    steps=st.lists(st.tuples(st.integers(0, 3), st.floats(0, 40), st.booleans()), max_size=120),
)
def test_a_twenty_first_failure_comes_no_sooner_than_a_lock_has_ended(
    steps: list[tuple[int, float, bool]],
) -> None:
    clock = Clock()
    lockout, failed = Lockout(clock), dict[int, list[int]]()
    for host, pause, right in steps * 3:
        clock.wait(pause / 10)
        if waits(lockout.admit, f"10.0.0.{host}") == 0:
            if right:
                lockout.passed(f"10.0.0.{host}")
            else:
                lockout.failed(f"10.0.0.{host}")
                failed.setdefault(host, []).append(clock.now)
    for times in failed.values():
        assert all(late - early >= 30_000_000 for early, late in zip(times, times[FAILURES:], strict=False))
