"""What comes in: the caller's identity, and the body, read within limits; mistakes are named by JSON path."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TypeVar

import msgspec

from proviso.access import USER_TOKEN_HEADER
from proviso.errors import BadRequest, TooLarge, Unauthenticated
from proviso.gateway.exchange import Exchange, Header, Receive, Scope
from proviso.gateway.parts import Parts
from proviso.gateway.problems import BodyTimeout, EndlessBody, UnsupportedMediaType
from proviso.types import Principal

T = TypeVar("T")

BODY_TIMEOUT_S = 30.0  # from the head of a request to the end of its body
# What a refused body still sends is read and dropped, so that the caller sees why; up to this many limits.
_PATIENCE = 16
_DIGITS = 18  # of a length that any machine could mean
_SHORTER = "send less history, or a shorter question"
_MEANT = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_NO_CHOICES: Mapping[str, str] = MappingProxyType({})
_EXPECTED = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_FIELD = re.compile(r"Object (missing required|contains unknown) field `([^`]*)`")
_BYTE = re.compile(r" \(byte (\d+)\)")


class Gone(ConnectionError):
    """The caller hung up before its request was whole."""


async def identify(scope: Scope, parts: Parts) -> Principal:
    """Return who is calling; raise `Unauthenticated`, or `BadRequest` for more than one credential."""
    bearer, user_token = _credentials(scope["headers"])
    known = parts.known(bearer, user_token)
    if known is not None:
        return known
    client = scope.get("client")
    return await parts.authenticate(bearer, client[0] if client else "", user_token)


def _credentials(headers: Iterable[Header]) -> tuple[str, str | None]:
    """Return the bearer token, and the token of the user for whom a service asks."""
    sent, users = [], []
    for name, value in headers:
        if name == b"authorization":
            sent.append(value)
        elif name == USER_TOKEN_HEADER:
            users.append(value)
    if len(sent) > 1 or len(users) > 1:  # a proxy in front may have checked another one than we would
        twice = "authorization" if len(sent) > 1 else USER_TOKEN_HEADER.decode()
        raise BadRequest(f"more than one `{twice}` header was sent", fix="send one")
    scheme, _, token = (sent[0] if sent else b"").partition(b" ")
    token = token.strip()
    if scheme.lower() != b"bearer" or not token or not token.isascii():
        raise Unauthenticated(
            "no API key was sent", fix="send `authorization: Bearer <key>`; see `proviso keys create`"
        )
    # Latin-1 decodes any byte; what is no token is refused as one.
    return token.decode("ascii"), users[0].decode("latin-1") if users else None


async def read_body(exchange: Exchange, limit: int, within_s: float = BODY_TIMEOUT_S) -> bytes:
    """Return the body of a JSON request, at most `limit` bytes; raise what is wrong with it."""
    _check_head(exchange, limit)
    try:
        async with asyncio.timeout(within_s):
            return await _gather(exchange.receive, limit)
    except TimeoutError:
        raise BodyTimeout(
            "the body did not arrive in time", fix=f"send it within {within_s:.0f} seconds of its head"
        ) from None


def _check_head(exchange: Exchange, limit: int) -> None:
    headers = exchange.headers
    media = headers.get(b"content-type", b"")
    if media != b"application/json":  # the usual case needs no parsing
        name, *parameters = media.lower().split(b";")
        if name.strip() != b"application/json" or not all(map(_keeps_utf_8, parameters)):
            raise UnsupportedMediaType(
                "the body must be JSON in UTF-8", fix="send `content-type: application/json`"
            )
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise UnsupportedMediaType(
            "compressed bodies are not taken", fix="send the body without `content-encoding`"
        )
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit() or len(declared) > _DIGITS or int(declared) > limit * _PATIENCE:
        raise _endless(limit)
    if int(declared) > limit:
        raise TooLarge(_over(limit), fix=_SHORTER)


def _keeps_utf_8(parameter: bytes) -> bool:
    """Whether a parameter of the media type leaves the body what it is; JSON defines none (RFC 8259)."""
    name, _, value = parameter.partition(b"=")
    return name.strip() != b"charset" or value.strip(b' \t"') == b"utf-8"


async def _gather(receive: Receive, limit: int) -> bytes:
    message = await receive()
    if message["type"] != "http.request":
        raise Gone
    body: bytes = message.get("body", b"")
    if len(body) > limit:
        raise _endless(limit)
    if not message.get("more_body", False):
        return body
    pieces, size = [body], len(body)
    while message.get("more_body", False):
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise _endless(limit)
        pieces.append(piece)
    return b"".join(pieces)


def _endless(limit: int) -> EndlessBody:
    return EndlessBody(_over(limit), fix=_SHORTER)


def _over(limit: int) -> str:
    return f"the body is larger than {limit} bytes"


def decode(decoder: msgspec.json.Decoder[T], body: bytes, choices: Mapping[str, str] = _NO_CHOICES) -> T:
    """Decode a body; raise `BadRequest` with the JSON path and the fix.

    `choices`: by the name of a field that takes only some values, those values in words.
    """
    if not body:
        raise BadRequest("the body is empty", fix="send a JSON object")
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _explain(str(error), choices) from None
    except msgspec.DecodeError as error:
        at = _BYTE.search(str(error))
        place = f" at byte {at[1]}" if at else ": it ends too early, or a text in it is broken"
        raise BadRequest(f"the body is not JSON{place}", fix="send one JSON object") from None
    except UnicodeDecodeError:
        raise BadRequest("the body is not UTF-8", fix="encode the JSON as UTF-8") from None
    except RecursionError:
        raise BadRequest("the body is nested too deeply", fix="send a flatter JSON object") from None


def _explain(message: str, choices: Mapping[str, str]) -> BadRequest:
    what, _, path = message.partition(" - at `")
    where = path.rstrip("`") or "$"
    if expected := _EXPECTED.fullmatch(what):
        wanted = " or ".join(_MEANT.get(word, word) for word in expected[1].split(" | "))
        found = _MEANT.get(expected[2], expected[2])
        return BadRequest(f"`{where}` must be {wanted}, not {found}", where=where, fix=f"send {wanted} there")
    if field := _FIELD.fullmatch(what):
        missing = field[1].startswith("missing")
        path = f"{where}.{field[2]}"
        if missing:
            return BadRequest(
                f"`{path}` is missing", where=path, fix="add it; `/openapi.json` has the whole form"
            )
        return BadRequest(
            f"`{path}` is not known here", where=path, fix="remove it; `/openapi.json` has the whole form"
        )
    if what.startswith("Invalid enum value") and (taken := choices.get(where.rpartition(".")[2])):
        return BadRequest(f"`{where}` must be {taken}", where=where, fix=f"send {taken} there")
    return BadRequest(
        f"`{where}`: {what[:1].lower()}{what[1:]}", where=where, fix="see `/openapi.json` for the form"
    )
