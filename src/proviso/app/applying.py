"""How what is in force changes: one act, by one person or by nobody, that takes hold as a whole or not at all.

A folder is only a proposal. `put_in_force` stores what it says, asks the policies *in force* whether the actor may,
records the act, and lets the names point to the new digests; every server hears of it within a second.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from proviso.access import Authority, Keys, Permission, Resource, WorkspaceResource
from proviso.app.authorisation import added_policies, app_resource, app_resource_in_force
from proviso.app.callers import KeysToday
from proviso.app.deploying import (
    ACCESS,
    Deployed,
    NotInForce,
    access_in_force,
    in_charge,
    note_built,
    prepare,
    serving_name,
)
from proviso.app.notices import tell
from proviso.app.wiring import load, now_us, opened, person, recording
from proviso.contract import Access, App, load_access, load_release, load_terms, save_access
from proviso.errors import Forbidden, ProvisoError, Unauthenticated
from proviso.ledger import AccessChanged, AppDeployed, Recorder
from proviso.settings import Settings
from proviso.store import Control, Tables
from proviso.types import Environment, Principal

_NOBODY = "nobody has shown who acts"
_SHOW = "set `PROVISO_API_KEY` to a key of theirs"


class Overtaken(ProvisoError):
    """Somebody else has put something in force since this act began; nothing of it took hold."""

    code = "overtaken"
    status = 409
    exit = 1


class Change(Struct, frozen=True):
    """What was put in force: an app's release or terms, or (`app` is empty) people, roles and policies."""

    app: str
    what: str  # release | terms | access
    old: str
    new: str


class _Step(Struct, frozen=True):
    """One name that shall point elsewhere, and the event that says so."""

    name: str
    old: str
    new: str
    event: AccessChanged | AppDeployed
    changes: tuple[Change, ...]


def put_in_force(
    root: Path, settings: Settings, names: Sequence[str] = (), actor: Principal | None = None
) -> list[Change]:
    """Put what a folder says in force, all of it or nothing; return what has changed by it.

    Without an `actor` only where nobody must answer for it: the first time, and for apps in `dev`. Raises
    `InvalidWorkspace`, `NotReady`, `GateClosed`, `NotInForce`, `Unauthenticated`, `Forbidden` for an actor who may
    not, and `Overtaken`.
    """
    apps, policies = load(root, names), added_policies(root)
    authority = Authority.load(policies, environment=settings.environment)
    with opened(settings, root) as store, recording(store) as recorder:
        act = _Act(Control(store.database), recorder, settings, actor)
        if act.access(apps[0], policies, authority) and names:  # every app is run under them
            apps = load(root)
        for app in apps:
            act.app(app, settings.state(root))
        return act.finish()


def acting(root: Path, settings: Settings, user: str, key: str) -> Principal:
    """Return who puts something in force: the holder of an API key, or in `dev` whoever says so.

    Raises `Unauthenticated`, or `UnknownPerson` for somebody whom the version in force does not know.
    """
    with opened(settings, root) as store:
        control = Control(store.database)
        workspace = in_charge(root, control)
        if not key and settings.environment is Environment.DEV:
            return person(workspace, user)
        if not key:
            raise Unauthenticated(_NOBODY, fix=_SHOW)
        holder = KeysToday(Keys(control, now_us), workspace).authenticate(key)
    if user and holder.user != user:
        raise Forbidden(f"the key is not one of `{user}`", fix="leave `--as` out, or use their key")
    return holder


class _Act:
    """What is to be put in force, gathered and decided step by step; nothing changes before `finish`."""

    def __init__(
        self, control: Control, recorder: Recorder, settings: Settings, actor: Principal | None
    ) -> None:
        self._control = control
        self._recorder = recorder
        self._settings = settings
        self._actor = actor
        self._subject = recorder.pseudonym(actor.user) if actor else ""
        self._before = access_in_force(control) if control.pointer(ACCESS) else None
        self._by_access: tuple[str, ...] = ()  # the policies by which people and roles may be changed
        self._built: list[Deployed] = []
        self._steps: list[_Step] = []

    def access(self, app: App, policies: str, authority: Authority) -> bool:
        """Take people, roles and policies up; return whether they have changed. `authority`: under the new ones."""
        old = self._before.digest if self._before else ""
        new = save_access(app, policies, self._control)
        if new == old:
            return False
        if self._before:
            if self._actor is None:
                raise NotInForce(
                    "proviso.yaml, policy.yaml or policies.cedar is not the version in force",
                    fix="have an admin put it in force: `proviso apply --as ADMIN`",
                )
            self._by_access = self._allowed(Permission.CHANGE_ACCESS, _workspace(self._before))
        _check_admins(load_access(new, self._control), authority)
        event = AccessChanged(at=now_us(), old=old, new=new, subject=self._subject, policies=self._by_access)
        self._steps.append(_Step(ACCESS, old, new, event, (Change("", "access", old, new),)))
        return True

    def app(self, app: App, state: Path) -> None:
        """Take an app's release and terms up."""
        before = self._control.pointer(serving_name(app.name))
        nothing = Deployed(app.name, "", "", "", unapproved=True)
        old = msgspec.json.decode(before, type=Deployed) if before else nothing
        new = prepare(app, self._settings, state, self._control)
        self._built.append(new)
        if new == old:
            return
        event = AppDeployed(
            at=now_us(), app=app.name, old_release=old.release, old_terms=old.terms, release=new.release,
            terms=new.terms, snapshot=new.snapshot, subject=self._subject, policies=self._decided(app, old, new),
        )  # fmt: skip
        pairs = (("release", old.release, new.release), ("terms", old.terms, new.terms))
        changes = tuple(Change(app.name, what, was, now) for what, was, now in pairs if was != now)
        text = msgspec.json.encode(new).decode()
        self._steps.append(_Step(serving_name(app.name), before, text, event, changes))

    def finish(self) -> list[Change]:
        """Record what has been taken up, and put it in force. Raises `Overtaken`; then nothing has changed."""
        for built in self._built:
            note_built(built, self._control, self._recorder)
        if not self._steps:
            return []
        with self._control.transaction() as tables:  # others wait: what is in force cannot change in between
            self._check_access(tables)
            steps = [step for step in self._steps if not _taken(step, tables)]
            # INVARIANT: the record comes first; a crash in between leaves an act on record that did not take hold.
            asyncio.run(self._record(steps))
            for step in steps:
                tables.point(step.name, step.new)
            for step in steps:
                self._tell(step, tables)
            for topic in sorted({step.name.partition("/")[0] for step in steps}):
                tables.publish(topic)
        return [change for step in steps for change in step.changes]

    def _tell(self, step: _Step, tables: Tables) -> None:
        """Write who must hear of it, by the version that is in force afterwards."""
        workspace = load_access(tables.pointer(ACCESS), self._control).workspace
        actor = self._actor.user if self._actor else "nobody in particular"
        for change in step.changes:
            facts = {"actor": actor, "before": change.old[:12] or "nothing", "after": change.new[:12]}
            if change.what == "access":
                tell(workspace, tables, "access.changed", **facts)
            elif change.what == "terms":
                tell(workspace, tables, "terms.changed", app=change.app, **facts)

    def _check_access(self, tables: Tables) -> None:
        """Raise `Overtaken` where others than those who decided are in force by now."""
        ours = {step.new for step in self._steps if step.name == ACCESS}
        if tables.pointer(ACCESS) not in {self._before.digest if self._before else "", *ours}:
            raise _overtaken()

    async def _record(self, steps: Sequence[_Step]) -> None:
        await asyncio.gather(*(self._recorder.noted(step.event) for step in steps))

    def _decided(self, app: App, old: Deployed, new: Deployed) -> tuple[str, ...]:
        """Return the policies by which the actor may change an app; raise what stands against it."""
        if self._before is None:
            return ()  # the first time
        if self._only_access_differs(old, new):
            return self._by_access
        if self._actor is None:
            if self._settings.environment is Environment.DEV:
                return ()
            raise Unauthenticated(_NOBODY, fix=_SHOW)
        resource = app_resource(app)
        if old.release:
            terms, release = load_terms(old.terms, self._control), load_release(old.release, self._control)
            resource = app_resource_in_force(release, terms)
        return self._allowed(Permission.CHANGE_TERMS, resource)

    def _only_access_differs(self, old: Deployed, new: Deployed) -> bool:
        """Whether an app only follows proviso.yaml and policy.yaml, of which its terms have a copy."""
        if not old.release or msgspec.structs.replace(new, terms=old.terms) != old:
            return False
        was, now = load_terms(old.terms, self._control), load_terms(new.terms, self._control)
        return (was.contract, was.sources, was.models) == (now.contract, now.sources, now.models)

    def _allowed(self, permission: Permission, resource: Resource) -> tuple[str, ...]:
        """Return the policies by which the actor may, under the version in force; raise `Forbidden`."""
        assert self._actor is not None  # asked for somebody,
        assert self._before is not None  # and under something
        rules = Authority.load(self._before.policies, environment=self._settings.environment)
        verdict = rules.decide(self._actor, permission, resource)
        if not verdict.allowed:
            what = f"`{self._actor.user}` may not do this under the version in force: {verdict.why}"
            raise Forbidden(what, fix=f"`proviso access explain` says who may `{permission}`")
        return verdict.policies


def _taken(step: _Step, tables: Tables) -> bool:
    """Whether somebody else has done just this already; raise `Overtaken` where they did something else."""
    found = tables.pointer(step.name)
    if found not in (step.old, step.new):
        raise _overtaken()
    return found == step.new


def _overtaken() -> Overtaken:
    return Overtaken(
        "somebody else has put something in force meanwhile, and nothing of this",
        fix="look again, then try again",
    )


def _workspace(access: Access) -> WorkspaceResource:
    return WorkspaceResource(access.workspace.workspace)


def _check_admins(access: Access, authority: Authority) -> None:
    workspace = access.workspace
    for name in workspace.roles.get("admin", ()):
        if name in workspace.people and workspace.people[name].active:
            admin = person(workspace, name)
            if authority.decide(admin, Permission.CHANGE_ACCESS, _workspace(access)).allowed:
                return
    raise NotInForce(
        "nobody could change people, roles or policies again: no active person is an admin whom the policies let",
        fix="name one under `roles.admin` of proviso.yaml, and see that policies.cedar forbids them nothing",
    )
