"""Routing: which release serves a caller, and what others may learn of it."""

import msgspec
import pytest

from proviso.errors import UnknownApp
from proviso.governance import Routing
from proviso.orchestrator import CompiledTerms
from proviso.types import Principal
from tests.orchestrator.made import DANA, release

STRANGER = Principal("kim", frozenset({"guests"}), frozenset({"user"}), "k2")
ROUTING = Routing([release()])


def test_a_caller_is_served_by_the_release_of_the_app() -> None:
    assert ROUTING.resolve("policy-qa", DANA.principal).app == "policy-qa"


def test_an_app_that_one_may_not_use_looks_like_one_that_is_not_there() -> None:
    with pytest.raises(UnknownApp) as forbidden:
        ROUTING.resolve("policy-qa", STRANGER)
    with pytest.raises(UnknownApp) as unknown:
        Routing(()).resolve("policy-qa", STRANGER)
    assert str(forbidden.value) == str(unknown.value)
    assert ROUTING.usable(STRANGER) == []


def test_an_app_without_sources_is_open_to_every_identity() -> None:
    terms = CompiledTerms("b" * 64, {}, 1.0, frozenset(), frozenset(), True, 5.0)
    open_to_all = msgspec.structs.replace(release(), terms=terms)
    assert Routing([open_to_all]).resolve("policy-qa", STRANGER) is open_to_all


def test_apps_are_listed_by_name() -> None:
    other = msgspec.structs.replace(release(), app="a-first")
    both = Routing([release(), other])
    assert both.apps == ["a-first", "policy-qa"]
    assert [found.app for found in both.usable(DANA.principal)] == both.apps


def test_the_readers_of_runs_are_the_policys_and_nobody_for_an_unknown_app() -> None:
    terms = msgspec.structs.replace(release().terms, runs_readable_by=frozenset({"auditor"}))
    routing = Routing([msgspec.structs.replace(release(), terms=terms)])
    assert routing.run_readers("policy-qa") == {"auditor"}
    assert routing.run_readers("another") == frozenset()


def test_a_long_name_is_not_echoed_whole() -> None:
    with pytest.raises(UnknownApp) as unknown:
        ROUTING.resolve("x" * 5000, STRANGER)
    assert len(str(unknown.value)) < 200
