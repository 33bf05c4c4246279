"""Reserve before, settle after: limits on requests, tokens and money that all processes share."""

from proviso.budgets.leased import SILENCE_S, TICK_S, TTL_S, LeasedBudget
from proviso.budgets.limits import BudgetUnconfirmed, Demand, Kind, Limit, LimitReached, Scope, Window
from proviso.budgets.memory import MemoryBudget
from proviso.budgets.pricing import Prices, call_demand, most_output_tokens
from proviso.budgets.protocol import Budget
from proviso.budgets.rules import EACH, Limits, Rule, Stated, compile_limits, micro_usd
from proviso.budgets.shares import Orphan
from proviso.budgets.status import Standing, limits_of_all, standing
from proviso.budgets.tally import Reservation, Settlement

__all__ = [
    "EACH",
    "SILENCE_S",
    "TICK_S",
    "TTL_S",
    "Budget",
    "BudgetUnconfirmed",
    "Demand",
    "Kind",
    "LeasedBudget",
    "Limit",
    "LimitReached",
    "Limits",
    "MemoryBudget",
    "Orphan",
    "Prices",
    "Reservation",
    "Rule",
    "Scope",
    "Settlement",
    "Standing",
    "Stated",
    "Window",
    "call_demand",
    "compile_limits",
    "limits_of_all",
    "micro_usd",
    "most_output_tokens",
    "standing",
]
