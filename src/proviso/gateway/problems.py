"""Every error in the shape of its dialect: one mapping from `ProvisoError` to status, headers and body.

The OpenAI dialect has `{"error": {"message", "type", "param", "code"}}`, everything else RFC 9457's
`application/problem+json`. A status of 500 says nothing but an ID; the log has the rest.
"""

from enum import StrEnum
from typing import Literal

import msgspec
from msgspec import Struct

from proviso.errors import (
    BadRequest,
    MethodNotAllowed,
    ProvisoError,
    RequestError,
    StoreUnavailable,
    TooLarge,
    TooMany,
    Unauthenticated,
)


class Dialect(StrEnum):
    """Who is asking: it decides the shape of errors and streams."""

    OPENAI = "openai"
    NATIVE = "native"


class UnsupportedMediaType(RequestError):
    """A body that is not JSON by its own account."""

    code = "unsupported_media_type"
    status = 415


class BodyTimeout(RequestError):
    """A body that did not arrive in time."""

    code = "body_timeout"
    status = 408


class EndlessBody(TooLarge):
    """A body so far over the limit, or of so unknown a length, that its connection is not worth keeping."""


class WrongMethod(MethodNotAllowed):
    """The route exists; `allow` are the methods that it takes."""

    def __init__(self, method: str, allow: str) -> None:
        super().__init__(f"this route does not take `{method[:16]}`", fix=f"use {allow}")
        self.allow = allow


class InternalError(ProvisoError):
    """Something unexpected: its ID leads to the log, nothing else leaves."""

    code = "internal_error"
    status = 500


class OpenAIErrorBody(Struct, frozen=True):
    """An error as clients of the OpenAI dialect read it; `param` is a JSON path of the body."""

    message: str
    type: Literal[
        "invalid_request_error",
        "authentication_error",
        "permission_error",
        "rate_limit_error",
        "server_error",
    ]
    param: str | None
    code: str


class OpenAIError(Struct, frozen=True):
    """The envelope of the OpenAI dialect."""

    error: OpenAIErrorBody


class Problem(Struct, frozen=True, omit_defaults=True):
    """Problem details (RFC 9457), with a stable `code`, the `fix`, and the JSON path `where` of the body."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    fix: str = ""
    where: str = ""


class Failure(Struct, frozen=True):
    """An error, ready to leave. `body` is one line of JSON."""

    status: int
    code: str
    id: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def explain(error: BaseException, dialect: Dialect, failure_id: str) -> Failure:
    """Put an error into its dialect; of what we did not foresee only an `InternalError` leaves."""
    known = error if isinstance(error, ProvisoError) and error.status != 500 else _internal(failure_id)
    if isinstance(known, StoreUnavailable):  # its own words name paths and hosts: they are for the log
        known = StoreUnavailable("the store cannot be reached or written now", fix="try again in a second")
    body = _openai(known) if dialect is Dialect.OPENAI else _problem(known, failure_id)
    media = b"application/json" if dialect is Dialect.OPENAI else b"application/problem+json"
    headers = ((b"content-type", media), (b"x-proviso-error", failure_id.encode()), *_headers(known))
    return Failure(known.status, known.code, failure_id, headers, msgspec.json.encode(body))


def _internal(failure_id: str) -> InternalError:
    return InternalError(
        f"something went wrong here; its ID is `{failure_id}`",
        fix="try again, and give the ID to whoever runs this",
    )


def _openai(error: ProvisoError) -> OpenAIError:
    message = f"{error.message}; {error.fix}" if error.fix else error.message
    where = _where(error)
    return OpenAIError(OpenAIErrorBody(message, _type(error.status), where or None, error.code))


def _type(
    status: int,
) -> Literal[
    "invalid_request_error", "authentication_error", "permission_error", "rate_limit_error", "server_error"
]:
    if status == 401:
        return "authentication_error"
    if status == 403:
        return "permission_error"
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"


def _problem(error: ProvisoError, failure_id: str) -> Problem:
    return Problem(
        type=f"urn:proviso:error:{error.code}",
        title=error.code.replace("_", " "),
        status=error.status,
        detail=error.message,
        code=error.code,
        instance=f"urn:uuid:{failure_id}",
        fix=error.fix,
        where=_where(error),
    )


def _where(error: ProvisoError) -> str:
    return error.where if isinstance(error, BadRequest) else ""


def _headers(error: ProvisoError) -> tuple[tuple[bytes, bytes], ...]:
    if isinstance(error, Unauthenticated):
        return ((b"www-authenticate", b'Bearer realm="proviso"'),)
    if isinstance(error, WrongMethod):
        return ((b"allow", error.allow.encode()),)
    if isinstance(error, TooMany):
        return ((b"retry-after", b"%d" % error.retry_after_s),)
    if error.status == 503:
        return ((b"retry-after", b"1"),)
    if isinstance(error, BodyTimeout | EndlessBody):  # the rest of the body may come for ever
        return ((b"connection", b"close"),)
    return ()
