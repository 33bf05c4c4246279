"""What the tests of authorisation share: an app, people, and engines that fail in every way."""

from collections.abc import Callable, Iterable

from msgspec import Struct

from proviso.access import AppResource, Authority, ChangeResource, RunResource, WorkspaceResource
from proviso.access.delegation import ServicePrincipal
from proviso.access.engine import Engine, Finding, Query
from proviso.types import Environment, Principal

APP = AppResource(
    name="policy-qa",
    tier="internal-assist",
    owners=frozenset({"dana"}),
    readers=frozenset({"employees"}),
    run_readers=frozenset({"auditor"}),
)
RUN = RunResource("01931c8e-0000-7000-8000-000000000000", APP, "dana")
CHANGE = ChangeResource("c1", APP, authors=frozenset({"li"}), owners=frozenset({"dana"}))
WORKSPACE = WorkspaceResource("vantholm")


def person(
    roles: Iterable[str] = ("user",), groups: Iterable[str] = ("employees",), user: str = "dana"
) -> Principal:
    """Return somebody."""
    return Principal(user, frozenset(groups), frozenset(roles), "k1")


def service(roles: Iterable[str] = ("user",), groups: Iterable[str] = ("employees",)) -> ServicePrincipal:
    """Return the holder of a service key."""
    return ServicePrincipal("portal", frozenset(groups), frozenset(roles), "k2")


class Saying(Struct):
    """An engine that does what it is told to, and counts how often it is asked."""

    say: Callable[[Query], Finding]
    asked: int = 0

    def evaluate(self, query: Query) -> Finding:
        """Answer, or fail."""
        self.asked += 1
        return self.say(query)


def under(engine: Engine) -> Authority:
    """Return the shipped policies with another engine."""
    shipped = Authority.load(environment=Environment.DEV)
    return Authority(engine, shipped.policies, Environment.DEV)
