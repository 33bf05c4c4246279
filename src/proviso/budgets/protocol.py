"""The seam of budgets: reserve before, settle after. One suite holds every implementation to it."""

from collections.abc import Sequence
from typing import Protocol

from proviso.budgets.limits import Demand, Limit
from proviso.budgets.tally import Reservation, Settlement


class Budget(Protocol):
    """Anything that keeps amounts. Used from one event loop.

    INVARIANT: of a limit, what is reserved and spent in a window never exceeds the amount, in all processes
    together, as long as what is settled is at most what was reserved.
    """

    def try_reserve(self, limits: Sequence[Limit], demand: Demand) -> Reservation | None:
        """Reserve of all limits or of none, from memory alone; None where `reserve` would have to ask others."""
        ...

    async def reserve(self, limits: Sequence[Limit], demand: Demand) -> Reservation:
        """Reserve of all limits or of none. `demand` is the most that the request can use.

        Raises `LimitReached`, or `BudgetUnconfirmed` if what is left is not known for sure.
        """
        ...

    def settle(self, reservation: Reservation, actual: Demand) -> Settlement:
        """Say what was used: everything that was begun, of streams, retries and cancelled calls too.

        More than was reserved is counted all the same, and told. It counts in the window of the reservation.
        A second settlement of the same reservation changes nothing.
        """
        ...

    def cancel(self, reservation: Reservation) -> None:
        """Give a reservation back of which nothing was used."""
        ...
