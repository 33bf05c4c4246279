"""Who may do what: asks the policies, trusts no answer that is not whole, and remembers what it was told.

# INVARIANT: only a finding of `Allow`, without a single error, that names at least one known `permit` and nothing else,
# allows. Everything else denies: no decision, an error in any policy, an engine that raises, a word nobody knows.
"""

import re
import threading
from collections.abc import Mapping
from typing import Self

from msgspec import Struct

from proviso.access.delegation import ServicePrincipal
from proviso.access.engine import ALLOW, DENY, Engine, Finding, Query
from proviso.access.permissions import Permission
from proviso.access.resources import Resource, entity, uid, uids
from proviso.access.rulebook import ADDED, Policy, open_rulebook
from proviso.types import Environment, Principal, Purpose

MOST_REMEMBERED = 8_192  # verdicts; some 300 bytes each

_PERMISSIONS = frozenset(permission.value for permission in Permission)
_UNDECIDED = "it could not be decided, so it is denied"
# Cedar quotes every entity where it complains of one; a log needs neither them nor their length.
_QUOTED = re.compile(r" from:\n.*\](?=: )", re.DOTALL)
_MOST_FAULT = 300


class Verdict(Struct, frozen=True):
    """Whether something is permitted, the policies that determined it, and why, in words.

    `fault` says what kept the engine from deciding; such a verdict is always a denial, and never remembered.
    """

    allowed: bool
    policies: tuple[str, ...]
    why: str
    fault: str = ""


class Authority:
    """Decides under one set of policies. May be asked from many threads.

    Verdicts are remembered under everything that they were made from, so none can be stale; `forget` makes room.
    """

    def __init__(
        self, engine: Engine, policies: Mapping[str, Policy], environment: Environment, digest: str = ""
    ) -> None:
        self.policies = policies
        self.digest = digest
        self._engine = engine
        self._environment = environment
        self._verdicts: dict[tuple[object, ...], Verdict] = {}
        self._lock = threading.Lock()

    @classmethod
    def load(cls, extra: str = "", *, environment: Environment, file: str = ADDED) -> Self:
        """Parse the policies that ship, and `extra` ones as they stand in `file`, once and for all.

        Raises `InvalidWorkspace` with the file and line of everything that is wrong.
        """
        rules = open_rulebook(extra, file)
        return cls(rules.engine, rules.policies, environment, rules.digest)

    def decide(
        self, principal: Principal, action: str, resource: Resource, purpose: Purpose = Purpose.LIVE
    ) -> Verdict:
        """Decide whether somebody may do something. Never raises for what it is asked."""
        asked = (
            principal.user, principal.groups, principal.roles, isinstance(principal, ServicePrincipal),
            action, resource, purpose,
        )  # fmt: skip
        try:
            known = self._verdicts.get(asked)
        except TypeError as error:  # a list where a set should be: it would not fit the schema either
            return _undecided(str(error))
        return known if known is not None else self._decide(asked, principal, action, resource, purpose)

    def forget(self) -> None:
        """Drop every remembered verdict."""
        with self._lock:
            self._verdicts.clear()

    def _decide(
        self,
        asked: tuple[object, ...],
        principal: Principal,
        action: str,
        resource: Resource,
        purpose: Purpose,
    ) -> Verdict:
        if action not in _PERMISSIONS:
            return _undecided(f"`{str(action)[:64]}` is no permission")
        try:
            finding = self._engine.evaluate(self._query(principal, action, resource, purpose))
            verdict = self._judge(finding)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as fault:  # noqa: BLE001  a panic of the engine is no `Exception`; no fault is a permission
            return _undecided(f"{type(fault).__name__}: {fault}")
        if not verdict.fault:
            self._remember(asked, verdict)
        return verdict

    def _query(self, principal: Principal, action: str, resource: Resource, purpose: Purpose) -> Query:
        caller = uid("User", principal.user)
        holds = [*uids("Role", principal.roles), *uids("Group", principal.groups)]
        return Query(
            principal=caller,
            action=action,
            resource=resource.uid,
            context={
                "environment": uid("Environment", self._environment),
                "purpose": uid("Purpose", purpose),
            },
            entities=(
                entity(caller, {"service": isinstance(principal, ServicePrincipal)}, holds),
                *resource.entities(),
            ),
        )

    def _judge(self, finding: Finding) -> Verdict:
        if type(finding) is not Finding or finding.errors != ():
            return _undecided("; ".join(finding.errors))
        named = [self.policies[name] for name in finding.policies]  # a KeyError is a fault like any other
        effects = {policy.effect for policy in named}
        words = "; ".join(policy.words or policy.id for policy in named)
        if finding.decision == ALLOW and effects == {"permit"}:
            return Verdict(allowed=True, policies=finding.policies, why=words)
        if finding.decision == DENY and effects <= {"forbid"}:
            return Verdict(allowed=False, policies=finding.policies, why=words or "no policy permits it")
        return _undecided(
            f"the engine said `{finding.decision}` by {', '.join(finding.policies) or 'no policy'}"
        )

    def _remember(self, asked: tuple[object, ...], verdict: Verdict) -> None:
        with self._lock:
            if len(self._verdicts) >= MOST_REMEMBERED:
                del self._verdicts[next(iter(self._verdicts))]
            self._verdicts[asked] = verdict


def _undecided(fault: str) -> Verdict:
    return Verdict(allowed=False, policies=(), why=_UNDECIDED, fault=_QUOTED.sub("", fault)[:_MOST_FAULT])
