"""The clauses of a contract: all of them, each by its path, each with somebody who answers for it."""

from collections.abc import Iterator
from typing import Any

from proviso.contract import App, Contract, clauses
from proviso.contract.clauses import ANSWERS


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every stated value, list items by index."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from leaves(item, f"{path}.{key}" if path else str(key))
    if not isinstance(value, dict | list) and value is not None:
        yield path


def paths(contract: Contract) -> list[str]:
    return [clause.path for clause in clauses(contract)]


def test_the_clauses_that_other_rooms_name_are_there(example: App) -> None:
    assert set(paths(example.contract)) >= {
        "purpose.refuses.legal-advice",
        "inputs.sources.travel-policy",
        "inputs.sensitive.block.US_SOCIAL_SECURITY_NUMBER",
        "inputs.sensitive.mask.NAME",
        "inputs.max_chars",
        "outputs.format",
        "outputs.citations",
        "outputs.disallowed.commitments",
        "quality.intents.per-diem.accuracy",
        "safety.filters.VIOLENCE",
        "safety.grounding.method.numbers",
        "safety.grounding.threshold",
        "latency.p95_ms",
        "cost.limits.contractors",
        "monitoring.alerts.empty_retrieval_rate",
        "monitoring.never_store.credentials",
        "monitoring.retention.payload",
    }


def test_each_path_is_there_once(example: App) -> None:
    assert len(paths(example.contract)) == len(set(paths(example.contract)))


def test_every_section_has_clauses_and_everybody_answers_for_some(example: App) -> None:
    found = clauses(example.contract)
    assert {clause.section for clause in found} == set(ANSWERS)
    assert {clause.owner for clause in found} == {"product", "technical", "risk", "on_call"}
    assert all(clause.path.startswith(f"{clause.section}.") and clause.value_text for clause in found)


def test_no_stated_value_is_without_a_clause_but_what_explains_one(example: App) -> None:
    values = example.contract.model_dump(mode="json", by_alias=True)
    heads = {".".join(path.split(".")[:2]) for path in paths(example.contract)}
    stated = {
        ".".join(path.split(".")[:2]) for section in ANSWERS for path in leaves(values[section], section)
    }
    assert heads == stated


def test_what_a_contract_does_not_state_is_no_clause(example: App) -> None:
    quality = example.contract.quality.model_copy(update={"retrieval": None})
    outputs = example.contract.outputs.model_copy(update={"tone": None, "disallowed": ()})
    contract = example.contract.model_copy(update={"quality": quality, "outputs": outputs})
    gone = set(paths(example.contract)) - set(paths(contract))
    assert gone == {"quality.retrieval.recall_at_5", "outputs.tone", "outputs.disallowed.commitments"}


def test_two_alerts_on_one_signal_are_two_clauses(example: App) -> None:
    alerts = example.contract.monitoring.alerts
    monitoring = example.contract.monitoring.model_copy(update={"alerts": (alerts[0], alerts[0], alerts[1])})
    contract = example.contract.model_copy(update={"monitoring": monitoring})
    found = [path for path in paths(contract) if path.startswith("monitoring.alerts")]
    assert found == ["monitoring.alerts.0", "monitoring.alerts.1", "monitoring.alerts.refusal_rate"]
