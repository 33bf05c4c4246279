"""Which clauses the rollups measure: the signal of each, only where its quantity is recorded with runs."""

from proviso import guardrails
from proviso.contract import Contract

CITED = "share of runs with citations"
REFUSED = "refusals by clause"
DECIDED = "runs by deciding clause"
EMPTY = "empty retrievals by reason"
DURATION = "p95 of durations by workflow"
COST = "micro-dollars by model and minute"


def covers(contract: Contract) -> dict[str, str]:
    """Return clause path → signal. Where the rollups count refusals by the clause's path, that count."""
    found = guardrails.covers(contract)  # a type that nothing detects would be counted as never seen
    signals = {
        "outputs.citations": CITED,
        "outputs.format": REFUSED,
        "inputs.max_chars": REFUSED,
        "latency.p95_ms": DURATION,
        "latency.deadline_ms": REFUSED,
        "cost.per_request_usd": COST,
        "cost.per_day_usd": COST,
        "models.when_unavailable": REFUSED,
        "safety.grounding.threshold": REFUSED,
    }
    signals |= {f"purpose.refuses.{refused.id}": REFUSED for refused in contract.purpose.refuses}
    signals |= {f"outputs.disallowed.{rule.id}": REFUSED for rule in contract.outputs.disallowed}
    signals |= {f"inputs.sources.{name}": EMPTY for name in contract.inputs.sources}
    signals |= {f"safety.grounding.method.{method}": REFUSED for method in contract.safety.grounding.method}
    return signals | {clause: signal for clause, signal in _sensitive(contract).items() if clause in found}


def _sensitive(contract: Contract) -> dict[str, str]:
    fields = contract.inputs.sensitive
    return (
        {f"inputs.sensitive.block.{kind}": REFUSED for kind in fields.block}
        | {f"inputs.sensitive.mask.{kind}": DECIDED for kind in fields.mask}
        | {f"inputs.sensitive.custom.{custom.id}": DECIDED for custom in fields.custom}
    )
