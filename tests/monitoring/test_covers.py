"""What monitoring says that it measures: real clauses, and none whose quantity nobody records."""

from proviso import guardrails
from proviso.contract import clauses
from proviso.monitoring import covers
from tests.contract.workspace import example_app

CONTRACT = example_app().contract


def test_every_signal_is_of_a_clause_that_the_contract_states() -> None:
    assert set(covers(CONTRACT)) <= {clause.path for clause in clauses(CONTRACT)}


def test_promises_about_time_money_and_citations_have_a_signal() -> None:
    assert set(covers(CONTRACT)) >= {
        "latency.p95_ms",
        "cost.per_day_usd",
        "cost.per_request_usd",
        "outputs.citations",
        "purpose.refuses.legal-advice",
        "inputs.sensitive.mask.EMAIL",
        "inputs.sources.travel-policy",
    }


def test_what_nothing_detects_has_no_signal() -> None:
    assert "inputs.sensitive.mask.NAME" not in guardrails.covers(CONTRACT)
    assert "inputs.sensitive.mask.NAME" not in covers(CONTRACT)


def test_accuracy_is_a_matter_of_suites_and_has_no_signal() -> None:
    assert not [clause for clause in covers(CONTRACT) if clause.startswith("quality.")]
