"""Why somebody may or may not do something: under what is in force, or as the folder would have it."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from msgspec import Struct

from proviso.access import (
    AppResource,
    Authority,
    Explanation,
    Permission,
    Resource,
    RunResource,
    WorkspaceResource,
    explain,
)
from proviso.app.authorisation import added_policies, app_resource, app_resource_in_force
from proviso.app.deploying import ACCESS, access_in_force, in_force
from proviso.app.wiring import opened, person, rules
from proviso.contract import Workspace, load_release, load_terms, load_workspace
from proviso.errors import UnknownApp, UnknownRun
from proviso.ledger import RunReader
from proviso.settings import Settings
from proviso.store import Control, Store

Named = tuple[Literal["app", "run", "workspace"], str]  # a kind of resource, and the name or ID of one


class Explained(Struct, frozen=True):
    """An explanation, and of which version it is: what is in force, or the folder, which is only a proposal."""

    explanation: Explanation
    version: Literal["in force", "folder"]


class _Version(Struct, frozen=True):
    workspace: Workspace
    policies: str
    apps: tuple[str, ...]
    resource: Callable[[str], AppResource]


def explain_access(
    root: Path,
    settings: Settings,
    user: str,
    permission: Permission,
    resource: Named,
    *,
    folder: bool = False,
) -> Explained:
    """Say whether a person may do something, and why: under what is in force, if anything is and not `folder`.

    Raises `InvalidWorkspace`, `UnknownPerson`, `UnknownApp` or `UnknownRun`.
    """
    with opened(settings, root) as store:
        control = Control(store.database)
        followed = not folder and bool(control.pointer(ACCESS))
        version = _in_force(control) if followed else _of_folder(root)
        authority = Authority.load(version.policies, environment=settings.environment)
        principal = person(version.workspace, user)
        found = explain(authority, principal, permission, _resource(store, version, resource))
    return Explained(found, "in force" if followed else "folder")


def _in_force(control: Control) -> _Version:
    access, served = access_in_force(control), in_force(control)

    def resource(name: str) -> AppResource:
        release, terms = load_release(served[name].release, control), load_terms(served[name].terms, control)
        return app_resource_in_force(release, terms)

    return _Version(access.workspace, access.policies, tuple(served), resource)


def _of_folder(root: Path) -> _Version:
    loaded = load_workspace(root, rules())
    apps = loaded.apps
    return _Version(
        loaded.workspace, added_policies(root), tuple(apps), lambda name: app_resource(apps[name])
    )


def _resource(store: Store, version: _Version, resource: Named) -> Resource:
    kind, name = resource
    if kind == "workspace":
        return WorkspaceResource(version.workspace.workspace)
    if kind == "app":
        return _app(version, name)
    reader = RunReader.open(store)
    try:
        record = reader.run(name)
    finally:
        reader.close()
    if record is None:
        raise UnknownRun(f"no run `{name[:64]}`", fix="the answer's `run` is its ID")
    return RunResource(record.run, _app(version, record.app), record.user)


def _app(version: _Version, name: str) -> AppResource:
    if name not in version.apps:
        known = ", ".join(sorted(version.apps)) or "none"
        raise UnknownApp(f"no app `{name[:64]}`", fix=f"use one of {known}")
    return version.resource(name)
