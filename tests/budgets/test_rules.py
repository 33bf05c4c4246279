"""From a contract's words to the limits of one caller."""

from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.budgets import (
    EACH,
    Kind,
    Limits,
    Prices,
    Scope,
    Stated,
    Window,
    call_demand,
    compile_limits,
    micro_usd,
    most_output_tokens,
)
from proviso.types import Principal, Purpose, Usage

CONTRACTORS = Stated("cost.limits.contractors", group="contractors", requests_per_day=200)
PRICES = st.builds(Prices, st.integers(0, 10**8), st.integers(0, 10**8))


def person(*groups: str, key: str = "k1") -> Principal:
    return Principal("dana", frozenset(groups), frozenset({"user"}), key)


def told(
    limits: Limits, principal: Principal, purpose: Purpose = Purpose.LIVE
) -> list[tuple[Scope, int, str]]:
    return [(one.scope, one.amount, one.clause) for one in limits.of(principal, "nova", purpose)]


def test_the_day_s_money_is_the_app_s() -> None:
    (day,) = compile_limits("policy-qa", 50).of(person(), "nova")
    assert (day.kind, day.window, day.amount, day.scope) == (
        Kind.MICRO_USD,
        Window.DAY,
        50_000_000,
        Scope("policy-qa"),
    )
    assert day.clause == "cost.per_day_usd"


def test_a_group_s_limit_is_shared_by_its_members_and_no_one_else_s() -> None:
    limits = compile_limits("policy-qa", None, [CONTRACTORS])
    shared = (Scope("policy-qa", "contractors"), 200, "cost.limits.contractors.requests_per_day")
    assert told(limits, person("staff", "contractors", key="k1")) == [shared]
    assert told(limits, person("contractors", key="k2")) == [shared]
    assert told(limits, person("staff")) == []


def test_a_star_gives_each_name_an_amount_of_its_own() -> None:
    limits = compile_limits("policy-qa", None, [Stated("cost.limits.0", key=EACH, requests_per_minute=60)])
    (one,), (two,) = limits.of(person(key="k1"), "nova"), limits.of(person(key="k2"), "nova")
    assert (one.scope.key, two.scope.key, one.id == two.id) == ("k1", "k2", False)


def test_scopes_combine() -> None:
    stated = Stated("cost.limits.0", group=EACH, model="nova", tokens_per_minute=100, usd_per_day=0.5)
    found = compile_limits("policy-qa", None, [stated]).of(person("a", "b"), "nova")
    assert [(one.scope.group, one.scope.model, one.kind, one.amount) for one in found] == [
        ("a", "nova", Kind.TOKENS, 100), ("b", "nova", Kind.TOKENS, 100),
        ("a", "nova", Kind.MICRO_USD, 500_000), ("b", "nova", Kind.MICRO_USD, 500_000),
    ]  # fmt: skip
    assert compile_limits("policy-qa", None, [stated]).of(person("a"), "claude") == ()


def test_of_two_limits_that_count_the_same_the_smaller_holds() -> None:
    wide = Stated("cost.limits.0", key=EACH, requests_per_day=100)
    narrow = Stated("cost.limits.1", key="k1", requests_per_day=5)
    for stated in ([wide, narrow], [narrow, wide]):
        limits = compile_limits("policy-qa", None, stated)
        assert [one.amount for one in limits.of(person(key="k1"), "nova")] == [5]
        assert [one.amount for one in limits.of(person(key="k2"), "nova")] == [100]


def test_other_purposes_have_amounts_of_their_own() -> None:
    limits = compile_limits("policy-qa", 50)
    live, test = limits.of(person(), "nova"), limits.of(person(), "nova", Purpose.TEST)
    assert live[0].id != test[0].id
    assert live[0].amount == test[0].amount


def test_what_holds_for_a_caller_is_worked_out_once() -> None:
    limits = compile_limits("policy-qa", 50, [CONTRACTORS])
    assert limits.of(person("contractors"), "nova") is limits.of(person("contractors"), "nova")


def test_money_is_rounded_down_and_exact() -> None:
    assert [micro_usd(usd) for usd in (0.02, 0.1, 50, 0.0000019, 1.005)] == [
        20_000,
        100_000,
        50_000_000,
        1,
        1_005_000,
    ]


@settings(deadline=None, max_examples=100)
@given(prices=PRICES, given=st.integers(0, 10**6), most=st.integers(0, 10**5), budget=st.integers(0, 10**7))
def test_an_answer_within_its_bound_never_costs_more_than_a_request_may(
    prices: Prices, given: int, most: int, budget: int
) -> None:
    bound = most_output_tokens(prices, given, most, budget)
    if bound < 0:
        assert prices.cost(given, 0) > budget
        return
    assert prices.cost(given, bound) <= budget
    assert bound == most or prices.cost(given, bound + 1) > budget


@settings(deadline=None, max_examples=100)
@given(prices=PRICES, given=st.integers(0, 10**6), written=st.integers(0, 10**5), attempts=st.integers(1, 4))
def test_what_is_reserved_covers_every_attempt(
    prices: Prices, given: int, written: int, attempts: int
) -> None:
    demand = call_demand(prices, given, written, attempts)
    assert demand.micro_usd >= attempts * prices.cost(given, written)
    assert (demand.requests, demand.tokens) == (1, attempts * (given + written))


def test_what_a_cache_gave_or_took_has_a_price_of_its_own() -> None:
    prices = Prices(3_000_000, 15_000_000, cache_read=300_000, cache_write=3_750_000)
    assert (
        prices.cost_of(Usage(100, 10, cache_read_tokens=1_000, cache_write_tokens=200))
        == 300 + 150 + 300 + 750
    )
    assert Prices(3_000_000, 15_000_000).cost_of(Usage(0, 0, 10, 10)) == 60
    assert Prices(1, 1).cost_of(Usage(1, 0)) == 1


@settings(deadline=None, max_examples=100)
@given(
    prices=PRICES, cache=st.integers(0, 10**8), tokens=st.lists(st.integers(0, 10**6), min_size=3, max_size=3)
)
def test_nothing_that_so_many_tokens_may_be_used_for_costs_more_than_their_most(
    prices: Prices, cache: int, tokens: list[int]
) -> None:
    own, written, out = tokens
    dear = Prices(prices.input, prices.output, cache_write=cache)
    assert dear.cost_of(Usage(own, out, 0, written)) <= dear.cost(own + written, out)
