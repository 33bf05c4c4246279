"""Every fault of the engine, the schema or the circumstances is a denial."""

from collections.abc import Callable
from importlib import resources
from typing import Any

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from proviso.access import AppResource, Authority, Permission, Resource
from proviso.access.cedar import CedarEngine, CedarSchema, read, refuse_silence
from proviso.access.engine import ALLOW, DENY, Engine, Finding, Query
from proviso.errors import NotReady
from proviso.types import Environment, Principal, Purpose
from tests.access.deciding import APP, CHANGE, RUN, WORKSPACE, Saying, person, under

ASK, GOOD = "users-ask", '@id("users-ask") permit (principal, action, resource);'
SCHEMA = (resources.files("proviso.access") / "policies" / "schema.cedarschema").read_text()


class Panic(BaseException):
    """What a fault inside a Rust library becomes: no `Exception`."""


def raising(fault: BaseException) -> Callable[[Query], Finding]:
    def fail(_: Query) -> Finding:
        raise fault

    return fail


def denies(authority: Authority, resource: Resource = APP, action: str = "ask") -> bool:
    """Whether what is otherwise allowed is denied for a fault, every time it is asked."""
    verdicts = [authority.decide(person(["user", "auditor"]), action, resource) for _ in range(2)]
    return all(not verdict.allowed and verdict.fault != "" for verdict in verdicts)


def test_without_a_fault_it_is_allowed() -> None:
    assert under(Saying(lambda _: Finding(ALLOW, (ASK,), ()))).decide(person(), "ask", APP).allowed
    assert under(CedarEngine.of([GOOD], CedarSchema(SCHEMA))).decide(person(), "ask", APP).allowed


@pytest.mark.parametrize(
    "fault",
    [ValueError("x"), KeyError("x"), MemoryError(), RecursionError(), TimeoutError(), StopIteration(), Panic("x")],
    ids=repr,
)  # fmt: skip
def test_an_engine_that_raises_denies(fault: BaseException) -> None:
    assert denies(under(Saying(raising(fault))))


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_process_that_is_to_stop_stops(stop: type[BaseException]) -> None:
    with pytest.raises(stop):
        under(Saying(raising(stop()))).decide(person(), "ask", APP)


GARBAGE: list[Any] = [
    None, True, "Allow", {}, {"decision": "Allow"}, [], Finding,
    Finding(ALLOW, (), ()),
    Finding(ALLOW, (ASK,), ("a policy failed",)),
    Finding(ALLOW, ("nobody",), ()),
    Finding(ALLOW, (ASK, "nobody"), ()),
    Finding(ALLOW, ("author-is-never-approver",), ()),
    Finding(ALLOW, (ASK, "author-is-never-approver"), ()),
    Finding(DENY, (ASK,), ()),
    Finding("NoDecision", (ASK,), ()),
    Finding("allow", (ASK,), ()),
    Finding("", (ASK,), ()),
    Finding(True, (ASK,), ()),  # type: ignore[arg-type]  # an engine may say anything
    Finding(ALLOW, None, ()),  # type: ignore[arg-type]
    Finding(ALLOW, ASK, ()),  # type: ignore[arg-type]
    Finding(ALLOW, (ASK,), None),  # type: ignore[arg-type]
    Finding(ALLOW, (ASK,), 0),  # type: ignore[arg-type]
]  # fmt: skip


@pytest.mark.parametrize("garbage", GARBAGE, ids=repr)
def test_an_engine_that_talks_nonsense_denies(garbage: Any) -> None:
    assert denies(under(Saying(lambda _: garbage)))


@settings(deadline=None, max_examples=100)
@given(
    st.builds(
        Finding,
        decision=st.sampled_from([ALLOW, DENY, "NoDecision", "ALLOW"]),
        policies=st.lists(st.sampled_from([ASK, "admins-rule-access", "author-is-never-approver", "?"])).map(tuple),
        errors=st.lists(st.text()).map(tuple),
    )
)  # fmt: skip
def test_only_an_allow_without_errors_by_known_permits_allows(finding: Finding) -> None:
    whole = finding.decision == ALLOW and not finding.errors and bool(finding.policies)
    permits = set(finding.policies) <= {ASK, "admins-rule-access"}
    authority = Authority(Saying(lambda _: finding), SHIPPED.policies, Environment.DEV)
    assert authority.decide(person(), "ask", APP).allowed == (whole and permits)


SHIPPED = Authority.load(environment=Environment.DEV)
SAID = {"reason": ["policy0"], "id_annotations_by_reason": {"policy0": ASK}, "errors": []}
LIBRARY: list[dict[str, Any]] = [
    {},
    {"decision": "Allow"},
    {"decision": "Maybe", "diagnostics": SAID},
    {"decision": None, "diagnostics": SAID},
    {"decision": "Allow", "diagnostics": {}},
    {"decision": "Allow", "diagnostics": {**SAID, "id_annotations_by_reason": {}}},
    {"decision": "Allow", "diagnostics": {**SAID, "reason": []}},
    {"decision": "Allow", "diagnostics": {**SAID, "reason": None}},
    {"decision": "Allow", "diagnostics": {**SAID, "errors": None}},
    {"decision": "Allow", "diagnostics": {**SAID, "errors": "a policy failed"}},
    {"decision": "NoDecision", "diagnostics": SAID},
]


def test_a_whole_answer_of_the_library_allows() -> None:
    whole = {"decision": "Allow", "diagnostics": SAID}
    assert under(Saying(lambda _: read(cedarpy.AuthzResult(whole)))).decide(person(), "ask", APP).allowed


@pytest.mark.parametrize("answer", LIBRARY, ids=str)
def test_an_answer_of_the_library_that_is_not_whole_denies(answer: dict[str, Any]) -> None:
    assert denies(under(Saying(lambda _: read(cedarpy.AuthzResult(answer)))))


def engine(*policies: str, schema: str = SCHEMA) -> Engine:
    """Return Cedar itself, with policies that nobody has checked."""
    return CedarEngine.of([GOOD, *policies], CedarSchema(schema))


FAILING = {
    "a missing attribute": "resource.nothing",
    "a missing part of the context": "context.quorum > 1",
    "an overflow": "9223372036854775807 + 1 > 0",
    "a wrong type": "resource.tier > 1",
    "an entity that was not given": 'User::"somebody".service',
    "a bad address": 'ip("nonsense").isLoopback()',
    "a negation of a text": '!(resource.name == "x" && true)',
}


@pytest.mark.parametrize("condition", FAILING.values(), ids=FAILING)
def test_a_forbid_that_cannot_be_evaluated_denies(condition: str) -> None:
    broken = f'@id("operators-operate") forbid (principal, action, resource) when {{ {condition} }};'
    assert denies(under(engine(broken)))


@pytest.mark.parametrize("condition", FAILING.values(), ids=FAILING)
def test_a_permit_that_cannot_be_evaluated_denies_even_beside_one_that_can(condition: str) -> None:
    assert denies(under(engine(f'@id("x") permit (principal, action, resource) when {{ {condition} }};')))


def test_a_policy_without_a_name_denies() -> None:
    assert denies(under(engine("permit (principal, action, resource);")))


SCHEMA_FAULTS = {
    "no such action": ('"ask", ', ""),
    "an action on something else": ('[App], context', '[Run], context'),
    "another type of an attribute": ("tier: String", "tier: Long"),
    "an attribute more": ("sourceless: Bool,", "sourceless: Bool, more: Bool,"),
    "an attribute less": ("sourceless: Bool,", ""),
    "a circumstance more": ("purpose: Purpose,\n", "purpose: Purpose, more: Long,\n"),
    "a circumstance less": ("  purpose: Purpose,\n", ""),
    "a role less": ('"user", ', ""),
    "an environment less": ('"dev", ', ""),
    "a purpose less": ('["live", ', "["),
    "users that belong to no group": ("User in [Role, Group]", "User in [Role]"),
    "users that are something else": ("service: Bool", "service: String"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new"), SCHEMA_FAULTS.values(), ids=SCHEMA_FAULTS)
def test_a_schema_that_does_not_fit_denies(old: str, new: str) -> None:
    assert SCHEMA.count(old) == 1
    assert denies(under(engine(schema=SCHEMA.replace(old, new))))


WRONG: dict[str, Resource] = {
    "a tier that is missing": replace(APP, tier=None),
    "a tier that is a number": replace(APP, tier=3),
    "owners that are missing": replace(APP, owners=None),
    "owners that are numbers": replace(APP, owners=frozenset({1})),
    "readers that are a number": replace(APP, readers=5),
    "roles that are none": replace(APP, run_readers=frozenset({"king"})),
    "a switch that is a text": replace(APP, sourceless="yes"),
    "a name that is missing": replace(APP, name=None),
    "a name that is no text": replace(APP, name="\ud800"),
    "readers that can change": replace(APP, readers=["employees"]),
    "another kind": WORKSPACE,
    "a change": CHANGE,
    "a run": RUN,
    "nothing": None,  # type: ignore[dict-item]  # a caller may pass anything
    "a text": "app:policy-qa",  # type: ignore[dict-item]
}


@pytest.mark.parametrize("resource", WRONG.values(), ids=WRONG)
def test_a_resource_that_does_not_fit_denies(resource: Resource) -> None:
    assert denies(SHIPPED, resource)


@pytest.mark.parametrize(
    "wrong", [{"app": WORKSPACE}, {"app": None}, {"caller": None}, {"caller": 1}], ids=str
)
def test_a_run_that_does_not_fit_denies(wrong: dict[str, Any]) -> None:
    assert not denies(SHIPPED, RUN, "read_run")
    assert denies(SHIPPED, replace(RUN, **wrong), "read_run")


class Lost(AppResource, frozen=True):
    """An app that does not bring its own entity."""

    def entities(self) -> list[Any]:
        return []


def test_a_resource_that_nothing_is_known_of_denies() -> None:
    lost = Lost(APP.name, APP.tier, APP.owners, APP.readers, APP.run_readers)
    assert denies(SHIPPED, lost)


CALLERS = [
    replace(person(), roles=frozenset({"king"})),
    replace(person(), roles=None),
    replace(person(), roles=["user"]),
    replace(person(), groups=None),
    replace(person(), groups=frozenset({None})),
    replace(person(), groups={"employees"}),
    replace(person(), user=None),
    replace(person(), user="\udfff"),
    replace(person(), user=7),
]


@pytest.mark.parametrize("who", CALLERS, ids=repr)
def test_a_caller_that_does_not_fit_denies(who: Principal) -> None:
    verdict = SHIPPED.decide(who, "ask", APP)
    assert not verdict.allowed
    assert verdict.fault


@pytest.mark.parametrize("action", ["fly", "", "ASK", "ask ", 'ask" || true', None, 3, ["ask"]], ids=repr)
def test_an_unknown_action_denies(action: Any) -> None:
    everything = Authority.load(
        '@id("all") permit (principal, action, resource);', environment=Environment.DEV
    )
    assert denies(everything, action=action)
    assert denies(under(Saying(lambda _: Finding(ALLOW, (ASK,), ()))), action=action)


def test_circumstances_that_do_not_fit_deny() -> None:
    odd: Any = "mars"
    assert not SHIPPED.decide(person(), "ask", APP, odd).allowed
    assert not SHIPPED.decide(person(), "ask", APP, None).allowed  # type: ignore[arg-type]  # as a caller might
    assert denies(Authority.load(environment=odd))


@pytest.mark.parametrize("fault", [raising(ValueError("busy")), lambda _: Finding(ALLOW, (ASK,), ("busy",))])
def test_a_fault_is_not_remembered(fault: Callable[[Query], Finding]) -> None:
    says = [lambda _: Finding(ALLOW, (ASK,), ()), fault]
    authority = under(Saying(lambda query: says.pop()(query)))
    assert not authority.decide(person(), "ask", APP).allowed
    assert authority.decide(person(), "ask", APP).allowed


def test_what_a_fault_says_does_not_quote_every_entity() -> None:
    fault = SHIPPED.decide(replace(person(), roles=frozenset({"king"})), "ask", APP).fault
    assert '`Role::"king"`' in fault
    assert "employees" not in fault


def test_a_cedar_that_hides_errors_is_not_used() -> None:
    with pytest.raises(NotReady, match="does not tell which policies failed"):
        refuse_silence(cedarpy.AuthzResult({"decision": "Allow", "diagnostics": SAID}))


def test_hostile_names_are_names_and_nothing_else() -> None:
    for name in ('x", "type": "Role', "a\nb", "]: ", 'User::"dana"', "\x00"):
        verdict = SHIPPED.decide(person(user=name), Permission.ASK, APP, Purpose.LIVE)
        assert (verdict.allowed, verdict.policies) == (True, (ASK,))
        assert not SHIPPED.decide(person(["owner"], user=name), Permission.CHANGE_TERMS, APP).allowed
