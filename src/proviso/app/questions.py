"""What the command asks of a workspace: one question, one search, one trace, the keys."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct

from proviso import governance
from proviso.access import KeyInfo, Keys
from proviso.app.deploying import in_charge
from proviso.app.notices import tell
from proviso.app.site import Site
from proviso.app.wiring import (
    load,
    now_us,
    opened,
    person,
    recording,
    screening,
    snapshot_pointer,
    snapshots,
)
from proviso.contract import load_release, load_terms
from proviso.errors import NotReady, ProvisoError, UnknownRun
from proviso.governance import Trace
from proviso.ledger import KeyCreated, KeyRevoked, RunReader
from proviso.orchestrator import compile_synonyms
from proviso.retrieval import Found, Lineage, Query, TextIndex, open_index
from proviso.settings import Settings
from proviso.store import Control
from proviso.types import Channel, Purpose, Refusal, Request, Served


class NotHeld(ProvisoError):
    """A group or role that a key was to have, and its person has not."""

    code = "not_held"
    status = 403


def ask(root: Path, settings: Settings, app: str, question: str, user: str | None) -> Served:
    """Ask one question as a person of proviso.yaml (default: the app's product owner), with purpose `preview`."""
    loaded = load(root, [app])[0]
    principal = person(loaded.workspace, user or loaded.contract.owners.product or "")
    site = Site.open(root, settings, Purpose.PREVIEW, (app,))

    async def answer() -> Served:
        try:
            run = await site.begin(Request(app, question, purpose=Purpose.PREVIEW), principal)
            return await run.serve()
        finally:
            await site.close()

    return asyncio.run(answer())


def search(
    root: Path, settings: Settings, app: str, question: str, *, user: str | None, limit: int
) -> tuple[Found, list[Lineage]]:
    """Search an app's sources as a person may read them; return the passages and where each comes from."""
    loaded, state = load(root, [app])[0], settings.state(root)
    principal = person(loaded.workspace, user or loaded.contract.owners.product or "")
    readable = frozenset(
        name
        for name in loaded.contract.inputs.sources
        if loaded.sources.sources[name].approval
        and not principal.groups.isdisjoint(loaded.sources.sources[name].readers)
    )
    screened = screening(loaded).screen(question, Channel.USER)
    if isinstance(screened, Refusal):
        return Found((), "no_match"), []
    with opened(settings, root) as store:
        snapshot = Control(store.database).pointer(snapshot_pointer(app))
    if not snapshot:
        raise NotReady(f"`{app}` has no snapshot of its sources", fix="run `proviso index`")
    query = Query(screened.text, synonyms=compile_synonyms(loaded.workflow))
    index = open_index(snapshots(state, app), snapshot)
    try:
        found = asyncio.run(index.search(query, sources=readable, limit=limit))
        lineage = [index.lineage(passage.id) for passage in found.passages]
        return found, [item for item in lineage if item is not None]
    finally:
        index.close()


def trace(root: Path, settings: Settings, run: str) -> Trace:
    """Return the way from a run back to documents, approvals and contract; raise `UnknownRun`."""
    state = settings.state(root)
    with opened(settings, root) as store:
        control, reader = Control(store.database), RunReader.open(store)
        try:
            record = reader.run(run)
        finally:
            reader.close()
        if record is None:
            raise UnknownRun(f"no run `{run[:64]}`", fix="the answer's `run` is its ID")
        if record.gap is not None:
            raise NotReady(
                f"the run `{run[:64]}` has no end: its server ended first ({record.gap.reason})",
                fix="ask again; it is on record as a gap",
            )
        if record.finished is None:
            raise NotReady(
                f"the run `{run[:64]}` has started and not finished", fix="wait, or restart its server"
            )
        event = record.finished
        bundle, terms = load_release(event.release, control), load_terms(event.terms, control)
    index = _index(state, event.app, event.snapshot)
    try:
        return governance.trace(record, event, bundle, terms, index.lineage if index else lambda _: None)
    finally:
        if index:
            index.close()


def _index(state: Path, app: str, snapshot: str) -> TextIndex | None:
    """Open the snapshot of a run; None where it is no longer kept, because the record outlives it."""
    try:
        return open_index(snapshots(state, app), snapshot)
    except NotReady:
        return None


@contextmanager
def open_keys(root: Path, settings: Settings) -> Iterator[Keys]:
    """Open the keys of a workspace."""
    with opened(settings, root) as store:
        yield Keys(Control(store.database), now_us)


class NewKey(Struct, frozen=True, kw_only=True):
    """A key that is asked for: of whom, for how long, and which of their groups and roles it has (default: all).

    A `service` key may ask for others, whom a signed token names.
    """

    user: str
    lifetime: timedelta
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    service: bool = False


def create_key(root: Path, settings: Settings, wanted: NewKey) -> tuple[KeyInfo, str]:
    """Make a key for a person of proviso.yaml, as it is in force; return it and its secret, which is stored nowhere.

    Raises `UnknownPerson` or `NotHeld`.
    """
    with opened(settings, root) as store, recording(store) as recorder:
        control = Control(store.database)
        workspace = in_charge(root, control)
        member = person(workspace, wanted.user)
        _held("group", wanted.groups, member.groups)
        _held("role", wanted.roles, member.roles)
        expires = now_us() + int(wanted.lifetime.total_seconds()) * 1_000_000
        until = datetime.fromtimestamp(expires / 1_000_000, UTC).isoformat(timespec="minutes")
        info, secret = Keys(control, now_us).create(
            wanted.user,
            wanted.groups or member.groups,
            wanted.roles or member.roles,
            expires,
            service=wanted.service,
            also=lambda tables, made: tell(workspace, tables, "key.created", key=made.id, expires=until),
        )
        event = KeyCreated(
            at=info.created,
            key=info.id,
            subject=recorder.pseudonym(wanted.user),
            groups=info.groups,
            roles=info.roles,
            expires=expires,
            service=info.service,
        )
        asyncio.run(recorder.noted(event))
        return info, secret


def _held(kind: str, asked: Sequence[str], held: frozenset[str]) -> None:
    """Refuse what the person does not hold: a key may narrow it, and never add to it."""
    for name in asked:
        if name not in held:
            names = ", ".join(sorted(held)) or "none"
            raise NotHeld(
                f"the person is not in the {kind} `{name}`", fix=f"use of {names}, or change proviso.yaml"
            )


def revoke_key(root: Path, settings: Settings, key: str) -> None:
    """Revoke a key; every server of the workspace hears of it within a second. Raises `UnknownKey`."""
    with opened(settings, root) as store, recording(store) as recorder:
        control = Control(store.database)
        workspace = in_charge(root, control)  # not of the folder, which may be broken just now
        info = Keys(control, now_us).revoke(
            key, also=lambda tables, gone: tell(workspace, tables, "key.revoked", key=gone.id)
        )
        asyncio.run(recorder.noted(KeyRevoked(at=now_us(), key=info.id)))
