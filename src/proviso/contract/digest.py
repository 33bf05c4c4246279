"""Two digests of one app: the release is what shapes its answers, the terms are what it is run under.

YAML counts as its parsed value, before defaults: the order of keys, comments, quotes and layout do not
matter, the order of lists does. Every other file counts as its bytes. Canonical JSON is RFC 8785; digests
are SHA-256 in hex.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import rfc8785
from msgspec import Struct
from msgspec.structs import asdict

from proviso.contract.choice import roles_of
from proviso.contract.document import Json
from proviso.contract.fields import keys
from proviso.contract.model import ReleasePart, TermsPart
from proviso.contract.parts import App, Kind
from proviso.contract.pricing import price_of
from proviso.contract.register import ReleaseModel, TermsModel
from proviso.contract.vocabulary import Section
from proviso.contract.workspace import ReleaseSource, TermsSource

RELEASE = "proviso.release/1"
TERMS = "proviso.terms/1"
ACCESS = "proviso.access/1"
FALLBACK = "extractive"  # the model of the register that answers for `when_unavailable: extractive`


class Manifest(Struct, frozen=True):
    """What a digest is of. `content` is canonical JSON; `digest` its SHA-256."""

    digest: str
    content: bytes
    value: dict[str, Any]


def release_manifest(app: App, snapshot_digest: str, revisions: Mapping[str, int]) -> Manifest:
    """Return the manifest of what shapes an app's answers; `revisions` has one integer for each room."""
    used = _used_models(app)
    return manifest({
        "kind": RELEASE,
        "contract": _part(_raw(app, "contract"), ReleasePart),
        "workflow": _raw(app, "workflow"),
        "roles": {role: list(names) for role, names in roles_of(app).items()},
        "sources": _each(_raw(app, "sources")["sources"], ReleaseSource),
        "models": _each(_raw(app, "models")["models"], ReleaseModel, used),
        "files": {path: hashlib.sha256(content).hexdigest() for path, content in app.files.items()},
        "snapshot": snapshot_digest,
        "revisions": dict(revisions),
    })  # fmt: skip


def terms_manifest(app: App) -> Manifest:
    """Return the manifest of what an app is run under."""
    used = _used_models(app)
    return manifest({
        "kind": TERMS,
        "contract": _part(_raw(app, "contract"), TermsPart),
        "sources": _each(_raw(app, "sources")["sources"], TermsSource),
        "models": _each(_raw(app, "models")["models"], TermsModel, used),
        "prices": _prices(app, used),
        "price_book": app.prices.version if app.prices else None,
        "policy": _raw(app, "policy"),
        "workspace": _raw(app, "workspace"),
    })  # fmt: skip


def access_manifest(app: App, policies: str) -> Manifest:
    """Return the manifest of who is who and what is allowed; `policies` is what the workspace adds, as text."""
    return manifest({
        "kind": ACCESS,
        # Where models are called is of the terms alone: it gives nobody a right.
        "workspace": {key: value for key, value in _raw(app, "workspace").items() if key != "environments"},
        "policy": _raw(app, "policy"),
        "policies": policies,
    })  # fmt: skip


def manifest(value: dict[str, Any]) -> Manifest:
    """Return a value with its canonical JSON and digest."""
    content = rfc8785.dumps(value)
    return Manifest(hashlib.sha256(content).hexdigest(), content, value)


def _used_models(app: App) -> list[str]:
    fallback = [FALLBACK] if app.contract.models.when_unavailable == FALLBACK else []
    return [*(name for names in roles_of(app).values() for name in names), *fallback]


def _prices(app: App, names: Iterable[str]) -> Json:
    """Return what each model costs, by its own price or the book's."""
    prices = {name: price_of(app.models.models[name], app.prices) for name in names}
    return {name: asdict(price) for name, price in prices.items() if price is not None}


def _raw(app: App, kind: Kind) -> dict[str, Json]:
    value = app.documents[kind].value
    assert isinstance(value, dict)  # a valid app's files are sections
    return value


def _part(value: Json, section: type[Section]) -> Json:
    assert isinstance(value, dict)
    return {key: value[key] for key in keys(section) if key in value}


def _each(value: Json, section: type[Section], names: Iterable[str] | None = None) -> Json:
    assert isinstance(value, dict)
    return {name: _part(value[name], section) for name in (value if names is None else dict.fromkeys(names))}
