"""Keeping the store of a workspace: taking it forward, checking it, backing it up, restoring it."""

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from proviso import __version__
from proviso.app.deploying import ACCESS, SERVING, Deployed
from proviso.app.wiring import now_us, recording, snapshots
from proviso.errors import Tampered
from proviso.ledger import AccessChanged, KeyRevoked, decode, kind
from proviso.retrieval import open_index
from proviso.settings import Settings
from proviso.store import (
    Finding,
    Manifest,
    Meaning,
    Named,
    Part,
    Progress,
    Restored,
    Told,
    Wanted,
    check_store,
    encode_manifest,
    make_backup,
    migrate,
    open_store,
    restore_backup,
    schema_versions,
)


def store_schema(root: Path, settings: Settings, *, take_forward: bool) -> list[Part]:
    """Return the versions of the parts of the schema, and take them forward if asked to."""
    state, url = settings.state(root), settings.store
    return migrate(state, url) if take_forward else schema_versions(state, url)


def check_state(root: Path, settings: Settings) -> Iterator[Finding]:
    """Yield what a check of all that is stored finds."""
    state = settings.state(root)

    def verify_snapshot(app: str, digest: str) -> None:
        open_index(snapshots(state, app), digest).close()

    meaning = Meaning(event=_event, pointer=_pointer, verify_snapshot=verify_snapshot)
    return check_store(state, settings.store, meaning)


def back_up(root: Path, settings: Settings, target: Path, progress: Progress) -> tuple[Manifest, str]:
    """Make a backup; return its manifest, and the SHA-256 of the file that has it."""
    manifest = make_backup(
        settings.state(root), settings.store, target, made_by=f"proviso {__version__}", progress=progress
    )
    return manifest, hashlib.sha256(encode_manifest(manifest)).hexdigest()


def restore(root: Path, settings: Settings, backup: Path, wanted: Wanted, progress: Progress) -> Restored:
    """Make a backup the state of a workspace again; keys that are revoked by it are on record."""
    state, url = settings.state(root), settings.store
    restored = restore_backup(backup, state, url, wanted, progress)
    if restored.revoked:
        store = open_store(state, url)
        try:
            with recording(store) as recorder:
                for key in restored.revoked:
                    asyncio.run(recorder.noted(KeyRevoked(at=wanted.now, key=key)))
        finally:
            store.close()
    return restored


def wanted(*, replace: bool, revoke_keys: bool, digest: str) -> Wanted:
    """Return how to restore, now."""
    return Wanted(now=now_us(), replace=replace, revoke_keys=revoke_keys, digest=digest)


# --- what stored bytes mean -------------------------------------------------------------------------


def _event(body: bytes) -> Told:
    event = decode(body)
    named = [getattr(event, "release", ""), getattr(event, "terms", "")]
    if isinstance(event, AccessChanged):
        named.append(event.new)
    return Told(
        kind=kind(event),
        at=event.at,
        app=getattr(event, "app", ""),
        run=getattr(event, "run", ""),
        blobs=tuple(digest for digest in named if digest),
    )


def _pointer(name: str, target: str) -> Named:
    """Return what a name leads to. `screening/<app>` is the digest of rules, which are stored nowhere."""
    first, _, app = name.partition("/")
    if first == "snapshot":
        return Named(snapshots=((app, target),))
    if name == ACCESS:
        return Named(blobs=(target,))
    if first == "built":
        return Named(blobs=tuple(target.split()))
    if first != SERVING:
        return Named()
    try:
        deployed = msgspec.json.decode(target, type=Deployed)
    except msgspec.MsgspecError as error:
        raise Tampered(f"what it says cannot be read: {error}", fix="run `proviso apply`") from error
    return Named(blobs=(deployed.release, deployed.terms), snapshots=((app, deployed.snapshot),))
