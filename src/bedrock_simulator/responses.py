"""Puts outputs and errors into the responses of their protocols: REST-JSON, JSON 1.1, and STS' XML."""

from collections.abc import Mapping
from email.utils import formatdate
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

import msgspec

from bedrock_simulator.event_stream import CONTENT_TYPE
from bedrock_simulator.exchange import Frame, Outgoing, ServiceError
from bedrock_simulator.models import QUOTAS, STS

Headers = tuple[tuple[str, str], ...]

_CORAL = (
    ":http://internal.amazon.com/coral/com.amazon.bedrock/"  # stands behind the type of an error, as with AWS
)
_XML = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
_STS_CODES = {
    "ExpiredTokenException": "ExpiredToken",
    "IncompleteSignatureException": "IncompleteSignature",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "UnrecognizedClientException": "InvalidClientTokenId",
}


def answered(service: str, operation: str, output: Mapping[str, Any]) -> Outgoing:
    """Return the response of an operation with one body."""
    if service == STS:
        members = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in output.items())
        body = f"<{operation}Response {_XML}><{operation}Result>{members}</{operation}Result>"
        return _xml(200, f"{body}{{request}}</{operation}Response>")
    return Outgoing(200, headers_of(_json_type(service)), msgspec.json.encode(output))


def invoked(body: bytes, input_tokens: int, latency_ms: int) -> Outgoing:
    """Return the response of InvokeModel, which tells of tokens and time in headers. An embedding has no output."""
    told = (
        ("x-amzn-bedrock-invocation-latency", str(latency_ms)),
        ("x-amzn-bedrock-input-token-count", str(input_tokens)),
        ("x-amzn-bedrock-output-token-count", "0"),
    )
    return Outgoing(200, headers_of("application/json") + told, body)


def spoken(body: bytes) -> Outgoing:
    """Return the response of Converse."""
    return Outgoing(200, headers_of("application/json"), body)


def streamed(frames: tuple[Frame, ...]) -> Outgoing:
    """Return the response of ConverseStream."""
    return Outgoing(200, headers_of(CONTENT_TYPE), frames=frames)


def failed(service: str, error: ServiceError) -> Outgoing:
    """Return the response of an error."""
    more = tuple(error.headers.items())
    if service == STS:
        code = _STS_CODES.get(error.code, error.code)
        fault = "Receiver" if error.status >= 500 else "Sender"
        told = f"<Error><Type>{fault}</Type><Code>{code}</Code><Message>{escape(error.message)}</Message></Error>"
        answer = _xml(error.status, f"<ErrorResponse {_XML}>{told}{{request}}</ErrorResponse>")
        return Outgoing(answer.status, answer.headers + more, answer.body)
    body: dict[str, Any] = {"message": error.message} | error.members
    if service == QUOTAS:
        body = {"__type": error.code} | body
    kind = (("x-amzn-errortype", error.code + _CORAL),)
    return Outgoing(error.status, headers_of(_json_type(service)) + kind + more, msgspec.json.encode(body))


def headers_of(content_type: str, request: str = "") -> Headers:
    """Return the headers that every response has."""
    return (
        ("date", formatdate(usegmt=True)),
        ("content-type", content_type),
        ("x-amzn-requestid", request or str(uuid4())),
    )


def _json_type(service: str) -> str:
    return "application/x-amz-json-1.1" if service == QUOTAS else "application/json"


def _xml(status: int, body: str) -> Outgoing:
    request = str(uuid4())
    told = f"<ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata>"
    if status != 200:
        told = f"<RequestId>{request}</RequestId>"
    return Outgoing(status, headers_of("text/xml", request), body.replace("{request}", told).encode())
