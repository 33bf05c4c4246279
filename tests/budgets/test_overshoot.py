"""Whatever holders do and however they end: no limit is ever exceeded, and nothing of it is lost for good."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec import Struct

from proviso.budgets import Demand, Kind, LeasedBudget, LimitReached, Reservation, Window
from proviso.errors import StoreUnavailable
from proviso.store import open_store
from tests.budgets.samples import ONE, SECOND, Clocks, FailingDatabase, holder, limit

REQUESTS = limit(9)
TOKENS = limit(200, Kind.TOKENS, Window.MINUTE)
LIMITS = (REQUESTS, TOKENS)
HOLDERS = st.integers(0, 2)


class Use(Struct):
    """What the test knows of a reservation: who made it, in which windows, and what it may or did use."""

    epoch: int
    reservation: Reservation
    amounts: dict[tuple[str, int], int]  # (limit, window's start) → amount
    budget: LeasedBudget
    open: bool = True


class Overshoot(RuleBasedStateMachine):
    """Three processes over one database, of which any may crash, stand still, or lose the database."""

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.store = open_store(Path(self.folder.name))
        self.database = FailingDatabase(self.store.database)
        self.clocks = Clocks()
        self.uses: list[Use] = []
        self.writers = 0
        self.furthest = 0
        self.budgets = [self.start() for _ in range(3)]

    def start(self) -> LeasedBudget:
        self.writers += 1
        return holder(self.database, self.clocks, f"w{self.writers}")

    @rule(place=HOLDERS, tokens=st.integers(0, 60), times=st.integers(1, 4))
    def reserve(self, place: int, tokens: int, times: int) -> None:
        self.runner.run(self.burst(place, Demand(1, tokens), times))

    async def burst(self, place: int, demand: Demand, times: int) -> None:
        budget = self.budgets[place]
        made = await asyncio.gather(
            *(budget.reserve(LIMITS, demand) for _ in range(times)), return_exceptions=True
        )
        for one in made:
            if isinstance(one, Reservation):
                amounts = {(t.limit.id, t.starts): amount for t, amount in one.holds}
                self.uses.append(Use(budget._epoch, one, amounts, budget))
            else:
                assert isinstance(one, LimitReached | StoreUnavailable), one

    @rule(choice=st.integers(0, 99), part=st.floats(0, 1), cancelled=st.booleans())
    def settle(self, choice: int, part: float, cancelled: bool) -> None:
        waiting = [use for use in self.uses if use.open]
        if not waiting:
            return
        use = waiting[choice % len(waiting)]
        asked = use.reservation.demand
        used = Demand(0) if cancelled else Demand(1, int(asked.tokens * part))
        self.runner.run(self.end(use, used))

    async def end(self, use: Use, used: Demand) -> None:
        settlement = use.budget.settle(use.reservation, used)
        use.open = False
        if not settlement.lost:  # else it counts as it was reserved
            use.amounts = {
                (t.limit.id, t.starts): getattr(used, t.limit.kind) for t, _ in use.reservation.holds
            }

    @rule(place=HOLDERS)
    def tick(self, place: int) -> None:
        self.runner.run(self.budgets[place].tick())

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 9.0, 13.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.clocks.pass_s(seconds)

    @rule(seconds=st.sampled_from([-3600, -61, -5, 5, 11, 61, 3600, 90_000]))
    def jump(self, seconds: int) -> None:
        self.furthest = max(self.furthest, self.clocks.wall)
        if self.furthest - self.clocks.wall < 3600 * SECOND:  # rows of minutes are kept for two hours
            self.clocks.set_back_s(-seconds)

    @rule(place=HOLDERS)
    def crash(self, place: int) -> None:
        for use in self.uses:
            use.open = use.open and use.budget is not self.budgets[place]
        self.budgets[place] = self.start()

    @rule(place=HOLDERS)
    def leave(self, place: int) -> None:
        self.runner.run(self.budgets[place].close())

    @rule(before=st.integers(0, 2), after=st.integers(0, 2))
    def fail(self, before: int, after: int) -> None:
        self.database.before, self.database.after = before, after

    @rule(place=HOLDERS)
    def reconcile(self, place: int) -> None:
        try:
            self.runner.run(self.settle_orphans(self.budgets[place]))
        except StoreUnavailable:
            return

    async def settle_orphans(self, budget: LeasedBudget) -> None:
        for orphan in await budget.orphans():
            place = (orphan.limit_id, orphan.starts)
            used = [use.amounts.get(place, 0) for use in self.uses if use.epoch == orphan.epoch]
            await budget.reconcile(orphan, sum(used))

    @invariant()
    def nothing_is_exceeded(self) -> None:
        sums: dict[tuple[str, int], int] = {}
        for use in getattr(self, "uses", ()):
            for place, amount in use.amounts.items():
                sums[place] = sums.get(place, 0) + amount
        for (name, _), used in sums.items():
            assert used <= (REQUESTS.amount if name == REQUESTS.id else TOKENS.amount)

    def teardown(self) -> None:
        try:
            self.runner.run(self.nothing_is_lost())
        finally:
            self.runner.close()
            self.store.close()
            self.folder.cleanup()

    async def nothing_is_lost(self) -> None:
        """When all has been given back and reconciled, a newcomer can have the rest, exactly."""
        self.database.before = self.database.after = 0
        newcomer = self.start()
        holders = [*self.budgets[1:], newcomer]
        for _ in range(4):
            for budget in holders:
                await budget.tick()
            self.clocks.pass_s(4)
        await self.settle_orphans(newcomer)
        utc, _ = newcomer._time.read()
        place = (REQUESTS.id, utc - utc % REQUESTS.window.length)
        left = REQUESTS.amount - sum(use.amounts.get(place, 0) for use in self.uses)
        for attempt in range(2):
            for _ in range(left):
                try:
                    await newcomer.reserve([REQUESTS], ONE)
                except LimitReached:
                    assert attempt == 0
                    break
                left -= 1
            self.clocks.pass_s(1)
            for budget in holders:
                await budget.tick()
        assert left == 0


TestOvershoot = Overshoot.TestCase
TestOvershoot.settings = settings(deadline=None, max_examples=25, stateful_step_count=30)
