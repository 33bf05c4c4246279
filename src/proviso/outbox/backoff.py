"""When a message is tried again: 5 seconds after the first attempt, four times as long each time, at most 4 hours.

Twelve attempts take about a day (22 hours): a receiver that is away over night loses nothing. The waits are
spread by a fifth, so that what failed together does not come back together.
"""

from proviso.outbox.message import GONE, Receipt
from proviso.outbox.queue import MOST_ATTEMPTS, SECOND

_FIRST_S = 5
_FACTOR = 4
_LONGEST_S = 4 * 3600
_SPREAD = 0.2


def wait_us(receipt: Receipt, attempt: int, draw: float) -> int | None:
    """Return how long to wait after an attempt that failed, in µs; None where there is to be no other.

    `attempt` counts from 1, `draw` is uniform in [0, 1). A receiver's wish to be left alone is heeded up to 4 hours.
    """
    if receipt.verdict == GONE or attempt >= MOST_ATTEMPTS:
        return None
    own = min(_FIRST_S * _FACTOR ** (attempt - 1), _LONGEST_S) * (1 - _SPREAD + 2 * _SPREAD * draw)
    return int(max(own, min(receipt.wait_s, _LONGEST_S)) * SECOND)
