"""A budget that all processes share: each leases a part of every window and grants from memory.

A process asks the database for more only when its own part is too small, for all that wait at once, and keeps
what it got until it is used, the window ends, or another process calls it in because nothing is left there.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice

import msgspec

from proviso.budgets import shares
from proviso.budgets.limits import BudgetUnconfirmed, Demand, Limit, LimitReached
from proviso.budgets.memory import retry_after
from proviso.budgets.shares import Grant, Holder, Order, Orphan
from proviso.budgets.tally import Reservation, Settlement, SteadyTime, Tally, lacking, settle, take
from proviso.errors import ProvisoError, StoreUnavailable
from proviso.store import Database

TTL_S = 10.0  # how long a lease is good for after its last renewal was asked for
SILENCE_S = (
    12.0  # after how long without a renewal others fence a holder off: more than the lease, for clocks drift
)
TICK_S = 1.0
_WITHIN_S = 3.0  # how long a request waits for a lease
_ASK_AGAIN_S = 1.0  # for how long a "no" of the database is believed
_REST_S = 0.5  # for how long the database is left alone after it failed
_CLEAN_EVERY_S = 60.0
_MOST_REPORTS = 64  # tallies that a tick writes besides those that wait for more
_NOTHING = Demand(0)
_NEVER = float("-inf")
_WITNESS_S = 5.0  # a process that has not looked for longer cannot tell that others were silent


class Departure:
    """One trip to the database, and those who wait for it: what they want of each tally, in all and at least."""

    def __init__(self) -> None:
        self.wanted: dict[Tally, tuple[int, int]] = {}
        self.done: asyncio.Future[ProvisoError | None] = asyncio.get_running_loop().create_future()

    def board(self, lacking: Iterable[tuple[Tally, int]]) -> None:
        """Add what one request needs."""
        for tally, amount in lacking:
            total, least = self.wanted.get(tally, (0, amount))
            self.wanted[tally] = (total + amount, min(least, amount))


class LeasedBudget:
    """A `Budget` over the shared database, for one event loop; `run` must run beside it.

    `writer` tells under which name this process writes its record just now, for whoever reconciles after its death.
    `now`: UTC microseconds; `clock`: monotonic seconds that go on while the machine sleeps.
    """

    def __init__(
        self,
        database: Database,
        writer: Callable[[], str],
        now: Callable[[], int],
        clock: Callable[[], float],
    ) -> None:
        self._database = database
        self._writer = writer
        self._known_as = ""  # the writer under which it is registered
        self._time = SteadyTime(now, clock)
        self._epoch = 0  # 0: not registered
        self._good_until = _NEVER  # monotonic …
        self._good_until_utc = 0  # … and UTC, which a machine that stood still notices
        self._failed_at = _NEVER
        self._cleaned_at = _NEVER
        self._tallies: dict[str, Tally] = {}
        self._unreported: dict[Tally, None] = {}
        self._next: Departure | None = None
        self._trips: asyncio.Task[None] | None = None
        self._seen: dict[int, tuple[int, float]] = {}  # epoch → beat, since when
        self._looked_at = _NEVER
        self._called = 0
        self._log = logging.getLogger("proviso.budgets")

    # --- the seam -----------------------------------------------------------------------------------

    def try_reserve(self, limits: Sequence[Limit], demand: Demand) -> Reservation | None:
        """Reserve of all limits or of none, from this process's own shares; None if they do not suffice."""
        utc, clock = self._time.read()
        if clock >= self._good_until or utc >= self._good_until_utc:
            return None
        reservation = take(demand, self._holds(limits, demand, utc))
        if reservation is not None:
            for tally, _ in reservation.holds:  # so that it is known of calls that take longer than a tick
                self._unreported[tally] = None
        return reservation

    async def reserve(self, limits: Sequence[Limit], demand: Demand) -> Reservation:
        """Reserve of all limits or of none; wait for the database where this process's shares are too small.

        Raises `LimitReached`: nobody holds so much. It is early by a second or so while another process has
        some left that it does not use, or `BudgetUnconfirmed`.
        """
        reservation = self.try_reserve(limits, demand)
        if reservation is not None:
            return reservation
        try:
            async with asyncio.timeout(_WITHIN_S):
                return await self._lease(limits, demand)
        except TimeoutError as error:
            raise BudgetUnconfirmed(f"the store has not answered for {_WITHIN_S:g} s") from error

    def settle(self, reservation: Reservation, actual: Demand) -> Settlement:
        """Say what was used."""
        settlement = settle(reservation, actual)
        for tally, _ in reservation.holds:
            if not tally.lost:
                self._unreported[tally] = None
        return settlement

    def cancel(self, reservation: Reservation) -> None:
        """Give a reservation back of which nothing was used."""
        self.settle(reservation, _NOTHING)

    # --- what runs beside it ------------------------------------------------------------------------

    async def run(self) -> None:
        """Renew, report and give back, every second, until cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            await self.tick()

    async def tick(self) -> None:
        """Renew the lease, say what has been used, give back what others call in. Never raises for a store."""
        try:
            await self._look()
            if self._epoch:
                await self._board(())
                await self._clean()
        except (ProvisoError, TimeoutError) as error:
            self._note("budget_unrenewed", error=type(error).__name__)

    async def close(self) -> None:
        """Give everything back but what was used; a reservation that is still open counts as spent."""
        if not self._epoch:
            return
        for tally in self._tallies.values():
            self._give_back(tally)
        try:
            while self._unreported:
                await self._board(())
            await asyncio.to_thread(shares.leave, self._database, self._epoch)
        except ProvisoError as error:  # others fence it off in time
            self._note("budget_unrenewed", error=type(error).__name__)
        self._forget()

    async def orphans(self) -> list[Orphan]:
        """Fence off the holders that have been silent for longer than a lease; return what they leave.

        What counts is silence on this process's monotonic clock, so that no jump of a clock fences anyone off.
        """
        clock = await self._look()
        silent = [
            Holder(epoch, beat)
            for epoch, (beat, since) in self._seen.items()
            if epoch != self._epoch and clock - since >= SILENCE_S
        ]
        if silent:
            await asyncio.to_thread(shares.fence, self._database, silent)
        utc, _ = self._time.read()
        return await asyncio.to_thread(shares.orphans, self._database, utc)

    async def reconcile(self, orphan: Orphan, actual: int) -> int:
        """Count of an orphaned share only what its holder really used; return how much came back.

        `actual` must have everything that its writer's record shows for this limit and window, and the most
        that runs can have used which began and have not ended.
        """
        return await asyncio.to_thread(shares.reconcile, self._database, orphan, actual)

    # --- in memory ----------------------------------------------------------------------------------

    def _holds(self, limits: Sequence[Limit], demand: Demand, utc: int) -> list[tuple[Tally, int]]:
        return [(self._tally(limit, utc), getattr(demand, limit.kind)) for limit in limits]

    def _tally(self, limit: Limit, utc: int) -> Tally:
        tally = self._tallies.get(limit.id)
        if tally is None or utc >= tally.ends:
            if tally is not None:
                self._give_back(tally)
            tally = self._tallies[limit.id] = Tally(limit, utc)
        elif tally.limit is not limit:
            self._change(tally, limit)
        return tally

    def _change(self, tally: Tally, limit: Limit) -> None:
        """Take over a limit anew; if its amount has changed, what is not used is asked for again."""
        if limit.amount != tally.limit.amount:
            self._give_back(tally)
            tally.asked_at = _NEVER
        tally.limit = limit

    def _give_back(self, tally: Tally) -> None:
        if tally.free > 0:
            tally.free = 0
        self._unreported[tally] = None

    def _forget(self) -> None:
        """Drop all shares: they are not this process's any more."""
        for tally in (*self._tallies.values(), *self._unreported):
            tally.lost = True
        self._tallies.clear()
        self._unreported.clear()
        self._epoch, self._good_until = 0, _NEVER

    # --- leasing ------------------------------------------------------------------------------------

    async def _lease(self, limits: Sequence[Limit], demand: Demand) -> Reservation:
        while True:
            reservation = self.try_reserve(limits, demand)
            if reservation is not None:
                return reservation
            utc, clock = self._time.read()
            if clock - self._failed_at < _REST_S:
                raise BudgetUnconfirmed("the store failed a moment ago")
            missing = lacking(self._holds(limits, demand, utc))
            for tally, amount in missing:
                _allow(tally, amount, utc, clock)
            await self._board(missing)

    async def _board(self, lacking: Iterable[tuple[Tally, int]]) -> None:
        """Wait for the next trip to the database; raise what it raised."""
        if self._next is None:
            self._next = Departure()
        departure = self._next
        departure.board(lacking)
        if self._trips is None:
            self._trips = asyncio.create_task(self._travel())
        error = await asyncio.shield(departure.done)
        if error is not None:
            raise error

    async def _travel(self) -> None:
        """Make trips, one at a time, as long as somebody waits."""
        departure: Departure | None = None
        try:
            while (departure := self._next) is not None:
                self._next = None
                departure.done.set_result(await self._outcome(departure))
        finally:
            self._trips = None
            for left in (departure, self._next):
                if left is not None and not left.done.done():
                    left.done.set_result(BudgetUnconfirmed("the server is shutting down"))
            self._next = None

    async def _outcome(self, departure: Departure) -> ProvisoError | None:
        try:
            await self._trip(departure)
        except ProvisoError as error:
            self._failed_at = self._time.read()[1]
            return error
        return None

    async def _trip(self, departure: Departure) -> None:
        utc, clock = self._time.read()  # a lease counts from before it is asked for
        if self._epoch and self._known_as != self._writer():
            await self._leave_name(utc)
        if not self._epoch:
            name = self._writer()
            self._epoch = await asyncio.to_thread(shares.register, self._database, name, utc)
            self._known_as = name
            await self._look()
        reported = list(islice(self._unreported, _MOST_REPORTS))
        tallies = list(dict.fromkeys((*departure.wanted, *reported)))
        orders = [_order(tally, *departure.wanted.get(tally, (0, 0))) for tally in tallies]
        for tally in reported:
            del self._unreported[tally]
        renew = partial(shares.renew, self._database, self._epoch, utc, orders, among=self._among(clock))
        try:
            grants = await asyncio.to_thread(renew)
        except StoreUnavailable:  # it may have been done all the same: what is so is written next time
            self._unreported.update(dict.fromkeys(tallies))
            raise
        if grants is None:
            self._note("budget_fenced", epoch=self._epoch)
            self._forget()
            return
        self._good_until, self._good_until_utc = clock + TTL_S, utc + int(TTL_S * 1_000_000)
        arrived = self._time.read()[1]
        for tally, order, grant in zip(tallies, orders, grants, strict=True):
            _apply(tally, order, grant, arrived)

    async def _leave_name(self, utc: int) -> None:
        """End this epoch: what it has used and reserved counts whole, for the record of its name will not show all.

        INVARIANT: nothing grows from here on, so what is written covers all that is granted of these shares yet.
        """
        self._note("budget_renamed", epoch=self._epoch)
        for tally in self._tallies.values():
            self._give_back(tally)
        while self._unreported:
            tallies = list(islice(self._unreported, _MOST_REPORTS))
            orders = [_order(tally, 0, 0) for tally in tallies]
            renew = partial(shares.renew, self._database, self._epoch, utc, orders, among=1)
            if await asyncio.to_thread(renew) is None:
                break
            for tally in tallies:
                self._unreported.pop(tally, None)
        await asyncio.to_thread(shares.leave, self._database, self._epoch)
        self._forget()

    # --- the others ---------------------------------------------------------------------------------

    async def _look(self) -> float:
        """See who has renewed since the last look, and give back what is called in; return the time of the look."""
        found = await asyncio.to_thread(shares.holders, self._database)
        calls = await asyncio.to_thread(shares.calls, self._database, self._called)
        _, clock = self._time.read()
        if clock - self._looked_at > _WITNESS_S:  # who slept has not seen that others were silent
            self._seen.clear()
        self._looked_at = clock
        self._seen = {holder.epoch: self._sighting(holder, clock) for holder in found}
        for limit_id, starts, number in calls:
            self._called = number
            tally = self._tallies.get(limit_id)
            if tally is not None and tally.starts == starts:
                self._give_back(tally)
        return clock

    def _sighting(self, holder: Holder, clock: float) -> tuple[int, float]:
        known = self._seen.get(holder.epoch)
        return known if known is not None and known[0] == holder.beat else (holder.beat, clock)

    def _among(self, clock: float) -> int:
        """How many processes share."""
        return sum(clock - since < SILENCE_S for _, since in self._seen.values())

    async def _clean(self) -> None:
        utc, clock = self._time.read()
        if clock - self._cleaned_at < _CLEAN_EVERY_S:
            return
        self._cleaned_at = clock
        for name in [name for name, tally in self._tallies.items() if utc >= tally.ends]:
            self._give_back(self._tallies.pop(name))
        await asyncio.to_thread(shares.clean, self._database, utc)

    def _note(self, event: str, **values: str | int) -> None:
        self._log.warning("%s", msgspec.json.encode({"event": event, **values}).decode())


def _allow(tally: Tally, amount: int, utc: int, clock: float) -> None:
    """Raise `LimitReached` where there is no need to ask: more than the limit itself, or just answered."""
    answered = clock - tally.asked_at < _ASK_AGAIN_S and amount - tally.free > tally.room
    if answered or amount > tally.limit.amount:
        raise LimitReached(tally.limit, retry_after(tally, amount, utc, tally.settled))


def _order(tally: Tally, wanted: int, least: int) -> Order:
    free = max(tally.free, 0)
    return Order(
        limit_id=tally.limit.id,
        window=tally.limit.window,
        starts=tally.starts,
        amount=tally.limit.amount,
        keep=tally.used + free,
        spent=tally.spent,
        reserved=tally.reserved,
        free=free,
        debt=free - tally.free,
        wanted=wanted,
        least=least,
    )


def _apply(tally: Tally, order: Order, grant: Grant, clock: float) -> None:
    """Let a share grow by what was granted, and by the debt that is now written down."""
    tally.free += grant.amount + order.debt
    if grant.amount < order.short:
        tally.room, tally.settled, tally.asked_at = grant.room, grant.settled, clock
