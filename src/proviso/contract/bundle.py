"""Releases and terms as bundles: a manifest and its files, stored by digest and re-hashed on every read."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import msgspec
import rfc8785
from msgspec import Struct
from pydantic import ValidationError

from proviso.contract.digest import (
    ACCESS,
    RELEASE,
    TERMS,
    Manifest,
    access_manifest,
    release_manifest,
    terms_manifest,
)
from proviso.contract.model import ReleasePart, TermsPart
from proviso.contract.parts import App
from proviso.contract.pricing import TokenPrice, own_price
from proviso.contract.prompt import PromptFile, parse_prompt
from proviso.contract.register import ReleaseModel, TermsModel
from proviso.contract.vocabulary import Section
from proviso.contract.workspace import Policy, ReleaseSource, TermsSource, Workflow, Workspace
from proviso.errors import ProvisoError, Tampered

S = TypeVar("S", bound=Section)
T = TypeVar("T")


class UnreadableBundle(ProvisoError):
    """A bundle of another version of Proviso, or none at all."""

    code = "bundle_unreadable"
    status = 503
    exit = 4


class Blobs(Protocol):
    """Bytes by the SHA-256 of themselves, in hex. `get` raises where there are none, or others."""

    def put(self, content: bytes) -> str:
        """Store bytes and return their digest."""
        ...

    def get(self, digest: str) -> bytes:
        """Return the bytes of a digest."""
        ...


class MemoryBlobs:
    """Blobs in memory: for tests and previews."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}

    def put(self, content: bytes) -> str:
        """Store bytes and return their digest; storing them again changes nothing."""
        digest = hashlib.sha256(content).hexdigest()
        self.stored[digest] = content
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes of a digest; raise `UnreadableBundle` where there are none."""
        if digest not in self.stored:
            raise UnreadableBundle(f"nothing is stored under `{digest[:64]}`", fix="build the release again")
        return self.stored[digest]


class Bundle(Struct, frozen=True):
    """A release: everything that shapes an app's answers, without the folder that it came from."""

    digest: str
    contract: ReleasePart
    workflow: Workflow
    sources: Mapping[str, ReleaseSource]
    roles: Mapping[
        str, tuple[str, ...]
    ]  # of each role its models: the first answers, the others may stand in
    models: Mapping[str, ReleaseModel]  # those of the roles, and `extractive` where it may serve instead
    files: Mapping[str, bytes]  # prompts, refusal texts and schemas, by their path as it is written
    prompt: PromptFile
    snapshot: str
    revisions: Mapping[str, int]

    @property
    def app(self) -> str:
        """The app's name."""
        return self.contract.contract


class Terms(Struct, frozen=True):
    """What an app is run under: in force at once, without another release."""

    digest: str
    contract: TermsPart
    sources: Mapping[str, TermsSource]
    models: Mapping[str, TermsModel]
    prices: Mapping[str, TokenPrice]  # of each model whose price is known
    price_book: int | None  # the version of the price book, None where there is none
    policy: Policy
    workspace: Workspace

    @property
    def app(self) -> str:
        """The app's name."""
        return self.contract.contract


class Access(Struct, frozen=True):
    """Who is who, and what the organisation allows: one version for all apps of a workspace."""

    digest: str
    workspace: Workspace
    policy: Policy
    policies: str  # what the workspace adds to the policies that ship


def save_release(app: App, snapshot_digest: str, revisions: Mapping[str, int], blobs: Blobs) -> str:
    """Store an app's release with its files; return its digest."""
    manifest = release_manifest(app, snapshot_digest, revisions)
    for content in app.files.values():
        blobs.put(content)
    # INVARIANT: the manifest is stored last, so that one that is there has all its files.
    return _save(manifest, blobs)


def save_terms(app: App, blobs: Blobs) -> str:
    """Store an app's terms; return their digest."""
    return _save(terms_manifest(app), blobs)


def save_access(app: App, policies: str, blobs: Blobs) -> str:
    """Store people, roles and policies as an app's workspace has them; return their digest."""
    return _save(access_manifest(app, policies), blobs)


def load_release(digest: str, blobs: Blobs) -> Bundle:
    """Read a release; raise `Tampered` where bytes are not those of their digest."""
    value = _manifest(digest, RELEASE, blobs)
    files = {path: _get(file_digest, blobs) for path, file_digest in _section(value, "files").items()}
    workflow = _typed(Workflow, value.get("workflow"))
    if workflow.prompt not in files:
        raise _unreadable(f"`{workflow.prompt}` is not among its files")
    return Bundle(
        digest=digest,
        contract=_typed(ReleasePart, value.get("contract")),
        workflow=workflow,
        roles=_roles(value, workflow),
        sources={name: _typed(ReleaseSource, item) for name, item in _section(value, "sources").items()},
        models={name: _typed(ReleaseModel, item) for name, item in _section(value, "models").items()},
        files=files,
        prompt=parse_prompt(workflow.prompt, files[workflow.prompt]),
        snapshot=str(value.get("snapshot", "")),
        revisions=_section(value, "revisions"),
    )


def load_terms(digest: str, blobs: Blobs) -> Terms:
    """Read terms; raise `Tampered` where bytes are not those of their digest."""
    value = _manifest(digest, TERMS, blobs)
    version = value.get("price_book")
    models = {name: _typed(TermsModel, item) for name, item in _section(value, "models").items()}
    return Terms(
        digest=digest,
        contract=_typed(TermsPart, value.get("contract")),
        sources={name: _typed(TermsSource, item) for name, item in _section(value, "sources").items()},
        models=models,
        prices=_prices(value, models),
        price_book=version if isinstance(version, int) else None,
        policy=_typed(Policy, value.get("policy")),
        workspace=_typed(Workspace, value.get("workspace")),
    )


def load_access(digest: str, blobs: Blobs) -> Access:
    """Read people, roles and policies; raise `Tampered` where bytes are not those of their digest."""
    value = _manifest(digest, ACCESS, blobs)
    return Access(
        digest=digest,
        workspace=_typed(Workspace, value.get("workspace")),
        policy=_typed(Policy, value.get("policy")),
        policies=str(value.get("policies", "")),
    )


def _save(manifest: Manifest, blobs: Blobs) -> str:
    digest = blobs.put(manifest.content)
    if digest != manifest.digest:
        raise Tampered(f"the store returned another digest for `{manifest.digest}`", fix="repair the store")
    return digest


def _get(digest: str, blobs: Blobs) -> bytes:
    content = blobs.get(digest)
    if hashlib.sha256(content).hexdigest() != digest:
        raise Tampered(f"the bytes stored under `{digest}` are others", fix="restore the store from a backup")
    return content


def _manifest(digest: str, kind: str, blobs: Blobs) -> dict[str, Any]:
    try:
        value = json.loads(_get(digest, blobs))
    except (ValueError, RecursionError):
        raise _unreadable(f"`{digest}` is no manifest") from None
    if not isinstance(value, dict) or value.get("kind") != kind:
        raise _unreadable(f"`{digest}` is not of the kind `{kind}`")
    return value


def _section(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = value.get(name)
    if not isinstance(section, dict):
        raise _unreadable(f"it has no `{name}`")
    return section


def _typed(kind: type[S], value: object) -> S:
    try:
        return kind.model_validate_json(rfc8785.dumps(value))  # type: ignore[arg-type]  # it came from JSON
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise _unreadable(f"`{place}` is not what this version reads") from None


def _roles(value: Mapping[str, Any], workflow: Workflow) -> dict[str, tuple[str, ...]]:
    if "roles" in value:
        return _converted(value["roles"], dict[str, tuple[str, ...]])
    # A release of before roles were resolved: it names one model for each.
    return {role: (name,) for role, name in workflow.models.items() if isinstance(name, str)}


def _prices(value: Mapping[str, Any], models: Mapping[str, TermsModel]) -> dict[str, TokenPrice]:
    if "prices" in value:
        return _converted(value["prices"], dict[str, TokenPrice])
    # Terms of before there was a price book: each model has a price of its own.
    return {name: own_price(model.price) for name, model in models.items() if model.price is not None}


def _converted(value: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        raise _unreadable("its roles or prices are not what this version reads") from None


def _unreadable(what: str) -> UnreadableBundle:
    return UnreadableBundle(f"the bundle cannot be read: {what}", fix="build the release again")
