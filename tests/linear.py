"""Linear time told from quadratic on a machine that others use too: by CPU time, two sizes of one work side by side."""

import gc
import time
from collections.abc import Callable

_ROUNDS = 3
_MOST = (
    9  # four times as much costs linear work 4 times as much (3 to 6 were measured), quadratic work 16 times
)
_MOST_MORE_S = 0.002  # for what costs next to nothing


def cpu_s(work: Callable[[], object], *, best_of: int = 1) -> float:
    """Return how many seconds of CPU time this thread spends on something: the least of several times.

    What else runs on the machine takes caches and clock rates away, so a single time may be far too long.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return min(_spent(work) for _ in range(best_of))
    finally:
        if collects:
            gc.enable()


def is_linear(work: Callable[[int], object], size: int) -> bool:
    """Return whether work of a size costs so little more than that of a quarter of it that it cannot be quadratic.

    No bound in seconds would do: a slow machine breaks it, and on a fast one quadratic work keeps it.
    """
    for _ in range(_ROUNDS):
        small = cpu_s(lambda: work(size // 4), best_of=3)
        if cpu_s(lambda: work(size)) < _MOST * small + _MOST_MORE_S:
            return True
    return False


def _spent(work: Callable[[], object]) -> float:
    begun = time.thread_time()
    work()
    return time.thread_time() - begun
