"""What is in force: the release and terms of each app that servers serve, and who may do what; and how it changes.

A folder is only a proposal. `put_in_force` stores what it says under its digests and lets the names `serving/<app>`
and `access` point there; every server hears of it within a second. Each change is on record, with who made it.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from proviso import guardrails, models, orchestrator, retrieval, text
from proviso.access import Authority, Keys, Permission, Resource, WorkspaceResource
from proviso.app.authorisation import added_policies, app_resource_in_force
from proviso.app.callers import KeysToday
from proviso.app.indexing import coverage
from proviso.app.wiring import (
    load,
    now_us,
    opened,
    people,
    person,
    recording,
    screening_pointer,
    screening_rules,
    snapshot_pointer,
)
from proviso.contract import (
    Access,
    App,
    load_access,
    load_release,
    load_terms,
    save_access,
    save_release,
    save_terms,
)
from proviso.errors import Forbidden, GateClosed, NotReady, Unauthenticated
from proviso.governance import admit
from proviso.ledger import AccessChanged, AppDeployed, Recorder, ReleaseBuilt
from proviso.settings import Settings
from proviso.store import Control
from proviso.types import Environment, Principal

# One integer for each room that shapes answers: part of every release digest.
REVISIONS = {
    "guardrails": guardrails.REVISION,
    "models": models.REVISION,
    "orchestrator": orchestrator.REVISION,
    "retrieval": retrieval.REVISION,
    "text": text.REVISION,
}

SERVING = "serving"  # the topic of news about releases and terms, and the first part of their names
ACCESS = "access"  # the topic of news about people, roles and policies, and their name


class NotInForce(NotReady):
    """The folder has other people, roles or policies than those in force."""

    code = "not_in_force"
    exit = 1


class Deployed(Struct, frozen=True):
    """What is served of an app, by digests."""

    app: str
    release: str
    terms: str
    snapshot: str
    unapproved: bool


class Change(Struct, frozen=True):
    """What was put in force: an app's release or terms, or (`app` is empty) people, roles and policies."""

    app: str
    what: str  # release | terms | access
    old: str
    new: str


def prepare(app: App, settings: Settings, state: Path, control: Control) -> Deployed:
    """Store an app as it stands in its folder, where this environment may serve it; nothing is in force yet.

    Raises `GateClosed`, or `NotReady` where its documents have not been indexed as it now asks for.
    """
    approved = admit(settings.environment, coverage(app, control, state))
    snapshot = control.pointer(snapshot_pointer(app.name))
    if not snapshot:
        raise NotReady(f"`{app.name}` has no snapshot of its sources", fix="run `proviso index`")
    if control.pointer(screening_pointer(app.name)) != screening_rules(app):
        # What another contract let through would be quoted: a field that is masked now may stand in a passage.
        what = f"the sensitive fields of `{app.name}` have changed since its documents were screened"
        raise NotReady(what, fix="run `proviso index`")
    release = save_release(app, snapshot, REVISIONS, control)
    return Deployed(app.name, release, save_terms(app, control), snapshot, not approved)


def note_built(built: Deployed, control: Control, recorder: Recorder) -> None:
    """Record a release or terms that this workspace had not built before."""
    name, both = f"built/{built.app}", f"{built.release} {built.terms}"
    if control.pointer(name) == both:
        return
    event = ReleaseBuilt(
        at=now_us(), app=built.app, release=built.release, terms=built.terms, snapshot=built.snapshot
    )
    asyncio.run(recorder.noted(event))
    control.point(name, both)


def in_force(control: Control) -> dict[str, Deployed]:
    """Return what is served, by app."""
    found = control.pointers(f"{SERVING}/")
    return {name.partition("/")[2]: msgspec.json.decode(text, type=Deployed) for name, text in found.items()}


def access_in_force(control: Control) -> Access:
    """Return the people, roles and policies in force; raise `NotInForce` where there have never been any."""
    digest = control.pointer(ACCESS)
    if not digest:
        raise NotInForce("nothing is in force here yet", fix="run `proviso serve` or `proviso apply` first")
    return load_access(digest, control)


def put_in_force(
    root: Path, settings: Settings, names: Sequence[str] = (), actor: Principal | None = None
) -> list[Change]:
    """Put what a folder says in force; return what has changed by it.

    Without an `actor` only where nobody must answer for it: the first time, and for apps in `dev`. Raises
    `InvalidWorkspace`, `NotReady`, `GateClosed`, `NotInForce`, and `Forbidden` for an actor who may not.
    """
    apps, policies = load(root, names), added_policies(root)
    Authority.load(policies, environment=settings.environment)
    with opened(settings, root) as store, recording(store) as recorder:
        deployment = _Deployment(Control(store.database), recorder, settings, actor)
        changes = deployment.access(apps[0], policies)
        if changes and names:  # every app is run under them
            apps = load(root)
        for app in apps:
            changes += deployment.app(app, settings.state(root))
        return changes


def acting(root: Path, settings: Settings, user: str, key: str) -> Principal:
    """Return who puts something in force: the holder of an API key, or in `dev` whoever says so.

    Raises `Unauthenticated`, or `UnknownPerson` for somebody whom the version in force does not know.
    """
    with opened(settings, root) as store:
        control = Control(store.database)
        in_charge = access_in_force(control).workspace if control.pointer(ACCESS) else people(root)
        if not key and settings.environment is Environment.DEV:
            return person(in_charge, user)
        if not key:
            raise Unauthenticated("nobody has shown who acts", fix="set `PROVISO_API_KEY` to a key of theirs")
        holder = KeysToday(Keys(control, now_us), in_charge).authenticate(key)
    if user and holder.user != user:
        raise Forbidden(f"the key is not one of `{user}`", fix="leave `--as` out, or use their key")
    return holder


class _Deployment:
    """One act of putting a folder in force, by one person or by nobody."""

    def __init__(
        self, control: Control, recorder: Recorder, settings: Settings, actor: Principal | None
    ) -> None:
        self._control = control
        self._recorder = recorder
        self._settings = settings
        self._actor = actor
        self._subject = recorder.pseudonym(actor.user) if actor else ""

    def access(self, app: App, policies: str) -> list[Change]:
        """Put people, roles and policies in force, if they have changed and the ones in force let the actor."""
        old, new = self._control.pointer(ACCESS), save_access(app, policies, self._control)
        if new == old:
            return []
        decided: tuple[str, ...] = ()
        if old:
            if self._actor is None:
                raise NotInForce(
                    "proviso.yaml, policy.yaml or policies.cedar is not the version in force",
                    fix="have an admin put it in force: `proviso apply --as ADMIN`",
                )
            decided = self._allowed(Permission.CHANGE_ACCESS, _workspace(load_access(old, self._control)))
        _check_admins(load_access(new, self._control))
        event = AccessChanged(at=now_us(), old=old, new=new, subject=self._subject, policies=decided)
        self._record(event, ACCESS, old, new)
        return [Change("", "access", old, new)]

    def app(self, app: App, state: Path) -> list[Change]:
        """Put an app's release and terms in force."""
        name = f"{SERVING}/{app.name}"
        before = self._control.pointer(name)
        nothing = Deployed(app.name, "", "", "", unapproved=True)
        old = msgspec.json.decode(before, type=Deployed) if before else nothing
        new = prepare(app, self._settings, state, self._control)
        note_built(new, self._control, self._recorder)
        if new == old:
            return []
        decided: tuple[str, ...] = ()
        if old.release and self._actor is not None:
            terms, release = load_terms(old.terms, self._control), load_release(old.release, self._control)
            decided = self._allowed(Permission.CHANGE_TERMS, app_resource_in_force(release, terms))
        event = AppDeployed(
            at=now_us(), app=app.name, old_release=old.release, old_terms=old.terms, release=new.release,
            terms=new.terms, snapshot=new.snapshot, subject=self._subject, policies=decided,
        )  # fmt: skip
        self._record(event, name, before, msgspec.json.encode(new).decode())
        pairs = (("release", old.release, new.release), ("terms", old.terms, new.terms))
        return [Change(app.name, what, was, now) for what, was, now in pairs if was != now]

    def _allowed(self, permission: Permission, resource: Resource) -> tuple[str, ...]:
        """Return the policies by which the actor may, under the version in force; raise `Forbidden`."""
        assert self._actor is not None  # asked for somebody only
        rules = Authority.load(
            access_in_force(self._control).policies, environment=self._settings.environment
        )
        verdict = rules.decide(self._actor, permission, resource)
        if not verdict.allowed:
            what = f"`{self._actor.user}` may not do this under the version in force: {verdict.why}"
            raise Forbidden(what, fix=f"`proviso access explain` says who may `{permission}`")
        return verdict.policies

    def _record(self, event: AccessChanged | AppDeployed, name: str, old: str, new: str) -> None:
        # INVARIANT: the record comes first; a crash in between leaves an act on record that did not take hold.
        asyncio.run(self._recorder.noted(event))
        with self._control.transaction() as tables:
            if tables.pointer(name) != old:
                raise GateClosed(
                    "somebody else has put something in force meanwhile", fix="look again, then try again"
                )
            tables.point(name, new)
            tables.publish(name.partition("/")[0])


def _workspace(access: Access) -> WorkspaceResource:
    return WorkspaceResource(access.workspace.workspace)


def _check_admins(access: Access) -> None:
    people = access.workspace.people
    if not any(name in people and people[name].active for name in access.workspace.roles.get("admin", ())):
        raise NotInForce(
            "nobody could change people, roles or policies again: no active person is an admin",
            fix="name one under `roles.admin` of proviso.yaml",
        )
