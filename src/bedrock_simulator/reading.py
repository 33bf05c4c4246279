"""Reads a request into the parameters of its operation: path, query, headers and body, all of them checked."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from bedrock_simulator.exchange import ServiceError
from bedrock_simulator.messages import Received
from bedrock_simulator.models import STS, Operation, ServiceModel, ServiceModels
from bedrock_simulator.routes import Route
from bedrock_simulator.validation import Check, Compiler, Problem, refusal, unreadable

_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Elsewhere(Struct, frozen=True):
    """A member that stands outside the body. `key`: what it is called there."""

    name: str
    key: str
    kind: str
    check: Check


class _Reader:
    """Reads the requests of one operation."""

    def __init__(self, model: ServiceModel, compiler: Compiler, operation: Operation) -> None:
        shape: dict[str, Any] = model.shapes[operation.input] if operation.input else {"members": {}}
        members: Mapping[str, dict[str, Any]] = shape["members"]
        self._places: dict[str, tuple[_Elsewhere, ...]] = {
            place: tuple(_elsewhere(model, compiler, members, place))
            for place in ("uri", "querystring", "header")
        }
        inside = {name: member["shape"] for name, member in members.items() if "location" not in member}
        self._payload: str | None = shape.get("payload")
        self._query_protocol = operation.service == STS
        required = tuple(shape.get("required", ()))
        self._body = compiler.structure(inside.items(), tuple(name for name in required if name in inside))
        self._elsewhere_required = tuple(name for name in required if name not in inside)
        self._longest = _longest(model, members, self._payload)

    def read(self, request: Received, labels: Mapping[str, str]) -> dict[str, Any]:
        found: list[Problem] = []
        params = self._read_body(request.body, found)
        query = dict(parse_qsl(request.query, keep_blank_values=True)) if request.query else {}
        for place, carried in (("uri", labels), ("querystring", query), ("header", request.headers)):
            for member in self._places[place]:
                if member.key in carried:
                    params[member.name] = _converted(carried[member.key], member.kind)
                    found += _at(member.name, member.check(params[member.name]) or ())
        missing = (name for name in self._elsewhere_required if name not in params)
        found += [
            problem for name in missing for problem in _at(name, [Problem(None, "Member must not be null")])
        ]
        if found:
            raise refusal(found)
        return params

    def _read_body(self, body: bytes, found: list[Problem]) -> dict[str, Any]:
        if self._payload is not None:  # a blob that is the whole body
            if len(body) > self._longest:
                told = f"Member must have length less than or equal to {self._longest}"
                found += _at(self._payload, [Problem(body, told)])
            return {self._payload: body}
        params = _form(body) if self._query_protocol else _json(body)
        found += self._body(params) or ()
        return dict(params)


class Readers:
    """The readers of the operations that have been asked for so far."""

    def __init__(self, models: ServiceModels) -> None:
        self._models = models
        self._compilers: dict[str, Compiler] = {}
        self._readers: dict[tuple[str, str], _Reader] = {}

    def read(self, route: Route, request: Received) -> dict[str, Any]:
        """Return the parameters of a request. Raises `ServiceError` (400) where they are not valid."""
        operation = route.operation
        key = (operation.service, operation.name)
        reader = self._readers.get(key)
        if reader is None:
            reader = self._readers[key] = self._compiled(operation)
        try:
            return reader.read(request, route.labels)
        except RecursionError as error:  # shapes that hold themselves, such as filters
            raise unreadable("the body is nested too deep") from error

    def _compiled(self, operation: Operation) -> _Reader:
        model = self._models.load(operation.service)
        compiler = self._compilers.get(operation.service)
        if compiler is None:
            compiler = self._compilers[operation.service] = Compiler(model.shapes)
        return _Reader(model, compiler, operation)


def json_body(body: bytes) -> dict[str, Any]:
    """Return the JSON object of InvokeModel. Raises `ServiceError` (400)."""
    try:
        parsed = msgspec.json.decode(body)
    except _NOT_JSON as error:
        raise _malformed() from error
    if not isinstance(parsed, dict):
        raise _malformed()
    return parsed


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body) if body else {}
    except _NOT_JSON as error:
        raise unreadable(f"the body is not JSON: {error}") from error


def _form(body: bytes) -> dict[str, str]:
    """Return the parameters of the query protocol, without what names the operation."""
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: value for name, value in pairs if name not in {"Action", "Version"}}


def _malformed() -> ServiceError:
    told = "Malformed input request, please reformat your input and try again."
    return ServiceError("ValidationException", told, 400)


def _elsewhere(
    model: ServiceModel, compiler: Compiler, members: Mapping[str, dict[str, Any]], place: str
) -> list[_Elsewhere]:
    found = []
    for name, member in members.items():
        if member.get("location") == place:
            key = member["locationName"]
            kind = model.shapes[member["shape"]]["type"]
            found.append(
                _Elsewhere(
                    name, key.lower() if place == "header" else key, kind, compiler.check(member["shape"])
                )
            )
    return found


def _longest(model: ServiceModel, members: Mapping[str, dict[str, Any]], payload: str | None) -> int:
    return 0 if payload is None else int(model.shapes[members[payload]["shape"]].get("max", 2**31))


def _converted(text: str, kind: str) -> Any:
    """Turn a text of a path, a query or a header into the type of its shape."""
    if kind in {"integer", "long"}:
        try:
            return int(text)
        except ValueError as error:
            raise unreadable(f"STRING_VALUE can not be converted to {kind.capitalize()}") from error
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    return text


def _at(name: str, problems: Any) -> list[Problem]:
    for problem in problems:
        problem.path.append(name)
    return list(problems)
