"""Shares of a budget: how they are taken, given back and fenced off, and what happens when the database is away."""

import asyncio

import pytest

from proviso.budgets import BudgetUnconfirmed, Demand, Kind, LeasedBudget, LimitReached, Settlement, standing
from proviso.errors import StoreUnavailable
from tests.budgets.samples import ONE, Clocks, FailingDatabase, holder, limit

THOUSAND = limit(1000)


async def use(budget: LeasedBudget, most: int, amount: int = 1000) -> int:
    """Use requests until the budget says no; return how many it let pass."""
    for done in range(most):
        try:
            budget.settle(await budget.reserve([limit(amount)], ONE), ONE)
        except LimitReached:
            return done
    return most


async def test_four_processes_are_granted_exactly_the_amount_together(
    database: FailingDatabase, clocks: Clocks
) -> None:
    budgets = [holder(database, clocks, f"w{n}") for n in range(4)]
    done = await asyncio.gather(*(use(budget, 1001) for budget in budgets for _ in range(4)))
    assert sum(done) == 1000


async def test_what_a_process_holds_is_granted_without_the_database(
    leased: LeasedBudget, database: FailingDatabase
) -> None:
    await leased.reserve([THOUSAND], ONE)
    before = database.transactions
    assert all(leased.try_reserve([THOUSAND], ONE) for _ in range(100))
    assert database.transactions == before


async def test_many_that_wait_share_one_trip_to_the_database(
    leased: LeasedBudget, database: FailingDatabase
) -> None:
    await leased.reserve([THOUSAND], ONE)
    before = database.transactions
    await asyncio.gather(*(leased.reserve([limit(64, group="staff")], ONE) for _ in range(64)))
    assert database.transactions == before + 1


async def test_a_no_is_believed_for_a_second_and_costs_no_more_trips(
    leased: LeasedBudget, database: FailingDatabase, clocks: Clocks
) -> None:
    assert await use(leased, 4, amount=3) == 3
    before = database.transactions
    assert await use(leased, 1, amount=3) == 0
    assert database.transactions == before


async def test_an_idle_process_gives_back_what_another_needs(
    leased: LeasedBudget, peer: LeasedBudget, clocks: Clocks
) -> None:
    assert await use(leased, 1) == 1
    early = await use(peer, 1000)
    assert early < 999
    await leased.tick()
    clocks.pass_s(1)
    assert await use(peer, 1000) == 999 - early


async def test_a_process_that_cannot_renew_stops_before_its_lease_ends(
    leased: LeasedBudget, database: FailingDatabase, clocks: Clocks
) -> None:
    await leased.reserve([THOUSAND], ONE)
    database.before = 10
    clocks.pass_s(9.9)
    assert leased.try_reserve([THOUSAND], ONE)
    clocks.pass_s(0.1)
    with pytest.raises(StoreUnavailable):
        await leased.reserve([THOUSAND], ONE)
    with pytest.raises(BudgetUnconfirmed):  # and leaves the database alone for a moment
        await leased.reserve([THOUSAND], ONE)


async def test_a_wall_clock_set_back_does_not_prolong_a_lease(leased: LeasedBudget, clocks: Clocks) -> None:
    await leased.reserve([THOUSAND], ONE)
    clocks.set_back_s(3600)
    clocks.pass_s(10)
    assert leased.try_reserve([THOUSAND], ONE) is None


async def test_a_machine_that_stood_still_renews_before_it_grants(
    leased: LeasedBudget, clocks: Clocks
) -> None:
    await leased.reserve([THOUSAND], ONE)
    clocks.set_back_s(-10)  # the monotonic clock did not go on
    assert leased.try_reserve([THOUSAND], ONE) is None
    await leased.reserve([THOUSAND], ONE)


async def silence(observer: LeasedBudget, clocks: Clocks, seconds: int) -> None:
    for _ in range(seconds // 4):
        await observer.tick()
        clocks.pass_s(4)


async def test_a_dead_process_s_share_counts_as_spent_until_it_is_reconciled(
    leased: LeasedBudget, peer: LeasedBudget, clocks: Clocks
) -> None:
    await use(leased, 10)
    await silence(peer, clocks, 16)
    share = (await peer.orphans())[0].share
    assert share > 10
    assert await use(peer, 1001) == 1000 - share
    assert await peer.reconcile((await peer.orphans())[0], 10) == share - 10
    clocks.pass_s(1)
    assert await use(peer, 1001) == share - 10
    assert await peer.orphans() == []


async def test_an_orphan_says_whose_record_to_read(
    leased: LeasedBudget, peer: LeasedBudget, clocks: Clocks
) -> None:
    await leased.reserve([THOUSAND], ONE)
    began = clocks.now()
    await silence(peer, clocks, 16)
    orphan = (await peer.orphans())[0]
    assert (orphan.writer, orphan.began, orphan.until, orphan.scope) == ("w0", began, 0, THOUSAND.scope)
    assert (orphan.kind, orphan.starts, orphan.ends - orphan.starts) == (
        Kind.REQUESTS,
        began // 86_400_000_000 * 86_400_000_000,
        86_400_000_000,
    )


async def test_a_process_whose_record_goes_on_under_another_name_begins_anew_and_keeps_what_it_used(
    database: FailingDatabase, clocks: Clocks, peer: LeasedBudget
) -> None:
    name = "w0"
    budget = LeasedBudget(database, lambda: name, clocks.now, clocks.clock)
    await use(budget, 10)
    open_one = await budget.reserve([THOUSAND], ONE)
    name = "w7"
    await budget.tick()
    budget.settle(open_one, ONE)  # of a share that is not this process's any more: it counts whole
    await use(budget, 5)
    await silence(peer, clocks, 16)
    assert [(orphan.writer, orphan.spent) for orphan in await peer.orphans()] == [("w7", 0)]
    assert await peer.reconcile((await peer.orphans())[0], 5) > 0
    clocks.pass_s(1)
    assert await use(peer, 1001) == 1000 - 11 - 5


async def test_what_a_dead_process_had_under_way_is_known_as_of_its_last_tick(
    leased: LeasedBudget, peer: LeasedBudget, clocks: Clocks
) -> None:
    for _ in range(3):
        await leased.reserve([THOUSAND], ONE)
    await leased.tick()
    await silence(peer, clocks, 16)
    assert [(orphan.spent, orphan.reserved) for orphan in await peer.orphans()] == [(0, 3)]


async def test_a_fenced_process_begins_anew_without_its_old_share(
    leased: LeasedBudget, peer: LeasedBudget, clocks: Clocks
) -> None:
    old = await leased.reserve([limit(10)], ONE)
    await silence(peer, clocks, 16)
    for orphan in await peer.orphans():
        await peer.reconcile(orphan, 1)
    assert await use(leased, 20, amount=10) == 9
    assert leased.settle(old, ONE) == Settlement(lost=True)


async def test_who_slept_fences_nobody_off(leased: LeasedBudget, peer: LeasedBudget, clocks: Clocks) -> None:
    await leased.reserve([THOUSAND], ONE)
    await peer.tick()
    clocks.pass_s(3600)
    assert await peer.orphans() == []
    assert await use(leased, 1) == 1


async def test_a_living_process_is_not_fenced_off(
    leased: LeasedBudget, peer: LeasedBudget, clocks: Clocks
) -> None:
    await leased.reserve([THOUSAND], ONE)
    for _ in range(20):
        await leased.tick()
        await peer.tick()
        clocks.pass_s(2)
    assert await peer.orphans() == []


async def test_nothing_is_reconciled_above_a_share_or_below_what_its_holder_said(
    leased: LeasedBudget, peer: LeasedBudget, clocks: Clocks
) -> None:
    await use(leased, 10)
    await leased.tick()
    await silence(peer, clocks, 16)
    orphan = (await peer.orphans())[0]
    assert await peer.reconcile(orphan, 3) == orphan.share - 10
    assert await peer.reconcile(orphan, 3) == 0


async def test_a_process_that_leaves_keeps_only_what_it_used(
    leased: LeasedBudget, peer: LeasedBudget, clocks: Clocks
) -> None:
    await use(leased, 10)
    await leased.reserve([THOUSAND], ONE)  # still open: counts as spent
    await leased.close()
    assert await use(peer, 1001) == 989
    assert await peer.orphans() == []


async def test_a_lost_answer_of_the_database_loses_nothing_for_good(
    leased: LeasedBudget, database: FailingDatabase, clocks: Clocks
) -> None:
    await leased.reserve([limit(10)], ONE)
    database.after = 1
    with pytest.raises(StoreUnavailable):
        await leased.reserve([limit(10), limit(10, group="staff")], Demand(9))
    clocks.pass_s(1)
    await leased.reserve([limit(10), limit(10, group="staff")], Demand(9))


async def test_a_caller_that_leaves_while_it_waits_holds_nothing(leased: LeasedBudget) -> None:
    waiting = asyncio.create_task(leased.reserve([limit(1)], ONE))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await leased.reserve([limit(1)], ONE)


async def test_where_a_limit_stands_is_told(leased: LeasedBudget, clocks: Clocks) -> None:
    await use(leased, 10)
    await leased.reserve([THOUSAND], ONE)
    await leased.tick()
    stands = standing(leased._database, [THOUSAND], clocks.now())[0]
    assert (stands.spent, stands.spent + stands.leased + stands.remaining) == (10, 1000)
    assert (stands.leased, stands.resets - clocks.now()) == (490, 12 * 3600 * 1_000_000)


async def test_windows_of_the_past_are_removed(
    leased: LeasedBudget, database: FailingDatabase, clocks: Clocks
) -> None:
    await use(leased, 3, amount=2)
    clocks.pass_s(3 * 86_400)
    assert await use(leased, 1, amount=2) == 1
    for _ in range(2):
        await leased.tick()
        clocks.pass_s(61)
    assert database.read("SELECT COUNT(*) FROM budget_leases") == [(1,)]
