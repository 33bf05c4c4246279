"""The way of a request: who calls, what for, is it valid, which model, what is the answer, how does it leave."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

from bedrock_simulator import converse_output, converse_rules, responses
from bedrock_simulator.catalogue import Catalogue, Found
from bedrock_simulator.control import Control
from bedrock_simulator.exchange import Conditions, Exchange, Outgoing, ServiceError, Speaker, Tokens
from bedrock_simulator.messages import Received, Reply
from bedrock_simulator.models import ServiceModels
from bedrock_simulator.permissions import check_permission
from bedrock_simulator.reading import Readers, json_body
from bedrock_simulator.record import Record, Request
from bedrock_simulator.routes import Route, Routes, region_of
from bedrock_simulator.scenario import Scenario
from bedrock_simulator.signatures import Authenticator
from bedrock_simulator.tokens import count_body, count_input

_log = logging.getLogger(__name__)
_CONVERSING = frozenset({"Converse", "ConverseStream"})
_WITH_MODEL = _CONVERSING | {"CountTokens", "InvokeModel"}


class Service:
    """Answers requests as a scenario has it."""

    def __init__(self, scenario: Scenario, speaker: Speaker, conditions: Conditions) -> None:
        models = ServiceModels()
        self._models = models
        self._routes = Routes(models)
        self._readers = Readers(models)
        self._authenticator = Authenticator(scenario.credentials, scenario.bearer_keys, _now)
        self._catalogue = Catalogue(scenario, lambda: _now().date())
        self._control = Control(scenario, self._catalogue)
        self._account = scenario.account
        self._region = scenario.region
        self._speaker = speaker
        self._conditions = conditions
        self.record = Record()

    async def answer(self, received: Received, reply: Reply) -> None:
        """Answer a request, whatever it is."""
        request = Request(
            method=received.method,
            path=received.path,
            headers=received.headers,
            size=len(received.body),
            reply=reply,
            region=region_of(received, self._region),
        )
        self.record.add(request)
        service = ""
        try:
            route = self._routes.route(received)
            service = route.operation.service
            exchange, input_tokens = self._understood(route, received, request)
            ticket = await self._conditions.admit(exchange, input_tokens)
        except ServiceError as error:
            request.error = error.code
            await _send(responses.failed(service, error), reply)
        except Exception as error:  # noqa: BLE001  # the edge: a mistake in here must neither hang nor end the server
            await _send(_mistake(service, request, error), reply)
        else:
            # INVARIANT: what was admitted is delivered, whatever the answer is: else its quota would stay taken.
            outgoing, tokens = self._answered(service, exchange, request)
            with suppress(ConnectionResetError):  # the client has left, which the reply knows
                await self._conditions.deliver(ticket, outgoing, tokens, reply)

    def _understood(self, route: Route, received: Received, request: Request) -> tuple[Exchange, int]:
        """Return a request that is authentic, valid and permitted, with its model, and its input tokens."""
        operation = route.operation
        request.operation = operation.name
        model = self._models.load(operation.service)
        self._authenticator.authenticate(received, model.signing_name, bearer=model.bearer)
        request.params = params = self._readers.read(route, received)
        check_permission(operation.name, params, self._account, request.region)
        input_tokens = _input_tokens(operation.name, params)
        found = self._model_of(operation.name, params, request.region)
        if found is not None:
            request.model_id = found.model_id
            if operation.name in _CONVERSING:
                converse_rules.check(params, found.model, input_tokens)
            if operation.name == "ConverseStream":
                converse_rules.check_streaming(found.model)
        exchange = Exchange(
            operation=operation.name,
            region=request.region,
            params=params,
            model_id=request.model_id,
            model=None if found is None else found.model,
            headers=received.headers,
        )
        return exchange, input_tokens

    def _model_of(self, operation: str, params: dict[str, Any], region: str) -> Found | None:
        if operation in _WITH_MODEL:
            return self._catalogue.find(params["modelId"], region)
        if operation == "Rerank":
            configured = params["rerankingConfiguration"]["bedrockRerankingConfiguration"]
            found = self._catalogue.find(configured["modelConfiguration"]["modelArn"], region)
            if found.model.kind != "rerank":
                told = (
                    f"The model {found.model_id} is no rerank model. Try again with a supported rerank model."
                )
                raise ServiceError("ValidationException", told, 400)
            return found
        return None

    def _answered(self, service: str, exchange: Exchange, request: Request) -> tuple[Outgoing, Tokens]:
        """Return the answer; an error of the speaker's is one too, because quota is reserved by now."""
        began = time.monotonic()
        try:
            return self._said(service, exchange, lambda: round((time.monotonic() - began) * 1_000))
        except ServiceError as error:
            request.error = error.code
            return responses.failed(service, error), Tokens()
        except Exception as error:  # noqa: BLE001  # the edge, as in `answer`
            return _mistake(service, request, error), Tokens()

    def _said(self, service: str, exchange: Exchange, elapsed: Callable[[], int]) -> tuple[Outgoing, Tokens]:
        if self._control.knows(exchange.operation):
            return responses.answered(service, exchange.operation, self._control.answer(exchange)), Tokens()
        if exchange.operation == "InvokeModel":
            asked = json_body(exchange.params["body"])
            body = self._speaker.invoke(exchange, asked)
            used = int(body.get("inputTextTokenCount", count_body(asked)))
            return responses.invoked(msgspec.json.encode(body), used, elapsed()), Tokens(input=used)
        if exchange.operation not in _CONVERSING:
            return responses.answered(service, exchange.operation, self._speaker.answer(exchange)), Tokens()
        said = self._speaker.converse(exchange)
        if exchange.operation == "Converse":
            return responses.spoken(converse_output.whole(said, exchange.params, elapsed())), said.tokens
        return responses.streamed(converse_output.frames(said, exchange.params, elapsed())), said.tokens


def _mistake(service: str, request: Request, error: Exception) -> Outgoing:
    """Return what the client is told of a mistake in here."""
    _log.error("a request could not be answered", exc_info=error)
    request.error = "InternalFailure"
    return responses.failed(service, ServiceError("InternalFailure", f"the simulator failed: {error!r}", 500))


async def _send(outgoing: Outgoing, reply: Reply) -> None:
    reply.start(outgoing.status, outgoing.headers, length=len(outgoing.body))
    await reply.write(outgoing.body)
    await reply.finish()


def _input_tokens(operation: str, params: dict[str, Any]) -> int:
    if operation in _CONVERSING:
        return count_input(params)
    if operation == "InvokeModel":
        return count_body(json_body(params["body"]))
    return 0


def _now() -> datetime:
    return datetime.now(UTC)
