"""Gates: what an environment serves."""

import pytest

from proviso.errors import GateClosed
from proviso.governance import Standing, admit
from proviso.types import Environment
from tests.governance.test_coverage import report


def test_dev_serves_a_release_with_gaps_but_not_as_approved() -> None:
    assert admit(Environment.DEV, report(suites={})) is False


@pytest.mark.parametrize("environment", [Environment.PILOT, Environment.PRODUCTION])
def test_the_others_serve_nothing_without_evidence_and_approvals(environment: Environment) -> None:
    with pytest.raises(GateClosed) as closed:
        admit(environment, report(suites={}))
    for what in ("clauses without a suite", "evidence", "approvals"):
        assert what in closed.value.message
    assert "proviso check policy-qa" in closed.value.fix


def test_a_gap_besides_the_clauses_is_named_at_the_gate() -> None:
    from_nowhere = report(None, Standing("", stale=False))
    with pytest.raises(GateClosed, match="no snapshot has been built"):
        admit(Environment.PILOT, from_nowhere)
