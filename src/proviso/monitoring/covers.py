"""Which clauses the rollups measure: the signal of each, only where its quantity is recorded with runs."""

from proviso import guardrails
from proviso.contract import Contract

CITED = "share of runs with citations"
REFUSED = "refusals by clause"
DECIDED = "runs by deciding clause"
FAILED = "runs with failed sentences by clause"
EMPTY = "empty retrievals by reason"
DURATION = "p95 of durations by workflow"
COST = "micro-dollars by model and minute"

# By the beginning of the clause's path; what is not here refuses, and is counted as a refusal by its clause.
_COUNTED = {
    "inputs.sensitive.mask.": DECIDED,
    "inputs.sensitive.custom.": DECIDED,
    "safety.grounding.": FAILED,
    "outputs.on_failed_sentence": FAILED,
}


def covers(contract: Contract) -> dict[str, str]:
    """Return clause path → signal.

    What the guardrails do is counted by the clause for which they do it, so these clauses have a signal exactly
    where they have a control: a type that nothing detects would be counted as never seen.
    """
    signals = {clause: _counted(clause) for clause in guardrails.covers(contract)}
    signals |= {f"inputs.sources.{name}": EMPTY for name in contract.inputs.sources}
    return signals | {
        "outputs.citations": CITED,
        "latency.p95_ms": DURATION,
        "latency.deadline_ms": REFUSED,
        "cost.per_request_usd": COST,
        "cost.per_day_usd": COST,
        "models.when_unavailable": REFUSED,
    }


def _counted(clause: str) -> str:
    return next((signal for start, signal in _COUNTED.items() if clause.startswith(start)), REFUSED)
