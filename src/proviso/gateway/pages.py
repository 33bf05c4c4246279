"""The routes that are in no hurry: apps, records of runs, health, the API's description."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from proviso.errors import NotFound, NotReady, UnknownApp, UnknownRun
from proviso.gateway.exchange import GUARDS, Exchange, Receive, Scope, Send
from proviso.gateway.intake import identify
from proviso.gateway.parts import Parts, ReleaseCard
from proviso.gateway.problems import Dialect, WrongMethod
from proviso.ledger import RunRecord
from proviso.types import Principal

_RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_GUARDS = {name.decode(): value.decode() for name, value in GUARDS}
_MODELS = "/v1/models"
_EMPTY = "empty"  # what a caller is told of a search that found nothing, whatever the reason


class AppPart(Struct, frozen=True):
    """What Proviso adds to a model of the OpenAI dialect."""

    summary: str
    release: str
    terms: str
    unapproved: bool


class AppModel(Struct, frozen=True):
    """An app that the caller may use; send its `id` as `model`. `created`: since when it is served here."""

    id: str
    created: int
    proviso: AppPart
    object: Literal["model"] = "model"
    owned_by: Literal["proviso"] = "proviso"


class AppList(Struct, frozen=True):
    """The apps that the caller may use."""

    data: tuple[AppModel, ...]
    object: Literal["list"] = "list"


class Health(Struct, frozen=True):
    """The process runs."""

    status: Literal["ok"] = "ok"


class Readiness(Struct, frozen=True):
    """The process answers questions."""

    status: Literal["ready"] = "ready"


class Welcome(Struct, frozen=True):
    """What this is, and where things are."""

    chat: str = "POST /v1/chat/completions"
    apps: str = "GET /v1/models"
    runs: str = "POST /v1/apps/{app}/runs"
    record: str = "GET /v1/runs/{run}"
    health: str = "GET /healthz"
    readiness: str = "GET /readyz"
    description: str = "GET /openapi.json"
    about: str = (
        "Proviso answers questions from approved documents under a contract; send a key as a bearer token."
    )


class Pages:
    """The cold routes as one ASGI-like callable; `describe` gives the API's OpenAPI document."""

    def __init__(
        self, parts: Parts, not_ready: Callable[[], str], describe: Callable[[], Mapping[str, Any]]
    ) -> None:
        self._parts = parts
        self._not_ready = not_ready
        self._describe = describe
        self._description: bytes | None = None
        self._since = parts.clock() // 1_000_000
        self.routes = (
            Route("/", self.welcome),
            Route("/healthz", self.health),
            Route("/readyz", self.readiness),
            Route("/openapi.json", self.description),
            Route(_MODELS, self.apps),
            Route(f"{_MODELS}/{{app}}", self.app),
            Route("/v1/runs/{run}", self.run),
        )
        self._router = Router(self.routes, redirect_slashes=False, default=_nowhere)

    async def __call__(self, exchange: Exchange) -> None:
        """Answer, or raise what went wrong."""
        scope = exchange.scope
        if exchange.path == _MODELS or exchange.path.startswith(f"{_MODELS}/"):
            exchange.dialect = Dialect.OPENAI
        scope["app"] = self  # Starlette then raises for a wrong method, rather than answer in plain text
        try:
            await self._router(scope, exchange.receive, exchange.send)
        except HTTPException as error:
            raise _wrong_method(exchange.method, error) from None
        finally:
            route = scope.get("route")
            exchange.route = route.path if isinstance(route, Route) else ""

    async def welcome(self, request: Request) -> Response:
        """Say what this is."""
        return _json(Welcome())

    async def health(self, request: Request) -> Response:
        """Say that the process runs."""
        return _json(Health())

    async def readiness(self, request: Request) -> Response:
        """Say whether questions are answered, or what is missing."""
        if missing := self._not_ready():
            raise NotReady(missing, fix="send requests elsewhere until this is ready")
        return _json(Readiness())

    async def description(self, request: Request) -> Response:
        """Give the OpenAPI document."""
        if self._description is None:
            self._description = msgspec.json.encode(self._describe())
        return _reply(self._description)

    async def apps(self, request: Request) -> Response:
        """List the apps that the caller may use."""
        usable = self._parts.usable(await self._caller(request))
        return _json(AppList(tuple(self._model(release) for release in usable)))

    async def app(self, request: Request) -> Response:
        """Describe one app that the caller may use."""
        name = request.path_params["app"]
        for release in self._parts.usable(await self._caller(request)):
            if release.app == name:
                return _json(self._model(release))
        raise UnknownApp(f"no app `{name[:64]}`", fix=f"`GET {_MODELS}` lists the apps that you may use")

    async def run(self, request: Request) -> Response:
        """Give the record of a run to its caller and to the roles that the app's terms name."""
        caller = await self._caller(request)
        run_id = request.path_params["run"].lower()
        stored = await self._parts.read_run(run_id) if _RUN_ID.fullmatch(run_id) else None
        # INVARIANT: a run that may not be read and a run that does not exist give the same reply.
        reader = stored is not None and self._parts.may_read_any(caller, stored)
        if stored is None or not (reader or self._parts.may_read_own(caller, stored)):
            raise UnknownRun(
                "no run of that ID that you may read", fix="check the ID, and that the key is its caller's"
            )
        return _json(stored if reader else _for_caller(stored))

    async def _caller(self, request: Request) -> Principal:
        return await identify(request.scope, self._parts)

    def _model(self, release: ReleaseCard) -> AppModel:
        part = AppPart(release.summary, release.digest, release.terms.digest, release.unapproved)
        return AppModel(release.app, self._since, part)


def _for_caller(record: RunRecord) -> RunRecord:
    """Return a record without what only auditors may know: whether documents that the caller may not read matched."""
    if record.finished is None or not record.finished.retrieval_empty:
        return record
    return replace(record, finished=replace(record.finished, retrieval_empty=_EMPTY))


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    raise NotFound("no such route", fix="`/openapi.json` lists the routes")


def _wrong_method(method: str, error: HTTPException) -> WrongMethod:
    allow = (error.headers or {}).get("Allow", "GET")
    return WrongMethod(method, ", ".join(sorted(allow.split(", "))))


def _json(value: Struct) -> Response:
    return _reply(msgspec.json.encode(value))


def _reply(body: bytes) -> Response:
    return Response(body, headers=_GUARDS, media_type="application/json")
