"""Which clauses the order of a request itself enforces: tasks, deadline, fallback, what is logged."""

from proviso.contract import Contract

PATTERN_TASK = "answer"  # what the pattern draft-then-verify does


def covers(contract: Contract) -> dict[str, str]:
    """Return clause path → control, only for clauses that are enforced on every request."""
    controls = {
        "latency.deadline_ms": "deadline on the run",
        "models.when_unavailable": "refusal or fallback when the model is unavailable",
    }
    if PATTERN_TASK in contract.purpose.tasks:
        controls[f"purpose.tasks.{PATTERN_TASK}"] = "workflow pattern draft-then-verify"
    for name in contract.inputs.sources:
        controls[f"inputs.sources.{name}"] = "filter inside the search"
    for part in contract.monitoring.log:
        controls[f"monitoring.log.{part}"] = "the vault's allow-list"
    return controls
