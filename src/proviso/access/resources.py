"""What permissions are about: an app, a run, a change, the workspace; values that say all that policies ask of them."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

# An entity as the policies' engine takes it: JSON as in https://docs.cedarpolicy.com/auth/entities-syntax.html
Entity = Mapping[str, Any]
Uid = Mapping[str, str]


class WorkspaceResource(Struct, frozen=True, cache_hash=True):
    """The workspace as a whole."""

    name: str

    @property
    def uid(self) -> Uid:
        """Its identifier in policies."""
        return uid("Workspace", self.name)

    def entities(self) -> list[Entity]:
        """Return all that policies may look at."""
        return [entity(self.uid, {})]


class AppResource(Struct, frozen=True, cache_hash=True):
    """An app as its contract, sources and policy describe it."""

    name: str
    tier: str
    owners: frozenset[str]  # people whom the contract names as owners
    readers: frozenset[str]  # groups that may read at least one of its approved sources
    run_readers: frozenset[str]  # roles that may read every run
    # It answers from no source. Said, and not concluded from there being no readers, which may have another cause.
    sourceless: bool = False

    @property
    def uid(self) -> Uid:
        """Its identifier in policies."""
        return uid("App", self.name)

    def entities(self) -> list[Entity]:
        """Return all that policies may look at."""
        attributes = {
            "tier": self.tier,
            "owners": uids("User", self.owners),
            "readers": uids("Group", self.readers),
            "sourceless": self.sourceless,
            "run_readers": uids("Role", self.run_readers),
        }
        return [entity(self.uid, attributes)]


class RunResource(Struct, frozen=True, cache_hash=True):
    """One run of an app, and whoever asked."""

    run: str
    app: AppResource
    caller: str

    @property
    def uid(self) -> Uid:
        """Its identifier in policies."""
        return uid("Run", self.run)

    def entities(self) -> list[Entity]:
        """Return all that policies may look at."""
        attributes = {"app": self.app.uid, "caller": uid("User", self.caller)}
        return [entity(self.uid, attributes, [self.app.uid]), *self.app.entities()]


class ChangeResource(Struct, frozen=True, cache_hash=True):
    """A change on its way to being in force; `owners` are those of what it changes."""

    change: str
    of: AppResource | WorkspaceResource
    authors: frozenset[str]
    owners: frozenset[str]

    @property
    def uid(self) -> Uid:
        """Its identifier in policies."""
        return uid("Change", self.change)

    def entities(self) -> list[Entity]:
        """Return all that policies may look at."""
        attributes = {"authors": uids("User", self.authors), "owners": uids("User", self.owners)}
        return [entity(self.uid, attributes, [self.of.uid]), *self.of.entities()]


Resource = WorkspaceResource | AppResource | RunResource | ChangeResource


def uid(kind: str, name: str) -> Uid:
    """Return an entity's identifier. As a mapping it takes any characters; as Cedar's text it would not."""
    return {"type": kind, "id": name}


def uids(kind: str, names: Iterable[str]) -> list[Uid]:
    """Return the identifiers of several entities of a kind."""
    return [uid(kind, name) for name in names]


def entity(identifier: Uid, attributes: Mapping[str, Any], parents: Iterable[Uid] = ()) -> Entity:
    """Return an entity with its attributes and what it belongs to."""
    return {"uid": identifier, "attrs": attributes, "parents": list(parents)}
