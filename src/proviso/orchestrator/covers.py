"""Which clauses the order of a request itself enforces, and those that hold by how a release is made."""

from proviso import guardrails
from proviso.contract import Contract

PATTERN_TASK = "answer"  # what the pattern draft-then-verify does
REASONING = "model_reasoning"


def covers(contract: Contract) -> dict[str, str]:
    """Return clause path → control, only for clauses that no request can get past."""
    controls = {
        "latency.deadline_ms": "deadline on the run",
        "models.when_unavailable": "refusal or fallback when the model is unavailable",
    }
    if PATTERN_TASK in contract.purpose.tasks:
        controls[f"purpose.tasks.{PATTERN_TASK}"] = "workflow pattern draft-then-verify"
    if contract.safety.residency:
        controls["safety.residency"] = "the release can only name models of these regions"
    for role, needs in contract.models.needs.items():
        stated = needs.model_dump(exclude_none=True, exclude={"features"})
        for clause in (*stated, *(f"features.{feature}" for feature in needs.features)):
            controls[f"models.needs.{role}.{clause}"] = "the release can only name models that have it"
    for name in contract.inputs.sources:
        controls[f"inputs.sources.{name}"] = "filter inside the search"
    for part in contract.monitoring.log:
        controls[f"monitoring.log.{part}"] = "the vault's allow-list"
    return controls | _never_stored(contract)


def _never_stored(contract: Contract) -> dict[str, str]:
    """What cannot reach the vault: it takes no reasoning, and only text in which these types are blocked or masked."""
    guarded = guardrails.covers(contract)
    controls = {}
    for name in contract.monitoring.never_store:
        clause = f"monitoring.never_store.{name}"
        if name == REASONING:
            controls[clause] = "the vault takes questions, answers and citations only"
        elif f"inputs.sensitive.block.{name}" in guarded or f"inputs.sensitive.mask.{name}" in guarded:
            controls[clause] = "blocked or masked before the vault"
    return controls
