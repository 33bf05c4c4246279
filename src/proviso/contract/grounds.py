"""The words of a choice: which model takes a role, and why each other one does not."""

from typing import Literal

from msgspec import Struct

# The rules by which a model suits a role or does not.
Rule = Literal[
    "tier",
    "end-of-life",
    "data-sensitivity",
    "residency",
    "language",
    "context",
    "output",
    "feature",
    "determinism",
    "price",
    "cost-ceiling",
]


class Ground(Struct, frozen=True):
    """Why a model does not suit a role: by which rule, what is wrong, and the fix."""

    rule: Rule
    what: str
    fix: str


class Candidate(Struct, frozen=True):
    """A model of the register as it suits a role: its place among the chosen, from 1; or why it cannot be chosen.

    Without a place and without grounds it suits, and others go before it. `micro_usd`: what a request of the
    full length that the role needs costs, None where nobody knows its price. `trade_off`: as the register has it.
    """

    name: str
    place: int | None
    grounds: tuple[Ground, ...]
    micro_usd: int | None
    trade_off: str


class Choice(Struct, frozen=True):
    """The models of a role: the first answers, the others may stand in for it, in this order.

    `by`: `named` where the workflow names them, else the rule that it chooses by.
    """

    by: Literal["named", "cheapest", "largest-context", "first"]
    names: tuple[str, ...]
    candidates: tuple[Candidate, ...]
