"""Finds the operation of a request by method and path, and its region by the credential's scope or the host."""

import re
from urllib.parse import parse_qsl, unquote

from msgspec import Struct

from bedrock_simulator.exchange import ServiceError
from bedrock_simulator.messages import Received
from bedrock_simulator.models import AGENT_RUNTIME, CONTROL, QUOTAS, RUNTIME, STS, Operation, ServiceModels

ANSWERED: dict[str, frozenset[str]] = {
    RUNTIME: frozenset(
        {
            "ApplyGuardrail",
            "Converse",
            "ConverseStream",
            "CountTokens",
            "InvokeGuardrailChecks",
            "InvokeModel",
        }
    ),
    CONTROL: frozenset(
        {
            "GetFoundationModel",
            "GetFoundationModelAvailability",
            "GetGuardrail",
            "GetInferenceProfile",
            "GetModelInvocationLoggingConfiguration",
            "ListFoundationModels",
            "ListInferenceProfiles",
        }
    ),
    AGENT_RUNTIME: frozenset({"Rerank", "Retrieve"}),
    STS: frozenset({"GetCallerIdentity"}),
    QUOTAS: frozenset({"GetServiceQuota", "ListServiceQuotas"}),
}
"""What the simulator answers, by service; whatever else the services have is an unknown operation to it."""

_FIRST = {"model": RUNTIME, "guardrail": RUNTIME, "guardrail-checks": RUNTIME, "async-invoke": RUNTIME}
_FIRST |= {"knowledgebases": AGENT_RUNTIME, "rerank": AGENT_RUNTIME}
_SCOPE = re.compile(r"Credential=[^/,]+/\d{8}/([a-z0-9-]{1,32})/")
_HOST = re.compile(r"\.([a-z]{2}(?:-[a-z]+)+-\d)\.")


class Route(Struct, frozen=True):
    """The operation that a request asks for. `labels` are the parts of its path, decoded."""

    operation: Operation
    labels: dict[str, str]


class Routes:
    """The operations that are answered."""

    def __init__(self, models: ServiceModels) -> None:
        self._models = models

    def route(self, request: Received) -> Route:
        """Return what a request asks for. Raises `ServiceError` (404) where there is no such operation."""
        if request.path == "/" and request.method == "POST":
            return _answered(self._at_the_root(request), {})
        service = _FIRST.get(request.path.lstrip("/").partition("/")[0], CONTROL)
        matched = self._models.load(service).matching(request.method, request.path)
        if matched is None:
            raise ServiceError(
                "UnknownOperationException", f"no operation answers {request.method} {request.path}", 404
            )
        operation, raw = matched
        return _answered(operation, dict(zip(operation.labels, map(unquote, raw), strict=True)))

    def _at_the_root(self, request: Received) -> Operation:
        """Find the operation of a protocol that names it in a header or in the body: JSON 1.1, query."""
        service, name = QUOTAS, request.headers.get("x-amz-target", "").rpartition(".")[2]
        if not name:
            form = request.body.decode("utf-8", "replace") if len(request.body) < 1 << 16 else ""
            service, name = STS, dict(parse_qsl(form)).get("Action", "")
        operation = self._models.load(service).operations.get(name)
        if operation is None:
            raise ServiceError("UnknownOperationException", f"`{name}` is no operation of {service}", 404)
        return operation


def region_of(request: Received, otherwise: str) -> str:
    """Return the region that a request is for; `otherwise` where neither its credential nor its host names one."""
    scope = _SCOPE.search(request.headers.get("authorization", ""))
    if scope is not None:
        return scope[1]
    host = _HOST.search(request.headers.get("host", ""))
    return otherwise if host is None else host[1]


def _answered(operation: Operation, labels: dict[str, str]) -> Route:
    if operation.name not in ANSWERED[operation.service]:
        told = f"the simulator does not answer {operation.name} of {operation.service}"
        raise ServiceError("UnknownOperationException", told, 404)
    return Route(operation, labels)
