"""What every budget does, of one process or of many: one suite for all of them."""

import pytest

from proviso.budgets import Budget, Demand, Kind, LeasedBudget, Limit, LimitReached, MemoryBudget, Window
from tests.budgets.samples import ONE, Clocks, limit

MINUTE = limit(2, window=Window.MINUTE)
TOKENS = limit(100, Kind.TOKENS)


@pytest.fixture(params=["memory", "leased"])
def budget(request: pytest.FixtureRequest, leased: LeasedBudget, clocks: Clocks) -> Budget:
    return leased if request.param == "leased" else MemoryBudget(clocks.now, clocks.clock)


async def refused(budget: Budget, *limits: Limit, demand: Demand = ONE) -> LimitReached:
    with pytest.raises(LimitReached) as no:
        await budget.reserve(limits, demand)
    return no.value


async def test_exactly_the_amount_is_granted(budget: Budget) -> None:
    seven = limit(7)
    for _ in range(7):
        budget.settle(await budget.reserve([seven], ONE), ONE)
    assert (await refused(budget, seven)).limit.amount == 7


async def test_what_is_reserved_counts_before_it_is_settled(budget: Budget) -> None:
    await budget.reserve([TOKENS], Demand(tokens=90))
    await refused(budget, TOKENS, demand=Demand(tokens=11))
    await budget.reserve([TOKENS], Demand(tokens=10))


async def test_what_was_reserved_and_not_used_can_be_used_by_the_next(budget: Budget) -> None:
    reservation = await budget.reserve([TOKENS], Demand(tokens=100))
    budget.settle(reservation, Demand(tokens=30))
    await budget.reserve([TOKENS], Demand(tokens=70))


async def test_a_cancelled_reservation_comes_back_whole(budget: Budget) -> None:
    budget.cancel(await budget.reserve([TOKENS], Demand(tokens=100)))
    await budget.reserve([TOKENS], Demand(tokens=100))


async def test_a_reservation_ends_once(budget: Budget) -> None:
    reservation = await budget.reserve([TOKENS], Demand(tokens=100))
    budget.settle(reservation, Demand(tokens=100))
    budget.cancel(reservation)
    await refused(budget, TOKENS, demand=Demand(tokens=1))


async def test_a_request_over_one_of_its_limits_takes_nothing_of_the_others(budget: Budget) -> None:
    await budget.reserve([TOKENS], Demand(tokens=100))
    five = limit(5)
    assert (await refused(budget, five, TOKENS, demand=Demand(1, 1))).limit is TOKENS
    for _ in range(5):
        await budget.reserve([five], ONE)


async def test_more_than_was_reserved_is_counted_and_told(budget: Budget) -> None:
    reservation = await budget.reserve([TOKENS], Demand(tokens=10))
    assert budget.settle(reservation, Demand(tokens=95)).exceeded == (TOKENS,)
    await refused(budget, TOKENS, demand=Demand(tokens=6))
    await budget.reserve([TOKENS], Demand(tokens=5))


async def test_a_limit_that_is_named_twice_is_counted_twice(budget: Budget) -> None:
    assert (await refused(budget, limit(1), limit(1))).limit.amount == 1
    await budget.reserve([limit(2), limit(2)], ONE)


async def test_a_limit_of_nothing_lets_nobody_pass(budget: Budget) -> None:
    assert (await refused(budget, limit(0))).retry_after_s == 12 * 3600


async def test_a_window_ends_with_its_minute(budget: Budget, clocks: Clocks) -> None:
    clocks.pass_s(29.5)
    for _ in range(2):
        budget.settle(await budget.reserve([MINUTE], ONE), ONE)
    assert (await refused(budget, MINUTE)).retry_after_s == 31
    clocks.pass_s(31)
    await budget.reserve([MINUTE], ONE)


async def test_a_reservation_counts_in_the_window_in_which_it_was_made(
    budget: Budget, clocks: Clocks
) -> None:
    late = await budget.reserve([MINUTE], ONE)
    clocks.pass_s(60)
    budget.settle(late, ONE)
    for _ in range(2):
        await budget.reserve([MINUTE], ONE)


async def test_a_clock_that_is_set_back_opens_no_window_again(budget: Budget, clocks: Clocks) -> None:
    clocks.pass_s(61)
    for _ in range(2):
        budget.settle(await budget.reserve([MINUTE], ONE), ONE)
    clocks.set_back_s(3600)
    assert (await refused(budget, MINUTE)).retry_after_s == 59
    clocks.pass_s(59)
    await budget.reserve([MINUTE], ONE)


async def test_while_a_reservation_may_come_back_it_is_worth_while_to_ask_again(budget: Budget) -> None:
    reservation = await budget.reserve([limit(1)], ONE)
    assert (await refused(budget, limit(1))).retry_after_s == 1
    budget.settle(reservation, ONE)
    assert (await refused(budget, limit(1))).retry_after_s == 12 * 3600


async def test_the_no_names_the_limit_in_words_and_its_clause(budget: Budget) -> None:
    no = await refused(budget, limit(0, Kind.MICRO_USD, group="contractors"), demand=Demand(micro_usd=1))
    assert (no.status, no.code, no.clause) == (429, "limit_reached", "cost.limits.micro_usd_per_day")
    assert "0.00 US dollars a day for app `policy-qa`, group `contractors`" in no.message


async def test_limits_of_other_scopes_and_kinds_count_apart(budget: Budget) -> None:
    await budget.reserve([limit(1)], ONE)
    await budget.reserve([limit(1, group="staff"), limit(1, window=Window.MINUTE)], ONE)


async def test_an_amount_that_changes_holds_at_once(budget: Budget) -> None:
    for _ in range(3):
        budget.settle(await budget.reserve([limit(10)], ONE), ONE)
    await refused(budget, limit(3))
    await budget.reserve([limit(4)], ONE)
