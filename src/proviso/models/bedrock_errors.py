"""What Bedrock's errors mean: as responses, and as frames of a stream."""

import re
from typing import Final

import msgspec
from msgspec import Struct

from proviso.aws import Event, HttpResponse, TransportFailed
from proviso.models.failure import CallFailed, Kind
from proviso.models.responses import UNREADABLE, kind_by_status, retry_after_s, shortened
from proviso.types import Usage

# By the names of the service model and of what stands before every AWS service.
_BY_CODE: Final = {
    "ThrottlingException": Kind.THROTTLED,
    "TooManyRequestsException": Kind.THROTTLED,
    "ServiceQuotaExceededException": Kind.QUOTA,
    "ModelNotReadyException": Kind.NOT_READY,
    "ServiceUnavailableException": Kind.UNAVAILABLE,
    "InternalServerException": Kind.INTERNAL,
    "InternalFailure": Kind.INTERNAL,
    "ModelTimeoutException": Kind.MODEL_TIMEOUT,
    "ModelErrorException": Kind.MODEL_ERROR,
    "ModelStreamErrorException": Kind.MODEL_ERROR,
    "AccessDeniedException": Kind.DENIED,
    "UnrecognizedClientException": Kind.DENIED,
    "InvalidSignatureException": Kind.DENIED,
    "IncompleteSignatureException": Kind.DENIED,
    "MissingAuthenticationTokenException": Kind.DENIED,
    "InvalidClientTokenId": Kind.DENIED,
    "OptInRequired": Kind.DENIED,
    "ExpiredTokenException": Kind.EXPIRED,
    "ExpiredToken": Kind.EXPIRED,
    "ResourceNotFoundException": Kind.NOT_FOUND,
    "ValidationException": Kind.INVALID,
}
# What one code stands for besides, by its message.
_BESIDES: Final = (
    (Kind.THROTTLED, re.compile(r"per day|daily", re.IGNORECASE), Kind.QUOTA),
    (Kind.DENIED, re.compile(r"token (has|is) expired", re.IGNORECASE), Kind.EXPIRED),
    (Kind.INVALID, re.compile(r"model identifier is invalid", re.IGNORECASE), Kind.NOT_FOUND),
)
# A message about a value repeats it, and it may be the words of a person.
_VALUE: Final = re.compile(r"Value '(?:.*' at|.*)", re.DOTALL)
_MOST_READ: Final = 10_000  # characters of a message


class _Error(Struct):
    """An error's body; AWS's services do not agree on how the names are written."""

    type: str = msgspec.field(name="__type", default="")
    code: str = ""
    message: str = ""
    upper: str = msgspec.field(name="Message", default="")


_ERROR: Final = msgspec.json.Decoder(_Error)
_NOTHING: Final = _Error()


async def failure_of(response: HttpResponse) -> CallFailed:
    """The failure that a response other than 200 stands for. What is no error of AWS goes by its status alone."""
    try:
        error = _read(await response.read())
    except TransportFailed:
        error = _NOTHING
    headers = response.headers
    code = _bare(headers.get("x-amzn-errortype") or error.type or error.code)
    said = error.message or error.upper
    kind = _kind(_BY_CODE.get(code) or kind_by_status(response.status), said)
    words = f"{response.status} {code}".rstrip()
    request = headers.get("x-amzn-requestid", "")
    suffix = f" (request {shortened(request)})" if request else ""
    # An error of the service model is answered before anything is charged; a model's own may have cost.
    return CallFailed(kind, f"answered {_told(words, said)}{suffix}", retry_after_s=retry_after_s(headers))


def failure_in_stream(event: Event, usage: Usage | None) -> CallFailed:
    """The failure that a frame of a stream stands for, which is no event."""
    said = _read(event.payload).message
    if event.kind == "error":
        message = event.headers.get(":error-message", "")
        said = message if isinstance(message, str) else ""
    # A frame's name begins with a small letter, where the error's does not.
    code = event.name[:1].upper() + event.name[1:]
    kind = _kind(_BY_CODE.get(code, Kind.INTERNAL), said)
    return CallFailed(kind, f"broke off with {_told(shortened(event.name), said)}", usage=usage)


def _kind(kind: Kind, said: str) -> Kind:
    for usual, words, rather in _BESIDES:
        if kind is usual and words.search(said):
            return rather
    return kind


def _told(words: str, said: str) -> str:
    return f"{words}: {shortened(_VALUE.sub('a value at', said[:_MOST_READ]))}" if said else words


def _read(body: bytes) -> _Error:
    try:
        return _ERROR.decode(body)
    except UNREADABLE:
        return _NOTHING


def _bare(code: str) -> str:
    """`ThrottlingException` out of `aws.protocol#ThrottlingException:http://internal.amazon.com/`."""
    return shortened(code.partition(":")[0].rpartition("#")[2])
