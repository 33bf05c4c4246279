"""Who is named where: people and groups that proviso.yaml does not know."""

from collections.abc import Iterator
from typing import get_args

from proviso.contract.document import Path as Place
from proviso.contract.parts import Kind, Parts
from proviso.contract.vocabulary import OwnerRole
from proviso.contract.wording import suggest
from proviso.contract.workspace import Workspace
from proviso.types import Problem

OWNER_ROLES: tuple[str, ...] = get_args(OwnerRole)


def workspace_people_problems(parts: Parts, workspace: Workspace) -> Iterator[Problem]:
    """Check that the members of groups and the holders of roles are people."""
    people = list(workspace.people)
    named: list[tuple[Place, str]] = []
    for group, members in workspace.groups.items():
        named += [(("groups", group, index), member) for index, member in enumerate(members)]
    for role, holders in workspace.roles.items():
        named += [(("roles", role, index), holder) for index, holder in enumerate(holders)]
    for place, person in named:
        if person not in workspace.people:
            yield parts.problem(
                "workspace", place, f"`{person[:60]}` is nobody of `people`", suggest(person, people)
            )


def app_people_problems(parts: Parts, workspace: Workspace) -> Iterator[Problem]:
    """Check the people and groups that an app's files name. Owners are not looked at: they are gaps."""
    known = [*OWNER_ROLES, *workspace.people]
    for place, name in _addressees(parts):
        if name not in known:
            what = f"`{name[:60]}` is neither an owner's role nor a person of proviso.yaml"
            yield parts.problem("contract", place, what, suggest(name, known))
    for kind, place, group in _groups(parts):
        if group not in workspace.groups:
            what = f"`{group[:60]}` is no group of proviso.yaml"
            yield parts.problem(kind, place, what, suggest(group, list(workspace.groups)))
    for name, source in parts.sources.sources.items() if parts.sources else ():
        if source.approval is not None and source.approval.by not in workspace.people:
            what = f"`{source.approval.by[:60]}` is no person of proviso.yaml"
            place = ("sources", name, "approval", "by")
            yield parts.problem("sources", place, what, suggest(source.approval.by, list(workspace.people)))


def _addressees(parts: Parts) -> Iterator[tuple[Place, str]]:
    if parts.contract is None:
        return
    for index, step in enumerate(parts.contract.owners.escalation):
        yield ("owners", "escalation", index, "to"), step.to
    for index, alert in enumerate(parts.contract.monitoring.alerts):
        yield ("monitoring", "alerts", index, "to"), alert.to


def _groups(parts: Parts) -> Iterator[tuple[Kind, Place, str]]:
    for index, limit in enumerate(parts.contract.cost.limits if parts.contract else ()):
        yield "contract", ("cost", "limits", index, "group"), limit.group
    for name, source in parts.sources.sources.items() if parts.sources else ():
        for index, reader in enumerate(source.readers):
            yield "sources", ("sources", name, "readers", index), reader
