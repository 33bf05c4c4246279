"""Cedar: policies are parsed, checked against the schema and evaluated here; no other module knows cedarpy.

Cedar skips a policy whose condition errors, so that a `forbid` that errors becomes an Allow: a finding is worth nothing
without its errors. An engine that no longer tells them must not be used, which is why it is asked before it is.
"""

from collections.abc import Iterable
from typing import Any, Literal, Self

import cedarpy
import msgspec
from msgspec import Struct

from proviso.access.engine import Finding, Query
from proviso.access.resources import uid
from proviso.errors import NotReady

# The `forbid` errors, because the context is empty.
_SKIPPED = """permit (principal, action, resource);
forbid (principal, action, resource) when { context.missing };"""
_ANYTHING = Query(uid("User", "u"), "a", uid("App", "r"), {}, ())


class ParsedPolicy(Struct, frozen=True):
    """What a policy says of itself; no `actions`: it is about all of them."""

    effect: Literal["permit", "forbid"]
    annotations: dict[str, str | None]
    actions: frozenset[str]


class CedarSchema:
    """A parsed schema. Raises `ValueError` for text that is none."""

    def __init__(self, text: str) -> None:
        self.handle = cedarpy.Schema.from_str(text)

    def faults(self, policy: str) -> list[str]:
        """Return what the strict validator finds wrong with a policy that parses."""
        found = cedarpy.validate_policies(policy, self.handle)
        if found.validation_passed is True and not found.errors:
            return []
        return [fault.error for fault in found.errors] or ["the policy does not fit the schema"]


class CedarEngine:
    """Policies and schema as parsed handles, which never change: it may be asked from many threads."""

    def __init__(self, policies: cedarpy.PolicySet, schema: CedarSchema) -> None:
        self._policies = policies
        self._schema = schema.handle

    @classmethod
    def of(cls, policies: Iterable[str], schema: CedarSchema) -> Self:
        """Return the engine of these policies; raise `NotReady` if this Cedar hides the errors of policies."""
        refuse_silence(_ask(_ANYTHING, cedarpy.PolicySet.from_str(_SKIPPED), None))
        return cls(cedarpy.PolicySet.from_str("\n".join(policies)), schema)

    def evaluate(self, query: Query) -> Finding:
        """Evaluate a query. Raises whatever cedarpy raises, and `KeyError` for a policy without an ID."""
        return read(_ask(query, self._policies, self._schema))


def refuse_silence(result: cedarpy.AuthzResult) -> None:
    """Raise `NotReady` unless the result of a policy that fails has its error."""
    if not result.diagnostics.errors:
        raise NotReady(
            "this version of cedarpy does not tell which policies failed",
            fix="install the version of `requirements/`",
        )


def read(result: cedarpy.AuthzResult) -> Finding:
    """Return what cedarpy found; raise `KeyError`, `TypeError` or `AttributeError` if that is not what it should be."""
    diagnostics = result.diagnostics
    names = diagnostics.id_annotations_by_reason
    return Finding(
        decision=result.decision.value,
        policies=tuple(sorted(names[reason] for reason in diagnostics.reasons)),
        errors=tuple(diagnostics.errors),
    )


def parse_policy(text: str) -> ParsedPolicy:
    """Return what one policy says of itself; raise `ValueError` if it is none, or more than one."""
    found = _POLICIES.decode(cedarpy.policies_to_json_str(text))
    if found.templates:
        raise ValueError(
            "templates (`?principal`, `?resource`) are not linked here, so they would never hold"
        )
    if len(found.static) != 1:
        raise ValueError("this is not one policy")
    (policy,) = found.static.values()
    return ParsedPolicy(policy.effect, policy.annotations, policy.action.names())


class _Scope(Struct, frozen=True):
    op: str
    entity: dict[str, str] = {}
    entities: tuple[dict[str, str], ...] = ()

    def names(self) -> frozenset[str]:
        return frozenset(one["id"] for one in (self.entity, *self.entities) if one)


class _Static(Struct, frozen=True):
    effect: Literal["permit", "forbid"]
    action: _Scope
    annotations: dict[str, str | None] = {}


class _Policies(Struct, frozen=True):
    templates: dict[str, msgspec.Raw]
    static: dict[str, _Static] = msgspec.field(name="staticPolicies")


_POLICIES = msgspec.json.Decoder(_Policies)


def _ask(query: Query, policies: cedarpy.PolicySet, schema: cedarpy.Schema | None) -> cedarpy.AuthzResult:
    request: dict[str, Any] = {
        "principal": query.principal,
        "action": uid("Action", query.action),
        "resource": query.resource,
        "context": query.context,
    }
    entities: list[dict[str, Any]] = [dict(entity) for entity in query.entities]
    return cedarpy.is_authorized(request, policies, entities, schema)
