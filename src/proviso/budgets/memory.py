"""A budget of one process, in memory: for tests, and for runs that nobody else shares a limit with."""

from collections.abc import Callable, Sequence

from proviso.budgets.limits import Demand, Limit, LimitReached
from proviso.budgets.tally import Reservation, Settlement, SteadyTime, Tally, lacking, settle, take

_NOTHING = Demand(0)
_PRUNE_EVERY = 1_024


class MemoryBudget:
    """A `Budget` that forgets with its process. `now`: UTC microseconds; `clock`: monotonic seconds."""

    def __init__(self, now: Callable[[], int], clock: Callable[[], float]) -> None:
        self._time = SteadyTime(now, clock)
        self._tallies: dict[str, Tally] = {}

    def try_reserve(self, limits: Sequence[Limit], demand: Demand) -> Reservation | None:
        """Reserve of all limits or of none; None where one of them is reached."""
        utc, _ = self._time.read()
        return take(demand, self._holds(limits, demand, utc))

    async def reserve(self, limits: Sequence[Limit], demand: Demand) -> Reservation:
        """Reserve of all limits or of none. Raises `LimitReached`."""
        utc, _ = self._time.read()
        holds = self._holds(limits, demand, utc)
        for tally, asked in lacking(holds):
            raise LimitReached(tally.limit, retry_after(tally, asked, utc))
        reservation = take(demand, holds)
        assert reservation is not None  # nothing is lacking
        return reservation

    def settle(self, reservation: Reservation, actual: Demand) -> Settlement:
        """Say what was used."""
        return settle(reservation, actual)

    def cancel(self, reservation: Reservation) -> None:
        """Give a reservation back of which nothing was used."""
        settle(reservation, _NOTHING)

    def _holds(self, limits: Sequence[Limit], demand: Demand, utc: int) -> list[tuple[Tally, int]]:
        return [(self._tally(limit, utc), getattr(demand, limit.kind)) for limit in limits]

    def _tally(self, limit: Limit, utc: int) -> Tally:
        tally = self._tallies.get(limit.id)
        if tally is None or utc >= tally.ends:
            if len(self._tallies) % _PRUNE_EVERY == _PRUNE_EVERY - 1:
                self._tallies = {name: kept for name, kept in self._tallies.items() if utc < kept.ends}
            tally = self._tallies[limit.id] = Tally(limit, utc, limit.amount)
        elif tally.limit is not limit:
            tally.free += limit.amount - tally.limit.amount
            tally.limit = limit
        return tally


def retry_after(tally: Tally, asked: int, utc: int, others: int = 0) -> int:
    """Return in how many seconds it may be worth while to ask again: one, if what is reserved may come back.

    `others` is what other processes have spent of the same window. Otherwise it is the window's end.
    """
    if tally.spent + others + asked <= tally.limit.amount:
        return 1
    return max(1, -(-(tally.ends - utc) // 1_000_000))
