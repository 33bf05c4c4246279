"""Look at a workspace, its machine and its accounts, step by step: can its apps be served, and what is in the way."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from proviso.app import account as accounts
from proviso.app import model_server
from proviso.app.account import Account, Bound
from proviso.app.diagnosis import Check, failed, ok, skipped
from proviso.app.diagnosis_bedrock import Keeping, Spot
from proviso.app.hosting import Hosting, open_credentials
from proviso.app.machine import Machine, disk_check, extras_check, store_check
from proviso.app.model_server import Served
from proviso.app.wiring import load
from proviso.aws import Transport, open_transport
from proviso.contract import (
    App,
    BedrockBinding,
    EnvironmentBinding,
    MemoryBlobs,
    RegisteredModel,
    Terms,
    load_terms,
    roles_of,
    save_terms,
)
from proviso.errors import InvalidWorkspace, NotReady, ProvisoError
from proviso.settings import Settings

_BUILT_IN: Final = "extractive"
_SHOWN: Final = 3  # problems of an invalid workspace


class _Patient(Struct, frozen=True):
    """What is looked at: apps, the hosted models that they use, and what each may keep."""

    settings: Settings
    machine: Machine
    apps: Sequence[App]
    models: dict[str, RegisteredModel]  # those to look at, by name
    binding: EnvironmentBinding
    terms: Terms
    calls: bool

    @property
    def environment(self) -> str:
        """The environment's name."""
        return self.settings.environment.value

    def keeping(self, names: set[str]) -> list[Keeping]:
        """Return what the apps that use one of these models may keep."""
        return [_keeping(app) for app in self.apps if names.intersection(_used(app))]


async def diagnose(
    root: Path, settings: Settings, names: Sequence[str], machine: Machine, *, calls: bool
) -> AsyncIterator[Check]:
    """Yield the checks of a workspace, its machine and the settings' environment, as they are made.

    `names`: the apps, none for all and for every model that is bound. `calls`: whether models are called.
    """
    apps, check = _workspace(root, names)
    yield check
    yield await asyncio.to_thread(store_check, root, settings)
    yield disk_check(root, settings, apps, machine)
    if not apps:
        yield skipped("environment", "`workspace` failed" if apps is None else "there is no app")
        return
    binding = _binding(apps[0], settings)
    yield extras_check(apps, settings, binding)
    patient = _Patient(
        settings,
        machine,
        apps,
        _models(apps, binding, everything=not names),
        binding,
        load_terms(save_terms(apps[0], blobs := MemoryBlobs()), blobs),
        calls,
    )
    async for check in _environment(patient):
        yield check


def _workspace(root: Path, names: Sequence[str]) -> tuple[list[App] | None, Check]:
    try:
        apps = load(root, names)
    except InvalidWorkspace as error:
        first = "; ".join(f"{one.at} {one.what}" for one in error.problems[:_SHOWN])
        more = f", and {len(error.problems) - _SHOWN} more" if len(error.problems) > _SHOWN else ""
        fix = (
            error.problems[0].fix
            if len(error.problems) == 1
            else "run `proviso check`, which tells all problems"
        )
        return None, failed("workspace", f"invalid: {first}{more}", fix)
    except ProvisoError as error:
        return None, failed("workspace", error.message, error.fix)
    return apps, ok("workspace", f"valid, with {', '.join(f'`{app.name}`' for app in apps) or 'no app'}")


def _binding(app: App, settings: Settings) -> EnvironmentBinding:
    bindings = app.workspace.environments
    return next((bindings[name] for name in bindings if name == settings.environment), EnvironmentBinding())


def _models(
    apps: Sequence[App], binding: EnvironmentBinding, *, everything: bool
) -> dict[str, RegisteredModel]:
    """Return the hosted models that the apps use; with `everything` also what is bound and used by none."""
    names = [name for app in apps for name in _used(app)]
    if everything:
        names += [*(binding.bedrock.models if binding.bedrock is not None else ()), *binding.openai]
    register = apps[0].models.models
    return {name: register[name] for name in names if register[name].provider != _BUILT_IN}


def _used(app: App) -> list[str]:
    return [name for names in roles_of(app).values() for name in names]


def _keeping(app: App) -> Keeping:
    monitoring = app.contract.monitoring
    return Keeping(app.name, monitoring.log, monitoring.never_store, monitoring.retention.payload)


async def _environment(patient: _Patient) -> AsyncIterator[Check]:
    if not patient.models:
        yield skipped("environment", f"`{patient.environment}` calls no hosted model")
        return
    async with AsyncExitStack() as stack:
        hosting = Hosting(patient.settings, patient.machine.environ)
        stack.push_async_callback(hosting.close)
        bedrock = {name: one for name, one in patient.models.items() if one.provider == "bedrock"}
        if bedrock:
            async for check in _bedrock(patient, bedrock, hosting, stack):
                yield check
        for name, model in patient.models.items():
            if name not in bedrock:
                async for check in _server(patient, name, model, hosting, stack):
                    yield check


async def _bedrock(
    patient: _Patient, models: dict[str, RegisteredModel], hosting: Hosting, stack: AsyncExitStack
) -> AsyncIterator[Check]:
    """Yield the checks of every region that Bedrock is called in."""
    where, binding = patient.environment, patient.binding.bedrock
    if binding is None:
        named = ", ".join(f"`{name}`" for name in models)
        fix = f"say where under `environments.{where}.bedrock` in proviso.yaml"
        yield replace(
            failed("binding", f"{named} is of Bedrock, and `{where}` does not call it", fix), where=where
        )
        return
    try:
        account = _account(patient, binding, _transport(binding.transport, stack))
    except ProvisoError as error:
        yield replace(failed("credentials", error.message, error.fix), where=where)
        yield replace(skipped("region", "`credentials` failed"), where=where)
        return
    bound: list[Bound] = []
    for name, model in models.items():
        try:
            bound += _bound(patient, name, model, hosting)
        except NotReady as error:
            yield replace(failed("binding", error.message, error.fix), where=f"{where} {name}")
    for region in dict.fromkeys(one.spot.region for one in bound):
        here = [one for one in bound if one.spot.region == region]
        keeping = patient.keeping({one.spot.name for one in here})
        async for check in accounts.walk(account, region, here, keeping):
            yield check


def _account(patient: _Patient, binding: BedrockBinding, transport: Transport) -> Account:
    machine = patient.machine
    return Account(
        environment=patient.environment,
        transport=transport,
        credentials=open_credentials(binding.credentials, machine.environ),
        endpoint=binding.endpoint.rstrip("/"),
        now=machine.now,
        calls=patient.calls,
    )


def _transport(kind: Literal["lean", "aiohttp", "botocore"], stack: AsyncExitStack) -> Transport:
    transport = open_transport(kind)
    stack.push_async_callback(transport.close)
    return transport


def _bound(patient: _Patient, name: str, model: RegisteredModel, hosting: Hosting) -> list[Bound]:
    return [
        Bound(Spot(name, endpoint.target.model, endpoint.target.region, per_minute), model, endpoint)
        for endpoint, per_minute in hosting.endpoints(name, model, patient.terms)
    ]


async def _server(
    patient: _Patient, name: str, model: RegisteredModel, hosting: Hosting, stack: AsyncExitStack
) -> AsyncIterator[Check]:
    """Yield the checks of the server of one model."""
    where, servers = patient.environment, patient.binding.openai
    if name not in servers:
        fix = f"say where under `environments.{where}.openai.{name}` in proviso.yaml"
        yield replace(failed("binding", f"`{where}` does not say where `{name}` is", fix), where=where)
        return
    server = servers[name]
    key = patient.machine.environ.get(server.key, "") if server.key else ""
    try:
        transport = _transport("lean", stack)
        endpoint = None if server.key and not key else next(hosting.endpoints(name, model, patient.terms))[0]
    except NotReady as error:
        yield replace(failed("server", error.message, error.fix), where=f"{where} {name}")
        return
    served = Served(name, model, server, key, endpoint)
    async for check in model_server.walk(where, served, transport, calls=patient.calls):
        yield check
