"""The service's own exceptions: instead of an answer, and as frames in the middle of a stream."""

import json
from collections.abc import Mapping
from typing import Any

from bedrock_simulator import event_stream
from bedrock_simulator.exchange import Exchange, Frame, ServiceError
from bedrock_simulator.scenario import Fault

_TOO_MANY = "Too many requests, please wait before trying again."
_AGAIN = "The system encountered an unexpected error during processing. Try your request again."

# kind → code, status, message
_EXCEPTIONS: Mapping[str, tuple[str, int, str]] = {
    "throttling": ("ThrottlingException", 429, _TOO_MANY),
    "retry-after": ("ThrottlingException", 429, _TOO_MANY),
    "quota-exceeded": (
        "ServiceQuotaExceededException",
        400,
        "Your request exceeds the service quota for your account.",
    ),
    "model-not-ready": (
        "ModelNotReadyException",
        429,
        "Model is not ready for inference. Wait and try your request again.",
    ),
    "unavailable": (
        "ServiceUnavailableException",
        503,
        "Too many connections, please wait before trying again.",
    ),
    "internal": ("InternalServerException", 500, _AGAIN),
    "model-timeout": (
        "ModelTimeoutException",
        408,
        "Model has timed out in processing the request. Try your request again.",
    ),
    "model-error": ("ModelErrorException", 424, _AGAIN),
    "access-denied": (
        "AccessDeniedException",
        403,
        "You don't have access to the model with the specified model ID.",
    ),
    "not-found": (
        "ResourceNotFoundException",
        404,
        "Could not resolve the foundation model from the provided model identifier.",
    ),
    "validation": ("ValidationException", 400, "The provided request is not valid."),
    "expired-token": ("ExpiredTokenException", 403, "The security token included in the request is expired"),
}

# kind → event, payload
_FRAMES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "stream-throttling": ("throttlingException", {"message": _TOO_MANY}),
    "stream-internal": ("internalServerException", {"message": _AGAIN}),
    "stream-unavailable": (
        "serviceUnavailableException",
        {"message": "The service isn't currently available. Try again later."},
    ),
    "stream-validation": ("validationException", {"message": "The model returned output that is not valid."}),
    "stream-model-error": (
        "modelStreamErrorException",
        {"message": _AGAIN, "originalStatusCode": 500, "originalMessage": "model container failed"},
    ),
}


def exception_of(fault: Fault, exchange: Exchange, time_scale: float) -> ServiceError | None:
    """Return the exception that comes instead of an answer, where the fault is one."""
    if fault.kind not in _EXCEPTIONS:
        return None
    code, status, message = _EXCEPTIONS[fault.kind]
    members: dict[str, Any] = {}
    headers: dict[str, str] = {}
    if fault.kind == "model-error":
        members = {"originalStatusCode": 500, "resourceName": exchange.model_id}
    if fault.kind == "retry-after":
        headers = {"x-amz-retry-after": str(round(fault.seconds * time_scale * 1_000))}
    return ServiceError(code, message, status, members, headers)


def outage() -> ServiceError:
    """Return what a region answers that is out."""
    return ServiceError("ServiceUnavailableException", "Bedrock is unable to process your request.", 503)


def exception_frame(kind: str) -> Frame | None:
    """Return the frame that ends a stream, where the fault is one."""
    if kind == "stream-error":
        headers = ((":error-code", "InternalFailure"), (":error-message", _AGAIN), (":message-type", "error"))
        return Frame("error", event_stream.frame(headers, b""))
    if kind not in _FRAMES:
        return None
    event, payload = _FRAMES[kind]
    return Frame(event, event_stream.exception(event, json.dumps(payload).encode()))
