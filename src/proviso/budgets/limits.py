"""The nouns of budgets: who is limited, in what, for how long; what a request asks for; and the "no"."""

from enum import StrEnum

import msgspec
from msgspec import Struct

from proviso.errors import StoreUnavailable, TooMany
from proviso.types import Purpose

_SECOND = 1_000_000


class Kind(StrEnum):
    """What is counted. Money is micro-dollars."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    MICRO_USD = "micro_usd"


class Window(StrEnum):
    """For how long an amount is meant: calendar minutes and days in UTC."""

    MINUTE = "minute"
    DAY = "day"

    @property
    def length(self) -> int:
        """How long it is, in microseconds."""
        return (60 if self is Window.MINUTE else 86_400) * _SECOND


class Scope(Struct, frozen=True):
    """Who shares a limit: everything that agrees with all fields that are set. Empty means any.

    A group's limit is shared by its members, a key's is the key's own. A purpose other than `live` has
    amounts of its own, so that tests never use up what callers need.
    """

    app: str = ""
    group: str = ""
    key: str = ""
    model: str = ""
    purpose: Purpose = Purpose.LIVE

    def __str__(self) -> str:
        named = (("app", self.app), ("group", self.group), ("key", self.key), ("model", self.model))
        words = [f"{what} `{name}`" for what, name in named if name]
        if self.purpose is not Purpose.LIVE:
            words.append(f"purpose `{self.purpose}`")
        return ", ".join(words) or "everyone"


class Limit(Struct, frozen=True, eq=False):
    """At most `amount` of a kind in a window, for a scope, because a clause of the contract says so.

    `id` names what is counted: two limits of one scope, kind and window count together, whatever their amounts.
    """

    scope: Scope
    kind: Kind
    window: Window
    amount: int
    clause: str
    id: str = ""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "id", identify(self.scope, self.kind, self.window))

    def __str__(self) -> str:
        if self.kind is Kind.MICRO_USD:
            digits = 6 if self.amount % 10_000 else 2  # a limit may be less than a cent
            return f"{self.amount / 1_000_000:,.{digits}f} US dollars a {self.window} for {self.scope}"
        return f"{self.amount:,} {self.kind} a {self.window} for {self.scope}"


def identify(scope: Scope, kind: Kind, window: Window) -> str:
    """Return the name under which all processes count: JSON, so that no name can be taken for another."""
    names = (scope.app, scope.group, scope.key, scope.model, scope.purpose, kind, window)
    return msgspec.json.encode(names).decode()


def identified(limit_id: str) -> tuple[Scope, Kind, Window]:
    """Return what `identify` was given."""
    names = msgspec.json.decode(limit_id, type=tuple[str, str, str, str, Purpose, Kind, Window])
    return Scope(*names[:5]), names[5], names[6]


class Demand(Struct, frozen=True, gc=False):
    """What a request asks for, or has used. To reserve, state the most that it can use."""

    requests: int = 1
    tokens: int = 0
    micro_usd: int = 0

    def __post_init__(self) -> None:
        if self.requests < 0 or self.tokens < 0 or self.micro_usd < 0:
            raise ValueError("a demand is never negative")


class LimitReached(TooMany):
    """No: this request would exceed a limit. `retry_after_s` is when it may be worth while to ask again."""

    code = "limit_reached"

    def __init__(self, limit: Limit, retry_after_s: int) -> None:
        super().__init__(
            f"the limit of {limit} is reached (`{limit.clause}`)",
            retry_after_s=retry_after_s,
            fix=f"ask again in {retry_after_s} s, or have the contract's limit raised",
        )
        self.limit = limit
        self.clause = limit.clause


class BudgetUnconfirmed(StoreUnavailable):
    """What is left cannot be confirmed, so nothing more is spent."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"what is left of the budget cannot be confirmed: {why}", fix="ask again in a second"
        )
