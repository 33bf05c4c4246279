"""Who may do what is what the table in docs/access.md says, for every set of roles."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import replace

from proviso.access import ROLES, AppResource, Authority, Permission, Resource
from proviso.access.authority import MOST_REMEMBERED
from proviso.access.delegation import ServicePrincipal
from proviso.access.engine import DENY, Finding
from proviso.types import Environment, Principal, Purpose
from tests.access.deciding import APP, CHANGE, RUN, WORKSPACE, Saying, person, under

PAGE = (Path(__file__).parents[2] / "docs" / "access.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| ([a-z, ]+) \|(.+)\|$", re.M)
COLUMNS = ("anybody", "user", "author", "owner", "reviewer", "risk", "operator", "auditor", "admin", "never")


class Scene(Struct, frozen=True):
    """How the caller stands to what it asks for, besides its roles."""

    reads: bool
    owns: bool
    asked: bool
    wrote: bool
    service: bool


class Row(Struct, frozen=True):
    """A permission on a kind of resource, with the table's cell for each column."""

    permission: str
    on: str
    cells: dict[str, str]

    def allows(self, roles: frozenset[str], scene: Scene, listed: frozenset[str]) -> bool:
        """Read the table."""
        never = self.cells["never"]
        if ("wrote" in never and scene.wrote) or ("service" in never and scene.service):
            return False
        return any(self._holds(self.cells[c], c, scene, listed) for c in {"anybody", *roles})

    def _holds(self, cell: str, column: str, scene: Scene, listed: frozenset[str]) -> bool:
        return {
            "–": False,
            "yes": True,
            "reads": scene.reads,
            "service": scene.service and scene.reads,
            "asked": scene.asked,
            "listed": column in listed,
            "owns": scene.owns and self.on != "workspace",
        }[cell]


def table() -> Iterator[Row]:
    for permission, kinds, cells in ROW.findall(PAGE):
        values = [cell.strip() for cell in cells.split("|")]
        for kind in kinds.split(", "):
            yield Row(permission, kind, dict(zip(COLUMNS, values, strict=True)))


ROWS = list(table())
LISTED = frozenset({"auditor", "reviewer"})
ROLE_SETS = [frozenset(some) for n in range(len(ROLES) + 1) for some in combinations(sorted(ROLES), n)]
FEW_ROLES = [*(frozenset({role}) for role in ROLES), ROLES, frozenset[str]()]
FRIEND = Scene(reads=True, owns=True, asked=True, wrote=False, service=False)
SCENES = {
    "stranger": Scene(reads=False, owns=False, asked=False, wrote=False, service=False),
    "writer": replace(FRIEND, wrote=True),
    "service": replace(FRIEND, service=True),
    "foreign service": Scene(reads=False, owns=False, asked=False, wrote=False, service=True),
    "reader": Scene(reads=True, owns=False, asked=False, wrote=False, service=False),
    "owner": Scene(reads=False, owns=True, asked=False, wrote=False, service=False),
}


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.load(environment=Environment.DEV)


def caller(roles: frozenset[str], scene: Scene) -> Principal:
    kind = ServicePrincipal if scene.service else Principal
    return kind("kim", frozenset({"staff"} if scene.reads else {"guests"}), roles, "k1")


def resource(on: str, scene: Scene) -> Resource:
    kim = frozenset({"kim"})
    app = AppResource("app", "tier", kim if scene.owns else frozenset(), frozenset({"staff"}), LISTED)
    change = replace(
        CHANGE, of=app, owners=app.owners, authors=kim if scene.wrote else frozenset({"someone"})
    )
    run = replace(RUN, app=app, caller="kim" if scene.asked else "dana")
    kinds: dict[str, Resource] = {"app": app, "run": run, "change": change, "workspace": WORKSPACE}
    return kinds[on]


def differences(authority: Authority, role_sets: list[frozenset[str]], scene: Scene) -> list[object]:
    """Return where the policies say something else than the table."""
    return [
        (row.permission, row.on, sorted(roles))
        for row in ROWS
        for roles in role_sets
        if authority.decide(caller(roles, scene), row.permission, resource(row.on, scene)).allowed
        != row.allows(roles, scene, LISTED)
    ]


def test_the_table_speaks_of_every_permission_and_every_role() -> None:
    assert {row.permission for row in ROWS} == set(Permission)
    assert set(COLUMNS) - {"anybody", "never"} == ROLES


def test_every_set_of_roles_may_do_what_the_table_says(authority: Authority) -> None:
    assert differences(authority, ROLE_SETS, FRIEND) == []


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_the_table_holds_for_strangers_writers_and_services(authority: Authority, scene: Scene) -> None:
    assert differences(authority, FEW_ROLES, scene) == []


def test_the_page_lists_the_policies_in_their_own_words(authority: Authority) -> None:
    listed = re.findall(r"^- `([a-z-]+)`( \(forbids\))?: (.+)$", PAGE, re.M)
    shipped = [(p.id, " (forbids)" * (p.effect == "forbid"), p.words) for p in authority.policies.values()]
    assert listed == shipped


def test_the_pages_example_of_a_workspaces_own_policies_loads_and_holds() -> None:
    (example,) = re.findall(r"```cedar\n(.+?)```", PAGE, re.DOTALL)
    strict = Authority.load(example, environment=Environment.PRODUCTION)
    contractors = replace(APP, readers=frozenset({"contractors"}))
    verdict = strict.decide(person(groups=["contractors"]), "ask", contractors)
    assert (verdict.allowed, verdict.policies) == (False, ("contractors-not-in-production",))
    assert verdict.why == "contractors do not ask in production"


def test_an_app_without_sources_is_open_to_every_user_and_one_without_readers_to_nobody(
    authority: Authority,
) -> None:
    unread = replace(APP, readers=frozenset())
    assert not authority.decide(person(), "ask", unread).allowed
    assert authority.decide(person(), "ask", replace(unread, sourceless=True)).allowed


def test_a_verdict_names_its_policies_and_their_words(authority: Authority) -> None:
    verdict = authority.decide(person(["owner", "operator"]), Permission.CHANGE_TERMS, APP)
    assert verdict.policies == ("operators-change-terms", "owners-change-terms")
    assert "an owner may put the terms of an app in force" in verdict.why
    assert authority.decide(person([]), Permission.ASK, APP).why == "no policy permits it"


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("environment", Environment)
def test_every_environment_and_purpose_can_be_decided(environment: Environment, purpose: Purpose) -> None:
    verdict = Authority.load(environment=environment).decide(person(), "ask", APP, purpose)
    assert (verdict.allowed, verdict.fault) == (True, "")


def test_a_verdict_is_asked_for_once_until_it_is_forgotten() -> None:
    engine = Saying(lambda _: Finding(DENY, (), ()))
    authority = under(engine)
    for _ in range(3):
        authority.decide(person(), "ask", APP)
    assert engine.asked == 1
    authority.forget()
    authority.decide(person(), "ask", APP)
    assert engine.asked == 2


def test_an_app_whose_terms_have_changed_is_decided_anew(authority: Authority) -> None:
    assert authority.decide(person(), "ask", APP).allowed
    assert not authority.decide(person(), "ask", replace(APP, readers=frozenset({"board"}))).allowed


def test_a_service_is_not_taken_for_the_person_of_its_name(authority: Authority) -> None:
    assert not authority.decide(person(), "act_for", APP).allowed
    same = ServicePrincipal("dana", frozenset({"employees"}), frozenset({"user"}), "k1")
    assert authority.decide(same, "act_for", APP).allowed


def test_what_is_remembered_is_bounded() -> None:
    authority = under(Saying(lambda _: Finding(DENY, (), ())))
    for number in range(MOST_REMEMBERED + 10):
        authority.decide(person(user=f"u{number}"), "ask", APP)
    assert len(authority._verdicts) == MOST_REMEMBERED


def test_many_threads_get_the_same_verdicts(authority: Authority) -> None:
    asked = [(person(roles), row) for row in ROWS for roles in FEW_ROLES]

    def decide(_: int) -> list[bool]:
        authority.forget()
        return [authority.decide(who, row.permission, resource(row.on, FRIEND)).allowed for who, row in asked]

    with ThreadPoolExecutor(4) as threads:
        first, *others = threads.map(decide, range(4))
    assert all(other == first for other in others)
