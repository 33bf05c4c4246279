"""Who may do what in a workspace's folder: its policies, and its apps and runs as policies see them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from proviso.access import (
    POLICIES_FILE,
    AppResource,
    Authority,
    Explanation,
    Permission,
    Resource,
    RunResource,
    WorkspaceResource,
    explain,
)
from proviso.app.wiring import open_reader, person, rules
from proviso.contract import (
    App,
    Bundle,
    LoadedWorkspace,
    Owners,
    Policy,
    ReleasePart,
    Terms,
    TermsSource,
    load_workspace,
)
from proviso.errors import InvalidWorkspace, UnknownApp, UnknownRun
from proviso.settings import Settings
from proviso.types import Environment, Position, Problem

Named = tuple[Literal["app", "run", "workspace"], str]  # a kind of resource, and the name or ID of one


def open_authority(root: Path, environment: Environment) -> Authority:
    """Load the policies of a workspace: those that ship and its own; raise `InvalidWorkspace` with every problem."""
    return Authority.load(added_policies(root), environment=environment)


def added_policies(root: Path) -> str:
    """Return the text of a workspace's own policies, "" without any; raise `InvalidWorkspace` if it cannot be read."""
    path = root / POLICIES_FILE
    try:
        return path.read_text("utf-8") if path.is_symlink() or path.exists() else ""
    except OSError as error:
        what, fix = f"the file cannot be read: {error.strerror}", "make it readable, or remove it"
    except UnicodeDecodeError:
        what, fix = "the file is not UTF-8", "save it as UTF-8"
    raise InvalidWorkspace([Problem(Position(POLICIES_FILE), "(file)", what, fix)])


def app_resource(app: App) -> AppResource:
    """Return an app as policies see it. A source that nobody has approved has no readers."""
    return _resource_of(app.contract, app.contract.owners, app.sources.sources, app.policy)


def app_resource_in_force(release: Bundle, terms: Terms) -> AppResource:
    """Return an app that is in force as policies see it."""
    return _resource_of(release.contract, terms.contract.owners, terms.sources, terms.policy)


def _resource_of(
    contract: ReleasePart, owners: Owners, sources: Mapping[str, TermsSource], policy: Policy
) -> AppResource:
    named = {owners.product, owners.technical, owners.risk, owners.on_call}
    read = [sources[name] for name in contract.inputs.sources]
    return AppResource(
        name=contract.contract,
        tier=contract.tier,
        owners=frozenset(name for name in named if name),
        readers=frozenset(group for source in read if source.approval for group in source.readers),
        run_readers=frozenset(policy.runs_readable_by),
        sourceless=not read,
    )


def explain_access(
    root: Path, settings: Settings, user: str, permission: Permission, resource: Named
) -> Explanation:
    """Say whether a person of proviso.yaml may do something, and why.

    Raises `InvalidWorkspace`, `UnknownPerson`, `UnknownApp` or `UnknownRun`.
    """
    loaded = load_workspace(root, rules())
    principal = person(loaded.workspace, user)
    authority = open_authority(root, settings.environment)
    return explain(authority, principal, permission, _resource(root, settings, loaded, resource))


def _resource(root: Path, settings: Settings, loaded: LoadedWorkspace, resource: Named) -> Resource:
    kind, name = resource
    if kind == "workspace":
        return WorkspaceResource(loaded.workspace.workspace)
    if kind == "app":
        return app_resource(_app(loaded, name))
    with open_reader(root, settings) as reader:
        record = reader.run(name)
    if record is None:
        raise UnknownRun(f"no run `{name[:64]}`", fix="the answer's `run` is its ID")
    return RunResource(record.run, app_resource(_app(loaded, record.app)), record.user)


def _app(loaded: LoadedWorkspace, name: str) -> App:
    if name not in loaded.apps:
        known = ", ".join(sorted(loaded.apps))
        raise UnknownApp(f"no app `{name[:64]}`", fix=f"use one of {known}")
    return loaded.apps[name]
