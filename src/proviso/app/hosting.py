"""What a release's models are here: the register's entries, this environment's bindings, the machine's credentials."""

import logging
import os
from collections.abc import Iterator, Mapping
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from proviso.aws import (
    BearerKey,
    ChainCredentials,
    CredentialSource,
    NoCredentials,
    Patience,
    Transport,
    open_transport,
)
from proviso.contract import (
    BedrockBinding,
    Bundle,
    EnvironmentBinding,
    OpenAIServer,
    ReleaseModel,
    Terms,
    names_model,
)
from proviso.errors import NotReady
from proviso.models import (
    ANSWERED,
    BedrockEndpoint,
    Buckets,
    Circuits,
    Endpoint,
    Estimators,
    Extractive,
    Fallback,
    Guard,
    Hosted,
    Inference,
    Model,
    OpenAIEndpoint,
    Place,
    Target,
    Traits,
)
from proviso.orchestrator import Models, Run, answering
from proviso.settings import Settings
from proviso.text import is_loopback

_LOCAL = "extractive"  # the provider that is built in
_HERE = "local"  # the region of what is not AWS's
_OF_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_CONNECT_S = 2.0
# Of a request's deadline one call may take this share, so that a place that is silent leaves time for another.
_ONE_CALL = 0.6
_BEARER = "AWS_BEARER_TOKEN_BEDROCK"  # where AWS's own clients look for a Bedrock API key

_LOG = logging.getLogger("proviso.models")

_Library = Literal["lean", "aiohttp", "botocore"]


class Hosting:
    """What all releases of one process share to call models: connections, credentials, circuits, quotas."""

    def __init__(self, settings: Settings, environ: Mapping[str, str] | None = None) -> None:
        self._settings = settings
        self._environ = os.environ if environ is None else environ
        self._transports: dict[_Library, Transport] = {}
        self._credentials: dict[str, CredentialSource] = {}
        self._circuits = Circuits()
        # The workers of one server share a quota evenly; replicas are told their part by their own quotas.
        self._buckets = Buckets(share=1 / settings.workers)
        self._estimators = Estimators()

    def models(self, bundle: Bundle, terms: Terms) -> Models:
        """Return what asks models of a release, called where the terms bind them."""

        def of(names: tuple[str, ...]) -> Model:
            return self.of(names, bundle.models, terms)

        return of

    def of(self, names: tuple[str, ...], entries: Mapping[str, ReleaseModel], terms: Terms) -> Model:
        """Return a model that asks these in order. Neighbours that are hosted are one `Hosted`."""
        models: list[Model] = []
        places: list[Place] = []
        for name in names:
            if entries[name].provider == _LOCAL:
                if places:
                    models.append(Hosted(places))
                    places = []
                models.append(Extractive(name=name))
            else:
                places += self._places(name, entries[name], terms)
        if places:
            models.append(Hosted(places))
        model = models.pop()
        while models:
            model = Fallback(models.pop(), model)
        return model

    def endpoints(
        self, name: str, entry: ReleaseModel, terms: Terms
    ) -> Iterator[tuple[Endpoint, int | None]]:
        """Yield every endpoint of a hosted model, in order, each with the tokens a minute of its quota.

        Raises `NotReady` where this environment does not say where it is.
        """
        most = terms.contract.latency.deadline_ms / 1000 * _ONE_CALL
        patience = Patience(connect=min(_CONNECT_S, most), head=most, idle=most)
        if entry.provider == "bedrock":
            yield from self._of_bedrock(name, entry, self._bedrock(name, terms), patience)
        else:
            yield self._of_openai(name, entry, self._server(name, entry, terms), patience)

    def check_bound(self, bundle: Bundle, terms: Terms) -> None:
        """Raise `NotReady` where this environment does not say where a model is that may draft. Looks at no secret."""
        for name in answering(bundle):
            entry = bundle.models[name]
            if entry.provider == "bedrock":
                self._bound(name, entry, self._bedrock(name, terms))
            elif entry.provider != _LOCAL:
                self._server(name, entry, terms)

    async def look(self) -> None:
        """Find out who we are at AWS before anybody waits for it; say so where there is nothing to find."""
        for kind, source in list(self._credentials.items()):
            try:
                await source.current()
            except NoCredentials as error:
                fact = {"event": "no_credentials", "kind": kind, "detail": error.message, "fix": error.fix}
                _LOG.warning("%s", msgspec.json.encode(fact).decode())

    async def close(self) -> None:
        """Close every connection."""
        while self._transports:
            _, transport = self._transports.popitem()
            await transport.close()

    # --- the places of a model ----------------------------------------------------------------------

    def _places(self, name: str, entry: ReleaseModel, terms: Terms) -> Iterator[Place]:
        traits = traits_of(entry)
        for endpoint, per_minute in self.endpoints(name, entry, terms):
            target = endpoint.target
            yield Place(
                endpoint,
                self._buckets.of(target, per_minute),
                self._circuits.of(target),
                traits,
                self._estimators.of(name),
            )

    def _here(self, terms: Terms) -> EnvironmentBinding:
        bindings = terms.workspace.environments
        return next(
            (bindings[one] for one in bindings if one == self._settings.environment), EnvironmentBinding()
        )

    def _bedrock(self, name: str, terms: Terms) -> BedrockBinding:
        binding = self._here(terms).bedrock
        if binding is None:
            raise self._unbound(name, "bedrock")
        return binding

    def _bound(
        self, name: str, entry: ReleaseModel, binding: BedrockBinding
    ) -> list[tuple[str, str, int | None]]:
        """What is called, in which region, with which quota."""
        bound = [(one.profile, one.region, one.tokens_per_minute) for one in binding.models.get(name, ())]
        if not bound:
            # INVARIANT: a request is sent only to regions of the release's model: what is bound cannot widen that.
            regions = [region for region in binding.regions if region in entry.regions]
            bound = [(called, region, None) for region in regions for called in entry.called]
        elif strange := [region for _, region, _ in bound if region not in entry.regions]:
            raise NotReady(
                f"`{name}` is bound to `{strange[0]}`, which is none of its regions",
                fix="bind it to one of the model's `regions`",
            )
        elif others := [called for called, _, _ in bound if not names_model(called, entry)]:
            # INVARIANT: evidence is about the release's model: terms of another time cannot put another in its place.
            raise NotReady(
                f"`{name}` is bound to `{others[0]}`, which is another model than the release's",
                fix="bind it to the model's `id` or one of its profiles",
            )
        if not bound:
            raise NotReady(
                f"`{name}` has no region in common with `environments.{self._settings.environment}.bedrock.regions`",
                fix="bind it to one of the model's `regions`",
            )
        return bound

    def _of_bedrock(
        self, name: str, entry: ReleaseModel, binding: BedrockBinding, patience: Patience
    ) -> Iterator[tuple[Endpoint, int | None]]:
        bound = self._bound(name, entry, binding)
        transport, credentials = self._transport(binding.transport), self._identity(binding.credentials)
        for called, region, per_minute in bound:
            origin = binding.endpoint.rstrip("/") or bedrock_origin(region)
            target = Target(name, bedrock_provider(origin), called, region, origin)
            yield BedrockEndpoint(target, transport, credentials, patience=patience), per_minute

    def _server(self, name: str, entry: ReleaseModel, terms: Terms) -> OpenAIServer:
        servers = self._here(terms).openai
        if name not in servers:
            raise self._unbound(name, f"openai.{name}")
        server = servers[name]
        parts = urlsplit(server.url)
        if _HERE in entry.regions and not is_loopback(parts.hostname or ""):
            # INVARIANT: as with regions, what is bound cannot take data off this machine where the release keeps it.
            raise NotReady(
                f"`{name}` runs on this machine, and is bound to `{parts.hostname}`",
                fix="bind it to an address of this machine",
            )
        return server

    def _of_openai(
        self, name: str, entry: ReleaseModel, server: OpenAIServer, patience: Patience
    ) -> tuple[Endpoint, int | None]:
        key = self._environ.get(server.key, "") if server.key else ""
        if server.key and not key:
            raise NotReady(f"`{server.key}` is not set, the key of `{name}`", fix="set it")
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise NotReady(
                f"`{server.key}` has characters that no key has", fix="copy the key again, by itself"
            )
        parts = urlsplit(server.url)
        target = Target(name, "openai", entry.id, _HERE, f"{parts.scheme}://{parts.netloc}")
        path = f"{parts.path.rstrip('/')}/chat/completions"
        endpoint = OpenAIEndpoint(target, self._transport("lean"), key, patience=patience, path=path)
        return endpoint, server.tokens_per_minute

    # --- what the machine has -----------------------------------------------------------------------

    def _transport(self, library: _Library) -> Transport:
        if library not in self._transports:
            self._transports[library] = open_transport(library)
        return self._transports[library]

    def _identity(self, kind: Literal["chain", "bearer"]) -> CredentialSource:
        if kind not in self._credentials:
            self._credentials[kind] = open_credentials(kind, self._environ)
        return self._credentials[kind]

    def _unbound(self, name: str, where: str) -> NotReady:
        environment = self._settings.environment
        return NotReady(
            f"the model `{name}` cannot be called in `{environment}`",
            fix=f"say where it is in proviso.yaml under `environments.{environment}.{where}`",
        )


def tell_failed(run: Run) -> None:
    """Log the calls of a run that did not answer: what was called where, and the kind of the failure."""
    failed = [one for one in run.attempts if one.outcome != ANSWERED]
    if failed:
        calls = [f"{one.model} in {one.region}: {one.outcome}" for one in failed]
        fact = {"event": "model_calls_failed", "run": run.id, "app": run.release.app, "calls": calls}
        _LOG.warning("%s", msgspec.json.encode(fact).decode())


def is_hosted(bundle: Bundle) -> bool:
    """Whether somebody else runs one of the models that may draft."""
    return any(bundle.models[name].provider != _LOCAL for name in answering(bundle))


def traits_of(entry: ReleaseModel) -> Traits:
    """Return how a model is asked, by its entry in the register."""
    settings, guardrail = entry.settings, entry.guardrail
    return Traits(
        max_output=entry.max_output,
        burn=entry.output_burn,
        structured="structured-output" in entry.features,
        cache_min_tokens=(entry.cache_min_tokens or 1) if "prompt-cache" in entry.features else 0,
        guard=Guard(guardrail.identifier, guardrail.version) if guardrail else None,
        inference=Inference(
            temperature=settings.temperature,
            top_p=settings.top_p,
            stop_sequences=settings.stop_sequences,
            extra=settings.extra,
            tier=settings.service_tier or "",
            fast=settings.fast,
        ),
    )


def bedrock_origin(region: str, service: str = "bedrock-runtime") -> str:
    """Return where AWS has a service of Bedrock in a region."""
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://{service}.{region}.{suffix}"


def bedrock_provider(origin: str) -> str:
    """Return who answers at an address. What is not AWS's own counts as a simulator: it is no evidence of a model."""
    parts = urlsplit(origin)
    is_aws = parts.scheme == "https" and (parts.hostname or "").endswith(_OF_AWS)
    return "bedrock" if is_aws else "simulator"


def open_credentials(kind: Literal["chain", "bearer"], environ: Mapping[str, str]) -> CredentialSource:
    """Return who we are at AWS; raise `NotReady` where there is no key to be it with."""
    if kind == "chain":
        return ChainCredentials()
    if key := environ.get(_BEARER, ""):
        return BearerKey(key)
    raise NotReady(f"`{_BEARER}` is not set", fix="set it to a Bedrock API key, or use `credentials: chain`")
