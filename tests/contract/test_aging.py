"""What time does to a register: notice before a model ends, failure after, old prices, what cannot be pinned."""

from datetime import date

import pytest

from proviso.contract import ModelRegister, PriceBook, RegisteredModel, findings
from proviso.contract.register import Lifecycle
from tests.contract.hosting import host
from tests.contract.workspace import Copy

USED = {"small": ("policy-qa (drafter)",)}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> RegisteredModel:
    return host(Copy(tmp_path_factory.mktemp("aging"))).load().models.models["small"]


def severities(model: RegisteredModel, lifecycle: Lifecycle, on: str, *, used: bool = True) -> list[str]:
    register = ModelRegister(models={"small": model.model_copy(update={"lifecycle": lifecycle})})
    found = findings(register, None, USED if used else {}, date.fromisoformat(on))
    return [one.severity for one in found]


@pytest.mark.parametrize(
    ("on", "severity"),
    [
        ("2026-10-02", []),
        ("2026-10-03", ["warns"]),
        ("2026-12-31", ["warns"]),
        ("2027-01-01", ["fails"]),
        ("2030-01-01", ["fails"]),
    ],
)
def test_a_model_in_use_warns_ninety_days_before_its_end_and_fails_from_it(
    small: RegisteredModel, on: str, severity: list[str]
) -> None:
    assert severities(small, Lifecycle(status="active", end_of_life="2027-01-01"), on) == severity


def test_a_model_that_nobody_uses_does_not_fail(small: RegisteredModel) -> None:
    assert severities(small, Lifecycle(status="end-of-life"), "2026-01-01", used=False) == ["notes"]


def test_a_legacy_model_in_use_without_a_known_end_warns(small: RegisteredModel) -> None:
    assert severities(small, Lifecycle(status="legacy"), "2026-01-01") == ["warns"]


def test_names_and_servers_that_cannot_be_pinned_are_told(small: RegisteredModel) -> None:
    moving = small.model_copy(update={"id": "example.small-latest"})
    server = small.model_copy(update={"provider": "openai"})
    found = findings(ModelRegister(models={"a": moving, "b": server}), None, {}, date(2026, 1, 1))
    assert [(one.subject, one.severity) for one in found] == [("a", "warns"), ("b", "notes")]


@pytest.mark.parametrize(("on", "told"), [("2026-06-30", 0), ("2026-07-01", 1)])
def test_prices_older_than_half_a_year_warn(on: str, told: int) -> None:
    book = PriceBook(version=1, source="x", updated="2026-01-01", prices={})
    assert len(findings(ModelRegister(models={}), book, {}, date.fromisoformat(on))) == told
