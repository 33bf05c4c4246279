"""Why somebody may or may not do something, for whoever has to understand it or to change it."""

from msgspec import Struct

from proviso.access.authority import Authority
from proviso.access.permissions import Permission
from proviso.access.resources import Resource
from proviso.access.rulebook import Policy
from proviso.types import Principal


class Reason(Struct, frozen=True):
    """A policy as people read it: its name, what it says in words and as it is written, and where it stands."""

    id: str
    effect: str
    words: str
    text: str
    at: str


class Explanation(Struct, frozen=True):
    """A verdict with all that led to it.

    `decided_by` are the policies that determined it; after a denial, `would_permit` are those that permit this to
    others. `fault` says what kept it from being decided.
    """

    user: str
    groups: tuple[str, ...]
    roles: tuple[str, ...]
    permission: str
    resource: str
    allowed: bool
    why: str
    decided_by: tuple[Reason, ...]
    would_permit: tuple[Reason, ...]
    fault: str


def explain(
    authority: Authority, principal: Principal, permission: Permission, resource: Resource
) -> Explanation:
    """Decide, and say why."""
    verdict = authority.decide(principal, permission, resource)
    permits = [
        policy
        for policy in authority.policies.values()
        if policy.effect == "permit" and (permission in policy.actions or not policy.actions)
    ]
    return Explanation(
        user=principal.user,
        groups=tuple(sorted(principal.groups)),
        roles=tuple(sorted(principal.roles)),
        permission=permission,
        resource="{type} {id}".format_map(resource.uid),
        allowed=verdict.allowed,
        why=verdict.why,
        decided_by=tuple(_reason(authority.policies[name]) for name in verdict.policies),
        would_permit=() if verdict.allowed else tuple(map(_reason, permits)),
        fault=verdict.fault,
    )


def _reason(policy: Policy) -> Reason:
    return Reason(policy.id, policy.effect, policy.words, policy.text, str(policy.at))
