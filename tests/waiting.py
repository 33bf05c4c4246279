"""Waiting for what is to happen, however slow the machine is: a limit only ends a test that would hang."""

import asyncio
import time
from collections.abc import Callable

import pytest

PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.02
_DAY_S = 86_400
_CLEAR_S = 60.0  # longer than any test of a day's limit takes


def until(reached: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Wait until a call returns something true."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "it has not come to that"
        time.sleep(_LOOK_EVERY_S)


async def happens(reached: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Wait until a call returns something true, and let the loop go on meanwhile."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "it has not come to that"
        await asyncio.sleep(_LOOK_EVERY_S)


def soonest(measure: Callable[[], float], limit_s: float, *, rounds: int = 3) -> float:
    """Return the first of several times that is within a limit, else the shortest of them all.

    What is promised "within a second" is promised for a machine that has the time: one of three rounds must keep
    it, while what takes longer by its nature keeps it in none.
    """
    found: list[float] = []
    while len(found) < rounds and (not found or found[-1] > limit_s):
        found.append(measure())
    return min(found)


@pytest.fixture
def one_day() -> None:
    """Let a test that counts by the day (UTC) not run across midnight: close to it, wait until it is past."""
    left = _DAY_S - time.time() % _DAY_S
    if left < _CLEAR_S:
        time.sleep(left + 1)
