"""Who may do what in a workspace's folder: its policies, and its apps and runs as policies see them."""

from collections.abc import Mapping
from pathlib import Path

from proviso.access import (
    POLICIES_FILE,
    AppResource,
    Authority,
)
from proviso.contract import (
    App,
    Bundle,
    Owners,
    Policy,
    ReleasePart,
    Terms,
    TermsSource,
)
from proviso.errors import InvalidWorkspace
from proviso.types import Environment, Position, Problem


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
