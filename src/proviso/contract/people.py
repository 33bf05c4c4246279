"""Who is named where: people and groups that proviso.yaml does not know."""

from collections.abc import Iterator, Sequence
from typing import get_args

from proviso.contract.document import Path as Place
from proviso.contract.model import Contract
from proviso.contract.partial import numbered, where_readable, written
from proviso.contract.parts import Kind, Parts
from proviso.contract.vocabulary import OwnerRole
from proviso.contract.wording import suggest
from proviso.contract.workspace import Source, Sources, Workspace
from proviso.types import Problem

OWNER_ROLES: tuple[str, ...] = get_args(OwnerRole)


@where_readable
def workspace_people_problems(parts: Parts, workspace: Workspace) -> Iterator[Problem]:
    """Check that the members of groups and the holders of roles are people."""
    for section, key in ((_groups_of(workspace), "groups"), (_roles_of(workspace), "roles")):
        for name, members in section:
            for index, person in numbered(members):
                if person not in workspace.people:
                    what, fix = (
                        f"`{person[:60]}` is nobody of `people`",
                        suggest(person, list(workspace.people)),
                    )
                    yield parts.problem("workspace", (key, name, index), what, fix)


@where_readable
def _groups_of(workspace: Workspace) -> Iterator[tuple[str, Sequence[str]]]:
    yield from workspace.groups.items()


@where_readable
def _roles_of(workspace: Workspace) -> Iterator[tuple[str, Sequence[str]]]:
    yield from workspace.roles.items()


def app_people_problems(parts: Parts, workspace: Workspace) -> Iterator[Problem]:
    """Check the people and groups that an app's files name. Owners are not looked at: they are gaps."""
    if parts.contract:
        yield from _addressee_problems(parts, parts.contract, workspace)
        yield from _limit_problems(parts, parts.contract, workspace)
    if parts.sources:
        yield from _source_people(parts, parts.sources, workspace)


def _addressee_problems(parts: Parts, contract: Contract, workspace: Workspace) -> Iterator[Problem]:
    for place, name in (*_escalation(contract), *_alerts(contract)):
        yield from _addressee(parts, workspace, place, name)


@where_readable
def _escalation(contract: Contract) -> Iterator[tuple[Place, str]]:
    for index, step in numbered(contract.owners.escalation):
        for name in written(step, "to"):
            yield ("owners", "escalation", index, "to"), name


@where_readable
def _alerts(contract: Contract) -> Iterator[tuple[Place, str]]:
    for index, alert in numbered(contract.monitoring.alerts):
        for name in written(alert, "to"):
            yield ("monitoring", "alerts", index, "to"), name


@where_readable
def _addressee(parts: Parts, workspace: Workspace, place: Place, name: str) -> Iterator[Problem]:
    if name not in OWNER_ROLES and name not in workspace.people:
        what = f"`{name[:60]}` is neither an owner's role nor a person of proviso.yaml"
        yield parts.problem("contract", place, what, suggest(name, [*OWNER_ROLES, *workspace.people]))


@where_readable
def _limit_problems(parts: Parts, contract: Contract, workspace: Workspace) -> Iterator[Problem]:
    for index, limit in numbered(contract.cost.limits):
        for group in written(limit, "group"):
            if group not in (None, "*"):
                yield from _group(parts, workspace, "contract", ("cost", "limits", index, "group"), group)


@where_readable
def _source_people(parts: Parts, sources: Sources, workspace: Workspace) -> Iterator[Problem]:
    for name, source in sources.sources.items():
        yield from _readers(parts, name, source, workspace)
        yield from _approver(parts, name, source, workspace)


@where_readable
def _readers(parts: Parts, name: str, source: Source, workspace: Workspace) -> Iterator[Problem]:
    for index, group in numbered(source.readers):
        yield from _group(parts, workspace, "sources", ("sources", name, "readers", index), group)


@where_readable
def _group(parts: Parts, workspace: Workspace, kind: Kind, place: Place, group: str) -> Iterator[Problem]:
    if group not in workspace.groups:
        what = f"`{group[:60]}` is no group of proviso.yaml"
        yield parts.problem(kind, place, what, suggest(group, list(workspace.groups)))


@where_readable
def _approver(parts: Parts, name: str, source: Source, workspace: Workspace) -> Iterator[Problem]:
    if source.approval is not None and source.approval.by not in workspace.people:
        what = f"`{source.approval.by[:60]}` is no person of proviso.yaml"
        place: Place = ("sources", name, "approval", "by")
        yield parts.problem("sources", place, what, suggest(source.approval.by, list(workspace.people)))
