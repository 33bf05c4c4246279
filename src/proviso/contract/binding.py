"""Where environments call models, held against the register: addresses, ARNs, and regions that data may be in."""

import re
from collections.abc import Iterator, Mapping

from proviso.contract.document import Path as Place
from proviso.contract.environments import BedrockBinding, BoundProfile, OpenAIServer
from proviso.contract.fitness import LOCAL
from proviso.contract.partial import numbered, where_readable, written
from proviso.contract.parts import Parts
from proviso.contract.register import RegisteredModel, ReleaseModel
from proviso.contract.registering import BEDROCK, REGION
from proviso.contract.wording import suggest
from proviso.contract.workspace import Workspace
from proviso.text import address, is_loopback
from proviso.types import Problem

_FIX = "write an https address without user, query or fragment; http is for this machine only"
_FIX_ORIGIN = "write an https address without user, path, query or fragment; http is for this machine only"

# ARNs of what can be called as a model. Prompt routers are left out: they choose a model themselves.
_ARN = re.compile(
    r"arn:aws(?:-cn|-us-gov)?:bedrock:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12})?:"
    r"(?P<kind>application-inference-profile|inference-profile|foundation-model|provisioned-model|"
    r"custom-model-deployment|imported-model)/(?P<id>[A-Za-z0-9._:/-]+)"
)
_NAMED = ("inference-profile", "foundation-model")  # their ARNs end with an ID that the register knows


@where_readable
def environment_problems(parts: Parts, workspace: Workspace) -> Iterator[Problem]:
    """Check every address, and that each model is called as what it is and where its data may be."""
    for name, environment in workspace.environments.items():
        for bedrock in written(environment, "bedrock"):
            if bedrock is not None:
                yield from _bedrock(parts, ("environments", name, "bedrock"), bedrock)
        for servers in written(environment, "openai"):
            yield from _servers(parts, ("environments", name, "openai"), servers)


def _bedrock(parts: Parts, place: Place, bedrock: BedrockBinding) -> Iterator[Problem]:
    yield from _endpoint(parts, (*place, "endpoint"), bedrock)
    yield from _called_regions(parts, (*place, "regions"), bedrock)
    yield from _bound_models(parts, (*place, "models"), bedrock)


@where_readable
def _endpoint(parts: Parts, place: Place, bedrock: BedrockBinding) -> Iterator[Problem]:
    if bedrock.endpoint:
        found = address(bedrock.endpoint)
        if found is None or found.path not in ("", "/"):
            what = f"`{bedrock.endpoint[:100]}` cannot be called"
            yield parts.problem("workspace", place, what, _FIX_ORIGIN)


@where_readable
def _called_regions(parts: Parts, place: Place, bedrock: BedrockBinding) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, region in numbered(bedrock.regions):
        if not REGION.fullmatch(region):
            what = f"`{region[:60]}` is no region of AWS"
            yield parts.problem("workspace", (*place, index), what, "write a region such as `eu-central-1`")
        elif region in seen:
            what = f"`{region}` stands here a second time"
            yield parts.problem("workspace", (*place, index), what, "remove one of the two")
        else:
            yield from _without_models(parts, (*place, index), region)
        seen.add(region)


@where_readable
def _without_models(parts: Parts, place: Place, region: str) -> Iterator[Problem]:
    if parts.models is None:
        return
    models = map(parts.models.models.__getitem__, parts.models.models)  # raises where one cannot be read
    known = sorted({one for model in models if model.provider == BEDROCK for one in model.regions})
    if region not in known:
        what = f"no model of models.yaml may process data in `{region}`"
        yield parts.problem("workspace", place, what, suggest(region, known) if known else "remove it")


@where_readable
def _bound_models(parts: Parts, place: Place, bedrock: BedrockBinding) -> Iterator[Problem]:
    for name, bound in bedrock.models.items():
        yield from _unregistered(parts, (*place, name), name, BEDROCK)
        model = next(_registered(parts, name, BEDROCK), None)
        seen: set[tuple[str, str]] = set()
        for index, one in numbered(bound):
            yield from _bound(parts, (*place, name, index), one, model, name)
            yield from _again(parts, (*place, name, index), one, seen)


@where_readable
def _again(parts: Parts, place: Place, one: BoundProfile, seen: set[tuple[str, str]]) -> Iterator[Problem]:
    if (one.profile, one.region) in seen:
        yield parts.problem(
            "workspace", place, "this place stands here a second time", "remove one of the two"
        )
    seen.add((one.profile, one.region))


def _bound(
    parts: Parts, place: Place, one: BoundProfile, model: RegisteredModel | None, name: str
) -> Iterator[Problem]:
    yield from _arn(parts, (*place, "profile"), one)
    if model is not None:
        yield from _another(parts, (*place, "profile"), one, model, name)
        yield from _outside(parts, (*place, "region"), one, model, name)


@where_readable
def _arn(parts: Parts, place: Place, one: BoundProfile) -> Iterator[Problem]:
    if not one.profile.startswith("arn:"):
        return
    arn = _ARN.fullmatch(one.profile)
    if arn is None or (arn["account"] is None) != (arn["kind"] == "foundation-model"):
        what = f"`{one.profile[:100]}` is no ARN of a model or an inference profile"
        fix = "copy it from the console, such as `arn:aws:bedrock:REGION:ACCOUNT:inference-profile/ID`"
        yield parts.problem("workspace", place, what, fix)
    elif arn["region"] != one.region:
        what = f"the ARN is of `{arn['region']}`, and `{one.region}` is called"
        yield parts.problem("workspace", place, what, "write the region of the ARN, or the ARN of the region")


@where_readable
def _another(
    parts: Parts, place: Place, one: BoundProfile, model: RegisteredModel, name: str
) -> Iterator[Problem]:
    """Check that what is called is the model of the release."""
    called, known = _called(one.profile), _known(model)
    if called and called not in known:
        what = f"`{called[:100]}` is neither the `id` nor a profile of `{name}`"
        yield parts.problem("workspace", place, what, suggest(called, known))


def names_model(profile: str, model: ReleaseModel) -> bool:
    """Say whether a profile, or what an ARN names, is this model. Of an ARN that names none only AWS knows."""
    called = _called(profile)
    return not called or called in _known(model)


def _called(profile: str) -> str:
    """Return the ID that is called; empty for an ARN that names none."""
    arn = _ARN.fullmatch(profile)
    if profile.startswith("arn:"):
        return arn["id"] if arn is not None and arn["kind"] in _NAMED else ""
    return profile


def _known(model: ReleaseModel) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*model.called, model.id)))


@where_readable
def _outside(
    parts: Parts, place: Place, one: BoundProfile, model: RegisteredModel, name: str
) -> Iterator[Problem]:
    if one.region not in model.regions:
        what = f"`{name}` may not process data in `{one.region}`"
        yield parts.problem("workspace", place, what, suggest(one.region, list(model.regions)))


@where_readable
def _servers(parts: Parts, place: Place, servers: Mapping[str, OpenAIServer]) -> Iterator[Problem]:
    for name, server in servers.items():
        yield from _unregistered(parts, (*place, name), name, "openai")
        model = next(_registered(parts, name, "openai"), None)
        yield from _server(parts, (*place, name, "url"), server, model, name)


@where_readable
def _server(
    parts: Parts, place: Place, server: OpenAIServer, model: RegisteredModel | None, name: str
) -> Iterator[Problem]:
    found = address(server.url)
    if found is None:
        yield parts.problem("workspace", place, f"`{server.url[:100]}` cannot be called", _FIX)
    elif found.path.rstrip("/").endswith("/completions"):
        what = "the address goes on too far"
        yield parts.problem("workspace", place, what, "end it before `/chat/completions`")
    elif model is not None and LOCAL in model.regions and not is_loopback(found.hostname or ""):
        what = f"`{name}` runs on this machine by models.yaml, and `{found.hostname}` is another"
        yield parts.problem("workspace", place, what, "name the server's place in the model's `regions`")


@where_readable
def _unregistered(parts: Parts, place: Place, name: str, provider: str) -> Iterator[Problem]:
    if parts.models is None:
        return
    if name not in parts.models.models:
        what = f"`{name[:60]}` is no model of models.yaml"
        yield parts.problem("workspace", place, what, suggest(name, list(parts.models.models)), of_key=True)
    elif parts.models.models[name].provider != provider:
        what = f"`{name}` is a model of `{parts.models.models[name].provider}`"
        yield parts.problem("workspace", place, what, "bind it where it belongs, or remove it", of_key=True)


@where_readable
def _registered(parts: Parts, name: str, provider: str) -> Iterator[RegisteredModel]:
    """Yield the model of a name, unless there is a problem with that."""
    if parts.models and name in parts.models.models and parts.models.models[name].provider == provider:
        yield parts.models.models[name]
