"""One process's counts: what it may still give of each limit in each window. Arithmetic in memory, no waiting."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from proviso.budgets.limits import Demand, Limit

_MICROSECONDS = 1_000_000


class SteadyTime:
    """UTC in microseconds that never goes back, and the monotonic clock beside it, in seconds.

    A wall clock that is set back goes on here at its old offset to the monotonic clock: windows keep their
    length, and none that has been spent opens again.
    """

    def __init__(self, now: Callable[[], int], clock: Callable[[], float]) -> None:
        self._now = now
        self._clock = clock
        self._offset = now() - int(clock() * _MICROSECONDS)

    def read(self) -> tuple[int, float]:
        """Return UTC and the monotonic time."""
        clock = self._clock()
        steady = int(clock * _MICROSECONDS)
        wall = self._now()
        if wall - steady > self._offset:
            self._offset = wall - steady
        return steady + self._offset, clock


class Tally:
    """What a process holds of one limit in one window: `free + reserved + spent` is its share.

    `free` below zero is a debt: more was spent than had been reserved, and the share has still to grow by it.
    """

    __slots__ = (
        "asked_at", "ends", "free", "limit", "lost", "reserved", "room", "settled", "spent", "starts",
    )  # fmt: skip

    def __init__(self, limit: Limit, utc: int, free: int = 0) -> None:
        length = limit.window.length
        self.limit = limit
        self.starts = utc - utc % length
        self.ends = self.starts + length
        self.free = free
        self.reserved = 0
        self.spent = 0
        self.lost = False  # fenced off: others count for it now
        # What the shared table said when it last said no, and when that was (monotonic).
        self.room = 0
        self.settled = 0
        self.asked_at = float("-inf")

    @property
    def used(self) -> int:
        """What is reserved or spent."""
        return self.reserved + self.spent


class Reservation:
    """What a request may use, until it is settled or cancelled; never settled, it counts as spent."""

    __slots__ = ("demand", "holds", "open")

    def __init__(self, demand: Demand, holds: Sequence[tuple[Tally, int]]) -> None:
        self.demand = demand
        self.holds = holds
        self.open = True


class Settlement(Struct, frozen=True):
    """How a reservation ended. `exceeded`: the limits of which more was spent than had been reserved.

    `lost` says that this process had been fenced off in between: its part was settled from the record.
    """

    exceeded: tuple[Limit, ...] = ()
    lost: bool = False


SETTLED = Settlement()


def take(demand: Demand, holds: Sequence[tuple[Tally, int]]) -> Reservation | None:
    """Reserve of all tallies or of none; None if one of them has too little."""
    for taken, (tally, amount) in enumerate(holds):
        if tally.free < amount:
            for earlier, back in holds[:taken]:
                earlier.free += back
                earlier.reserved -= back
            return None
        tally.free -= amount
        tally.reserved += amount
    return Reservation(demand, holds)


def lacking(holds: Sequence[tuple[Tally, int]]) -> list[tuple[Tally, int]]:
    """Return the tallies that have too little, each with all that is asked of it."""
    asked: dict[Tally, int] = {}
    for tally, amount in holds:
        asked[tally] = asked.get(tally, 0) + amount
    return [(tally, amount) for tally, amount in asked.items() if amount > tally.free]


def settle(reservation: Reservation, actual: Demand) -> Settlement:
    """Turn what was reserved into what was used. A second settlement changes nothing."""
    if not reservation.open:
        return SETTLED
    reservation.open = False
    exceeded: list[Limit] = []
    lost = False
    for tally, reserved in reservation.holds:
        used: int = getattr(actual, tally.limit.kind)
        tally.reserved -= reserved
        tally.spent += used
        tally.free += reserved - used
        lost = lost or tally.lost
        if used > reserved:
            exceeded.append(tally.limit)
    return Settlement(tuple(exceeded), lost) if exceeded or lost else SETTLED
