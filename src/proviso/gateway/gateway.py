"""The ASGI application: where a request comes in, and where its answer or its error leaves."""

import asyncio
import logging
import time
from contextlib import suppress

import msgspec
import uuid_utils

from proviso.access import KeyRefused, TokenRefused
from proviso.errors import NotFound, StoreUnavailable, Unavailable
from proviso.gateway.chat import read_chat
from proviso.gateway.completion import completion
from proviso.gateway.exchange import GUARDS, JSON, Exchange, Header, Receive, Scope, Send
from proviso.gateway.intake import Gone, identify, read_body
from proviso.gateway.leaving import CallerLeft, Watch
from proviso.gateway.native import read_question, result
from proviso.gateway.openapi import openapi
from proviso.gateway.pages import Pages
from proviso.gateway.parts import Parts, PendingRun
from proviso.gateway.problems import Dialect, Failure, WrongMethod, explain
from proviso.gateway.streams import ChatWriter, NativeWriter, stream
from proviso.settings import Settings
from proviso.types import Answer, Purpose, Served

CHAT = "/v1/chat/completions"
APPS = "/v1/apps/"
RUNS = "/runs"

_CALLER_LEFT = 499  # nginx's number for "client closed request"; it is only ever logged
_LAST_RUNS_S = 10.0  # how long runs that were cancelled at shutdown have to leave their record


class Gateway:
    """The HTTP door. `purpose` is what every run through this door is for; callers cannot choose it."""

    def __init__(self, parts: Parts, settings: Settings, *, purpose: Purpose = Purpose.LIVE) -> None:
        self._parts = parts
        self._limit = settings.max_body_bytes
        self._purpose = purpose
        self._draining = False
        self._in_flight = 0
        self._idle = asyncio.Event()  # set when the last request has left after `drain`
        self._pages = Pages(parts, self._not_ready, openapi)
        self._access = logging.getLogger("proviso.access")
        self._faults = logging.getLogger("proviso.gateway")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the server's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._exchange(Exchange(scope, receive, send))
        else:  # a websocket
            await send({"type": "websocket.close", "code": 1000})

    def drain(self) -> None:
        """Say `not ready` from now on, so that nothing new is sent here; what still comes is answered."""
        self._draining = True

    def _not_ready(self) -> str:
        return "shutting down" if self._draining else self._parts.not_ready()

    # --- the edge -----------------------------------------------------------------------------------

    async def _exchange(self, exchange: Exchange) -> None:
        self._in_flight += 1
        failure: Failure | None = None
        cause: Exception | None = None
        try:
            await self._dispatch(exchange)
        except (CallerLeft, Gone):
            exchange.status = _CALLER_LEFT
        except asyncio.CancelledError:
            await self._fail(exchange, Unavailable("the server is shutting down", fix="try again"))
            raise
        except Exception as error:  # noqa: BLE001  the edge: everything is answered and recorded here
            cause = error
            failure = await self._fail(exchange, error)
        finally:
            self._in_flight -= 1
            if self._draining and not self._in_flight:
                self._idle.set()
            if self._access.isEnabledFor(logging.INFO):
                self._access.info("%s", _line(exchange, failure, cause))

    async def _dispatch(self, exchange: Exchange) -> None:
        path = exchange.path
        if path == CHAT:
            exchange.dialect, exchange.route = Dialect.OPENAI, CHAT
            _post_only(exchange)
            await self._chat(exchange)
        elif path.startswith(APPS) and path.endswith(RUNS):
            exchange.route = "/v1/apps/{app}/runs"
            _post_only(exchange)
            await self._run(exchange, path[len(APPS) : -len(RUNS)])
        else:
            await self._pages(exchange)

    async def _fail(self, exchange: Exchange, error: BaseException) -> Failure | None:
        if isinstance(error, WrongMethod) and exchange.method == "OPTIONS":
            allow = error.allow.encode()
            await exchange.reply(204, b"", ((b"allow", allow),))
            return None
        failure = explain(error, exchange.dialect, str(uuid_utils.uuid7()))
        if isinstance(error, StoreUnavailable):
            away = {"event": "store_unavailable", "error": failure.id, "what": error.message}
            self._faults.error("%s", msgspec.json.encode(away).decode())
        if failure.status == 500:
            self._faults.error("%s", _fault(error, failure.id, exchange))
        if exchange.begun:  # the status has gone: the error is the last event
            name = b"" if exchange.dialect is Dialect.OPENAI else b"event: error\n"
            await exchange.last_piece(name + b"data: " + failure.body + b"\n\n")
        else:
            await exchange.reply(failure.status, failure.body, (*failure.headers, *GUARDS))
        return failure

    # --- the two dialects ---------------------------------------------------------------------------

    async def _chat(self, exchange: Exchange) -> None:
        principal = await identify(exchange.scope, self._parts)
        chat = read_chat(await read_body(exchange, self._limit), self._purpose)
        run = await self._parts.begin(chat.request, principal)
        _name(exchange, run, chat.request.app)
        if chat.request.stream:
            _settle(exchange, await stream(exchange, run, ChatWriter(run.id, chat), _marks(run)))
            return
        with Watch(exchange.receive):
            served = await run.serve()
        _settle(exchange, served)
        await exchange.reply(200, completion(served, chat.ignored), [*JSON, *_marks(run)])

    async def _run(self, exchange: Exchange, app: str) -> None:
        principal = await identify(exchange.scope, self._parts)
        if not app or "/" in app:
            raise NotFound("no such route", fix="`/openapi.json` lists the routes")
        request = read_question(app, await read_body(exchange, self._limit), self._purpose)
        run = await self._parts.begin(request, principal)
        _name(exchange, run, app)
        if request.stream:
            _settle(exchange, await stream(exchange, run, NativeWriter(), _marks(run)))
            return
        with Watch(exchange.receive):
            served = await run.serve()
        _settle(exchange, served)
        await exchange.reply(200, result(served), [*JSON, *_marks(run)])

    # --- the server's life --------------------------------------------------------------------------

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await self._parts.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.drain()
        # INVARIANT: the recorder closes after the last run has left its record.
        if self._in_flight:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), _LAST_RUNS_S)
        await self._parts.close()
        await send({"type": "lifespan.shutdown.complete"})


def _post_only(exchange: Exchange) -> None:
    if exchange.method != "POST":
        raise WrongMethod(exchange.method, "POST")


def _name(exchange: Exchange, run: PendingRun, app: str) -> None:
    # Only a name that has been resolved is logged: anything else is the caller's text.
    exchange.run, exchange.app = run.id, app


def _settle(exchange: Exchange, served: Served) -> None:
    if isinstance(served.outcome, Answer):
        exchange.outcome = "answer"
    else:
        exchange.outcome, exchange.reason = "refusal", served.outcome.reason


def _marks(run: PendingRun) -> list[Header]:
    headers = [(b"x-proviso-run", run.id.encode())]
    if run.unapproved:
        headers.append((b"x-proviso-unapproved", b"true"))
    return headers


def _line(exchange: Exchange, failure: Failure | None, cause: Exception | None) -> str:
    line = {
        "event": "request",
        "method": exchange.method[:16],
        "route": exchange.route or "-",
        "status": exchange.status,
        "duration_us": (time.perf_counter_ns() - exchange.started) // 1000,
    }
    if exchange.run:
        line |= {"run": exchange.run, "app": exchange.app, "outcome": exchange.outcome or "none"}
    if exchange.reason:
        line["reason"] = exchange.reason
    if failure is not None:
        line |= {"code": failure.code, "error": failure.id}
    if isinstance(cause, KeyRefused | TokenRefused):  # callers are not told which of the reasons it was
        line |= {"cause": cause.cause, "key": cause.key}
    return msgspec.json.encode(line).decode()


def _fault(error: BaseException, failure_id: str, exchange: Exchange) -> str:
    """Say where something broke. Messages and values stay out: they may quote a caller."""
    places, trace = [], error.__traceback__
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
        trace = trace.tb_next
    fault = {
        "event": "fault",
        "error": failure_id,
        "kind": type(error).__name__,
        "run": exchange.run,
        "trace": places[-12:],
    }
    return msgspec.json.encode(fault).decode()
