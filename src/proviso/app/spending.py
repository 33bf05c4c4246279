"""What requests may use: limits of the contract reserved before a run, settled after it, also for workers that died."""

import asyncio
import logging
from collections.abc import Iterable

import msgspec
from msgspec.structs import astuple, replace

from proviso.budgets import (
    Budget,
    Demand,
    Kind,
    LeasedBudget,
    Limits,
    Orphan,
    Prices,
    Reservation,
    Scope,
    Stated,
    call_demand,
    compile_limits,
    micro_usd,
    most_output_tokens,
)
from proviso.contract import Contract, Terms, item_names
from proviso.errors import ProvisoError, RequestError
from proviso.ledger import Usage, UsageReader
from proviso.orchestrator import Allowance, CompiledRelease, Run
from proviso.types import Principal, Request

_RECONCILE_EVERY_S = 15.0
# Of hosted models, that a reservation has room for: two that fail, and one that answers.
_CHARGED_ATTEMPTS = 3
# A run is dated a moment after it has reserved: one that is dated just after a window may be of that window.
_AFTER_US = 5_000_000


class TooCostly(RequestError):
    """A request whose answer could cost more than the contract lets one cost."""

    code = "too_costly"
    status = 413


def limits_under(terms: Terms, app: str) -> Limits:
    """Return the limits of an app that its contract states."""
    cost = terms.contract.cost
    names = item_names([limit.model_dump() for limit in cost.limits])
    stated = [
        Stated(
            clause=f"cost.limits.{name}",
            group=limit.group or "",
            key=limit.key or "",
            model=limit.model or "",
            requests_per_minute=limit.requests_per_minute,
            requests_per_day=limit.requests_per_day,
            tokens_per_minute=limit.tokens_per_minute,
            tokens_per_day=limit.tokens_per_day,
            usd_per_minute=limit.usd_per_minute,
            usd_per_day=limit.usd_per_day,
        )
        for name, limit in zip(names, cost.limits, strict=True)
    ]
    return compile_limits(app, cost.per_day_usd, stated)


class Spending:
    """The limits of one app under the terms in force, ready to be asked."""

    def __init__(self, terms: Terms, release: CompiledRelease, *, hosted: bool) -> None:
        self.limits = limits_under(terms, release.app)
        # A model that stands in counts against the limits of the one that it stands in for.
        self._model = release.drafter
        self._prices = _dearest(release.prices.values())
        self._per_request = micro_usd(terms.contract.cost.per_request_usd)
        # A hosted model that fails may charge for it all the same, and is asked again.
        self._attempts = _CHARGED_ATTEMPTS if hosted else 1

    async def reserve(
        self, budget: Budget, release: CompiledRelease, request: Request, principal: Principal
    ) -> tuple[Reservation, Allowance]:
        """Reserve the most that a request can use; return that, and what its run may use.

        Raises `LimitReached`, `BudgetUnconfirmed`, or `TooCostly`.
        """
        read = release.most_input_tokens(request)
        longest = most_output_tokens(self._prices, read, release.max_tokens, self._per_request)
        if longest < 1:
            raise TooCostly(
                "an answer to this could cost more than `cost.per_request_usd`", fix="ask a shorter question"
            )
        demand = call_demand(self._prices, read, longest, self._attempts)
        # All attempts together must keep to the promise that one answer has.
        most = min(demand.micro_usd, self._per_request)
        demand, allowance = replace(demand, micro_usd=most), Allowance(longest, most)
        # What a request cannot use, such as money for a model that costs nothing, needs nobody's consent: so an app
        # without other limits goes on while the store is away, as long as its tier lets it.
        limits = [
            limit
            for limit in self.limits.of(principal, self._model, request.purpose)
            if getattr(demand, limit.kind)
        ]
        if not limits:
            return Reservation(demand, ()), allowance
        reservation = budget.try_reserve(limits, demand)
        if reservation is None:
            reservation = await budget.reserve(limits, demand)
        return reservation, allowance


def _dearest(prices: Iterable[Prices]) -> Prices:
    """Return the most that any of these models takes for each kind of token."""
    return Prices(*(max(column) for column in zip(*map(astuple, prices), strict=True)))


def settle(budget: Budget, reservation: Reservation, run: Run) -> None:
    """Settle what a run has used; what nobody knows counts as all that was reserved."""
    used = run.used
    settlement = budget.settle(reservation, reservation.demand if used is None else Demand(1, *used))
    for limit in settlement.exceeded:
        fact = {"event": "budget_exceeded", "clause": limit.clause, "run": run.id}
        logging.getLogger("proviso.budgets").warning("%s", msgspec.json.encode(fact).decode())


def covers(contract: Contract) -> dict[str, str]:
    """Return clause path → control, for what budgets enforce on each request."""
    cost = contract.cost
    names = item_names([limit.model_dump() for limit in cost.limits])
    return {
        "cost.per_request_usd": "the longest draft that it leaves room for",
        "cost.per_day_usd": "reserved before each run, settled after it",
        **{f"cost.limits.{name}": "reserved before each run, settled after it" for name in names},
    }


class Reconciler:
    """Settles what processes had leased that have died: by what the record says that they used."""

    def __init__(self, budget: LeasedBudget, usage: UsageReader) -> None:
        self._budget = budget
        self._usage = usage
        self._log = logging.getLogger("proviso.budgets")

    async def run(self) -> None:
        """Look for what was left, again and again, until cancelled."""
        while True:
            await asyncio.sleep(_RECONCILE_EVERY_S)
            try:
                await self.once()
            except (ProvisoError, TimeoutError) as error:
                self._say("budget_unreconciled", error=type(error).__name__)

    async def once(self) -> int:
        """Settle every share that was left; return how many."""
        orphans = await self._budget.orphans()
        for orphan in orphans:
            actual = await asyncio.to_thread(used_by, orphan, self._usage)
            back = await self._budget.reconcile(orphan, actual)
            self._say("budget_reconciled", limit=orphan.limit_id, back=back)
        return len(orphans)

    def _say(self, event: str, **facts: object) -> None:
        self._log.info("%s", msgspec.json.encode({"event": event, **facts}).decode())


def used_by(orphan: Orphan, usage: UsageReader) -> int:
    """Return what the record shows of a dead process in a limit's window; runs that never ended at their most."""
    first = max(orphan.starts, orphan.began - _AFTER_US)
    last = min(orphan.ends + _AFTER_US, orphan.until + _AFTER_US if orphan.until else orphan.ends + _AFTER_US)
    total, largest, gaps = 0, 0, 0
    for one in usage.of(orphan.writer, first, last):
        if not _counts(one, orphan.scope):
            continue
        if one.ended:
            amount = {Kind.REQUESTS: 1, Kind.TOKENS: one.tokens, Kind.MICRO_USD: one.micro_usd}[orphan.kind]
            total, largest = total + amount, max(largest, amount)
        else:
            gaps += 1
    if orphan.kind is Kind.REQUESTS:
        return total + gaps
    # What was under way when it died is on no record, and may have been used: as far as it had said so.
    return total + gaps * largest + orphan.reserved


def _counts(one: Usage, scope: Scope) -> bool:
    """Whether a run counts against a scope. Which model it called is not looked at: rather too much than too little."""
    return (
        one.purpose == scope.purpose
        and scope.app in ("", one.app)
        and (not scope.group or scope.group in one.groups)
        and (not scope.key or not one.ended or scope.key == one.key)
    )
