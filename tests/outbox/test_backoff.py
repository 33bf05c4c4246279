"""Waits between attempts: longer each time, spread, bounded, and as the receiver wishes within reason."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.outbox import FAILED, GONE, Receipt, wait_us
from proviso.outbox.queue import MOST_ATTEMPTS, SECOND

REFUSED = Receipt(FAILED, "no")


def test_waits_grow_from_five_seconds_to_four_hours() -> None:
    waits = [wait_us(REFUSED, attempt, 0.5) for attempt in range(1, MOST_ATTEMPTS)]
    seconds = [wait // SECOND for wait in waits if wait is not None]
    assert seconds == [5, 20, 80, 320, 1280, 5120, 14_400, 14_400, 14_400, 14_400, 14_400]


@given(st.integers(1, MOST_ATTEMPTS - 1), st.floats(0, 1, exclude_max=True))
@settings(deadline=None, max_examples=100)
def test_chance_moves_a_wait_by_a_fifth_at_most(attempt: int, draw: float) -> None:
    middle, wait = wait_us(REFUSED, attempt, 0.5), wait_us(REFUSED, attempt, draw)
    assert middle is not None
    assert wait is not None
    assert 0.8 * middle - 1 <= wait <= 1.2 * middle + 1


@pytest.mark.parametrize(("receipt", "attempt"), [(REFUSED, MOST_ATTEMPTS), (Receipt(GONE), 1)])
def test_there_is_no_other_attempt_after_the_last_or_where_nobody_wants_it(
    receipt: Receipt, attempt: int
) -> None:
    assert wait_us(receipt, attempt, 0.5) is None


@pytest.mark.parametrize(("asked_s", "wait_s"), [(0, 5), (2, 5), (600, 600), (86_400, 14_400)])
def test_a_receivers_wish_is_heeded_if_it_is_longer_and_up_to_four_hours(asked_s: int, wait_s: int) -> None:
    assert wait_us(Receipt(FAILED, "it answered 429", asked_s), 1, 0.5) == wait_s * SECOND
