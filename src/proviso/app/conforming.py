"""Run the conformance suite where a model is called: what will be called, what it may cost, what came of it."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from proviso.app.hosting import Hosting, traits_of
from proviso.app.wiring import load
from proviso.contract import (
    App,
    MemoryBlobs,
    RegisteredModel,
    Terms,
    TokenPrice,
    load_terms,
    nearest,
    price_of,
    save_terms,
)
from proviso.errors import NotReady
from proviso.models import Endpoint, Target, conformance
from proviso.settings import Settings
from proviso.text import is_loopback

_NOBODY: Final = "no-such-model"
_NO_ID: Final = "proviso.no-such-model-v1:0"
_CACHE_MIN: Final = 1_024  # tokens: what most models with a prompt cache want at least


class Trial(Struct, frozen=True):
    """One place where a model is called. `micro_usd`: what the suite may cost at most, None: unknown."""

    subject: conformance.Subject
    bound: conformance.Bound
    micro_usd: int | None

    @property
    def target(self) -> Target:
        """What is called, and where."""
        return self.subject.endpoint.target

    @property
    def live(self) -> bool:
        """Whether somebody may charge for it: AWS itself, or a server that is not on this machine."""
        target = self.target
        if target.provider == "simulator":
            return False
        return target.provider == "bedrock" or not is_loopback(urlsplit(target.origin).hostname or "")


@asynccontextmanager
async def trials(
    root: Path, settings: Settings, name: str, environ: Mapping[str, str] | None = None
) -> AsyncIterator[list[Trial]]:
    """Open every place where the settings' environment calls a model of the register; nothing is called yet.

    Raises `NotReady` for a model that is not hosted, or that the environment does not bind; `InvalidWorkspace`.
    """
    apps = load(root)
    if not apps:
        raise NotReady("the workspace has no app, whose terms a call is made under", fix="add one")
    model = _hosted(apps[0], name)
    terms = load_terms(save_terms(apps[0], blobs := MemoryBlobs()), blobs)
    hosting = Hosting(settings, os.environ if environ is None else environ)
    try:
        yield [
            _trial(endpoint, _unknown(hosting, endpoint, model, terms), model, apps[0])
            for endpoint, _ in hosting.endpoints(name, model, terms)
        ]
    finally:
        await hosting.close()


def _hosted(app: App, name: str) -> RegisteredModel:
    register = app.models.models
    hosted = [one for one, model in register.items() if model.provider != "extractive"]
    if name not in hosted:
        near = nearest(name, hosted)
        known = ", ".join(f"`{one}`" for one in hosted) or "there is none"
        fix = f"did you mean `{near}`?" if near else f"name one of models.yaml that somebody hosts: {known}"
        raise NotReady(f"`{name[:60]}` is no hosted model of models.yaml", fix=fix)
    return register[name]


def _trial(endpoint: Endpoint, unknown: Endpoint, model: RegisteredModel, app: App) -> Trial:
    traits = traits_of(model)
    subject = conformance.Subject(
        endpoint,
        unknown,
        frozenset(model.features),
        traits.guard,
        traits.inference,
        model.cache_min_tokens or _CACHE_MIN,
    )
    most, price = conformance.bound(subject), price_of(model, app.prices)
    return Trial(subject, most, None if price is None else _cost(most, price))


def _cost(most: conformance.Bound, price: TokenPrice) -> int:
    """Return what a run may cost, in micro-dollars: each token that goes in at the dearest price for it."""
    dearest = max(price.input, price.cache_read, price.cache_write)
    return TokenPrice(dearest, price.output, dearest, dearest).request(most.input_tokens, most.output_tokens)


def _unknown(hosting: Hosting, endpoint: Endpoint, model: RegisteredModel, terms: Terms) -> Endpoint:
    """Return an endpoint at the same place, for a model that does not exist there."""
    nobody: dict[str, object] = {"id": _NO_ID, "profiles": ()}
    if model.provider == "bedrock":
        # A name that nothing is bound to is called by its ID, wherever the environment calls Bedrock.
        bound = terms.workspace.environments.values()
        nobody["regions"] = tuple({region for one in bound if one.bedrock for region in one.bedrock.regions})
    name = _NOBODY if model.provider == "bedrock" else endpoint.target.name
    places = [one for one, _ in hosting.endpoints(name, model.model_copy(update=nobody), terms)]
    return next((one for one in places if one.target.region == endpoint.target.region), places[0])
