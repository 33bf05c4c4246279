"""What is in force: the release and terms of each app that servers serve, and who may do what.

Both are stored under their digests; the names `serving/<app>` and `access` point to what is in force.
"""

import asyncio
from pathlib import Path

import msgspec
from msgspec import Struct

from proviso import guardrails, models, orchestrator, retrieval, text
from proviso.app.hosting import Hosting
from proviso.app.indexing import coverage
from proviso.app.wiring import now_us, people, screening_pointer, screening_rules, snapshot_pointer
from proviso.contract import (
    Access,
    App,
    Workspace,
    load_access,
    load_release,
    load_terms,
    save_release,
    save_terms,
)
from proviso.errors import NotReady
from proviso.governance import admit
from proviso.ledger import Recorder, ReleaseBuilt
from proviso.settings import Settings
from proviso.store import Control

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


def prepare(app: App, settings: Settings, state: Path, control: Control) -> Deployed:
    """Store an app as it stands in its folder, where this environment may serve it; nothing is in force yet.

    Raises `GateClosed`, or `NotReady` where its documents have not been indexed as it now asks for, or where this
    environment does not say where its models are: a server that heard of that could serve nothing any more.
    """
    approved = admit(settings.environment, coverage(app, control, state))
    snapshot = control.pointer(snapshot_pointer(app.name))
    if not snapshot:
        raise NotReady(f"`{app.name}` has no snapshot of its sources", fix="run `proviso index`")
    if control.pointer(screening_pointer(app.name)) != screening_rules(app):
        # What another contract let through would be quoted: a field that is masked now may stand in a passage.
        what = f"the sensitive fields of `{app.name}` have changed since its documents were screened"
        raise NotReady(what, fix="run `proviso index`")
    release, terms = save_release(app, snapshot, REVISIONS, control), save_terms(app, control)
    Hosting(settings).check_bound(load_release(release, control), load_terms(terms, control))
    return Deployed(app.name, release, terms, snapshot, not approved)


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


def serving_name(app: str) -> str:
    """Return the name that points to what is served of an app."""
    return f"{SERVING}/{app}"


def in_force(control: Control) -> dict[str, Deployed]:
    """Return what is served, by app."""
    found = control.pointers(f"{SERVING}/")
    return {name.partition("/")[2]: msgspec.json.decode(text, type=Deployed) for name, text in found.items()}


def in_charge(root: Path, control: Control) -> Workspace:
    """Return the people, groups and roles in force; those of the folder where nothing is in force yet."""
    return access_in_force(control).workspace if control.pointer(ACCESS) else people(root)


def access_in_force(control: Control) -> Access:
    """Return the people, roles and policies in force; raise `NotInForce` where there have never been any."""
    digest = control.pointer(ACCESS)
    if not digest:
        raise NotInForce("nothing is in force here yet", fix="run `proviso serve` or `proviso apply` first")
    return load_access(digest, control)
