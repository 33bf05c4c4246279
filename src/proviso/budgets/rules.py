"""From what a contract says to the limits of one request: compiled with the terms, known from memory afterwards."""

from collections.abc import Iterable, Iterator
from decimal import ROUND_FLOOR, Decimal
from itertools import product

from msgspec import Struct

from proviso.budgets.limits import Kind, Limit, Scope, Window, identify
from proviso.types import Principal, Purpose

EACH = "*"  # of a scope's field: each of its names has an amount of its own
_MICRO = 1_000_000
_MOST_KNOWN = 10_000


class Stated(Struct, frozen=True):
    """One entry of `cost.limits`: for whom, and how much; None where it says nothing. Money is US dollars.

    `clause` is the entry's path, such as `cost.limits.contractors`. A field left empty holds for all together,
    `*` for each by itself.
    """

    clause: str
    group: str = ""
    key: str = ""
    model: str = ""
    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_minute: int | None = None
    tokens_per_day: int | None = None
    usd_per_minute: float | None = None
    usd_per_day: float | None = None


class Rule(Struct, frozen=True):
    """One amount, before it is known who asks."""

    stated: Stated
    kind: Kind
    window: Window
    amount: int
    clause: str


def compile_limits(app: str, per_day_usd: float | None, limits: Iterable[Stated] = ()) -> "Limits":
    """Return the limits that an app's `cost` section states."""
    whole = () if per_day_usd is None else (Stated("cost", usd_per_day=per_day_usd),)
    rules = [rule for stated in limits for rule in _rules(stated)]
    day = [Rule(r.stated, r.kind, r.window, r.amount, "cost.per_day_usd") for s in whole for r in _rules(s)]
    return Limits(app, (*day, *rules))


def micro_usd(usd: float) -> int:
    """Return US dollars as micro-dollars, rounded down: a limit is never more than what was agreed."""
    return int((Decimal(str(usd)) * _MICRO).to_integral_value(ROUND_FLOOR))


class Limits:
    """The limits of one app under its terms. What holds for a caller is worked out once."""

    def __init__(self, app: str, rules: Iterable[Rule]) -> None:
        self.app = app
        self.rules = tuple(rules)
        self._known: dict[tuple[frozenset[str], str, str, Purpose], tuple[Limit, ...]] = {}

    def of(self, principal: Principal, model: str, purpose: Purpose = Purpose.LIVE) -> tuple[Limit, ...]:
        """Return every limit that a request counts against, in the order of the contract.

        Of two that count the same, the smaller one holds. A caller counts against each of their groups.
        """
        who = (principal.groups, principal.key, model, purpose)
        known = self._known.get(who)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[who] = self._resolve(principal, model, purpose)
        return known

    def _resolve(self, principal: Principal, model: str, purpose: Purpose) -> tuple[Limit, ...]:
        found: dict[str, Limit] = {}
        for rule in self.rules:
            for scope in _scopes(self.app, rule.stated, principal, model, purpose):
                name = identify(scope, rule.kind, rule.window)
                if name not in found or rule.amount < found[name].amount:
                    found[name] = Limit(scope, rule.kind, rule.window, rule.amount, rule.clause)
        return tuple(found.values())


def _rules(stated: Stated) -> Iterator[Rule]:
    for kind, window in product(Kind, Window):
        unit = "usd" if kind is Kind.MICRO_USD else kind
        field = f"{unit}_per_{window}"
        amount: int | float | None = getattr(stated, field)
        if amount is not None:
            whole = micro_usd(amount) if kind is Kind.MICRO_USD else int(amount)
            yield Rule(stated, kind, window, whole, f"{stated.clause}.{field}")


def _scopes(app: str, stated: Stated, principal: Principal, model: str, purpose: Purpose) -> Iterator[Scope]:
    groups = sorted(principal.groups)
    for group, key, named in product(
        _named(stated.group, groups), _named(stated.key, [principal.key]), _named(stated.model, [model])
    ):
        yield Scope(app, group, key, named, purpose)


def _named(wanted: str, names: list[str]) -> list[str]:
    """Return those of a caller's names that an entry is about; an empty one stands for all of them together."""
    if not wanted:
        return [""]
    return names if wanted == EACH else [name for name in names if name == wanted]
