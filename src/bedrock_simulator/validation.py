"""Checks requests strictly against a service model; each shape is compiled once into a function."""

import math
import re
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import re2
from msgspec import Struct

from bedrock_simulator.exchange import ServiceError

Shapes = Mapping[str, dict[str, Any]]
_SHOWN = 10  # problems that a message lists
_LONGEST = 256  # characters of a value that a message shows
_STRANGE = (
    "Malformed input request: #{path}: extraneous key [%s] is not permitted, "
    "please reformat your input and try again."
)


class Problem:
    """What is wrong with one value; `path` grows from the inside out while the check returns."""

    __slots__ = ("constraint", "message", "path", "value")

    def __init__(self, value: object, constraint: str, *, message: str = "") -> None:
        self.value = value
        self.constraint = constraint
        self.message = message  # where the service has words of its own: with `{path}` in them
        self.path: list[str] = []

    def told(self) -> str:
        """Say it in AWS's words."""
        return f"{_shown(self.value)} at '{self.at('.')}' failed to satisfy constraint: {self.constraint}"

    def at(self, separator: str) -> str:
        """Return the path, from the outside in."""
        return separator.join(reversed(self.path))


Found = list[Problem] | None
Check = Callable[[Any], Found]
Constraint = tuple[Callable[[Any], bool], str]  # what must hold, and what is said where it does not


class Member(Struct, frozen=True):
    """A member of a structure as the request carries it."""

    name: str
    shape: str
    check: Check


class Compiler:
    """Compiles the shapes of one service model into checks."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._checks: dict[str, Check] = {}

    def check(self, name: str) -> Check:
        """Return the check of a shape. A shape that holds itself is checked through a reference."""
        known = self._checks.get(name)
        if known is not None:
            return known
        self._checks[name] = lambda value: self._checks[name](value)
        check = self._checks[name] = self._compiled(self._shapes[name])
        return check

    def structure(self, members: Iterable[tuple[str, str]], required: tuple[str, ...]) -> Check:
        """Return the check of a structure with these members, as (name, shape)."""
        return _structure({name: self.check(shape) for name, shape in members}, required, union=False)

    def _compiled(self, shape: dict[str, Any]) -> Check:
        kind = shape["type"]
        if kind == "structure":
            return self._structure(shape)
        if kind == "list":
            return _list(self.check(shape["member"]["shape"]), _lengths(shape))
        if kind == "map":
            return _map(self.check(shape["key"]["shape"]), self.check(shape["value"]["shape"]), shape)
        return _scalar(shape)

    def _structure(self, shape: dict[str, Any]) -> Check:
        if shape.get("document"):
            return _anything
        members = {name: self.check(member["shape"]) for name, member in shape["members"].items()}
        return _structure(members, tuple(shape.get("required", ())), union=bool(shape.get("union")))


def refusal(problems: list[Problem]) -> ServiceError:
    """Return the error that tells of problems as the service does."""
    own = next((problem for problem in problems if problem.message), None)
    if own is not None:
        return ServiceError("ValidationException", own.message.replace("{path}", "/" + own.at("/")), 400)
    told = "; ".join(problem.told() for problem in problems[:_SHOWN])
    errors = "error" if len(problems) == 1 else "errors"
    return ServiceError("ValidationException", f"{len(problems)} validation {errors} detected: {told}", 400)


def unreadable(message: str) -> ServiceError:
    """Return the error of a request that cannot be read into the types of its shapes."""
    return ServiceError("SerializationException", message, 400)


def _anything(_value: object) -> Found:
    return None


def _structure(members: dict[str, Check], required: tuple[str, ...], *, union: bool) -> Check:
    def check(value: Any) -> Found:
        if type(value) is not dict:
            raise unreadable(_mistaken(value, "structure"))
        found: Found = None
        odd = False
        for name, item in value.items():
            member = members.get(name)
            if member is None or item is None:
                odd = True
            elif (problems := member(item)) is not None:
                found = _below(name, problems, found)
        if odd:
            found = _oddities(value, members, found)
        for name in required:
            if name not in value:
                found = _below(name, [Problem(None, "Member must not be null")], found)
        if union and len(value) != 1:
            return [*(found or ()), Problem(value, f"Member must have exactly one of: {_listed(members)}")]
        return found

    return check


def _oddities(value: dict[str, Any], members: dict[str, Check], found: Found) -> Found:
    """Drop members that are null, which is how AWS takes them; find members that do not exist."""
    for name in [name for name, item in value.items() if item is None]:
        del value[name]
    strange = [name for name in value if name not in members]
    return [*(found or ()), *(Problem(value, "", message=_STRANGE % name) for name in strange)] or None


def _list(member: Check, sizes: tuple[Constraint, ...]) -> Check:
    def check(value: Any) -> Found:
        if type(value) is not list:
            raise unreadable(_mistaken(value, "list"))
        found = _broken(value, sizes)
        for index, item in enumerate(value, 1):
            problems = [Problem(None, "Member must not be null")] if item is None else member(item)
            if problems is not None:
                for problem in problems:
                    problem.path.append("member")
                found = _below(str(index), problems, found)
        return found

    return check


def _map(key: Check, value_check: Check, shape: dict[str, Any]) -> Check:
    sizes = _lengths(shape)

    def check(value: Any) -> Found:
        if type(value) is not dict:
            raise unreadable(_mistaken(value, "map"))
        found = _broken(value, sizes)
        for name, item in value.items():
            for kind, tested, test in (("keys", name, key), ("value", item, value_check)):
                problems = [Problem(None, "Member must not be null")] if tested is None else test(tested)
                if problems is not None:
                    constraints = ", ".join(problem.constraint for problem in problems)
                    failed = Problem(value, f"Map {kind} must satisfy constraint: [{constraints}]")
                    found = [*(found or ()), failed]
        return found

    return check


def _scalar(shape: dict[str, Any]) -> Check:
    kind = shape["type"]
    if kind == "string":
        return _string(shape)
    if kind == "blob":
        return _blob(_lengths(shape))
    if kind == "boolean":
        return _boolean
    if kind == "timestamp":
        return _timestamp
    return _number(kind, _bounds(shape))


def _string(shape: dict[str, Any]) -> Check:
    constraints = list(_lengths(shape))
    if pattern := shape.get("pattern"):
        constraints.append((_pattern(pattern), f"Member must satisfy regular expression pattern: {pattern}"))
    if enum := shape.get("enum"):
        constraints.append(
            (frozenset(enum).__contains__, f"Member must satisfy enum value set: {_listed(enum)}")
        )
    tested = tuple(constraints)

    def check(value: Any) -> Found:
        if type(value) is not str:
            raise unreadable(_mistaken(value, "String"))
        for holds, _ in tested:
            if not holds(value):
                return _broken(value, tested)
        return None

    return check


def _pattern(source: str) -> Callable[[Any], Any]:
    """Compile a pattern of a service model; `re2` takes what `re` does not know, such as classes of Unicode."""
    try:
        return re.compile(source, re.ASCII).fullmatch
    except re.error:
        return re2.compile(source).fullmatch  # type: ignore[no-any-return]  # it has no types


def _blob(sizes: tuple[Constraint, ...]) -> Check:
    def check(value: Any) -> Found:
        if type(value) is not str:
            raise unreadable(_mistaken(value, "Blob"))
        try:
            return _broken(a2b_base64(value, strict_mode=True), sizes)
        except (NotBase64, ValueError) as error:  # ValueError: a character outside ASCII
            raise unreadable("the value is not base64 as a Blob has to be") from error

    return check


def _number(kind: str, sizes: tuple[Constraint, ...]) -> Check:
    whole = kind in {"integer", "long"}
    most = 2**63 - 1 if kind == "long" else 2**31 - 1

    def check(value: Any) -> Found:
        fits = type(value) is int or (type(value) is float and math.isfinite(value))
        if not fits or (whole and not (value == int(value) and -most - 1 <= value <= most)):
            raise unreadable(_mistaken(value, kind.capitalize()))
        return _broken(value, sizes) if sizes else None

    return check


def _boolean(value: Any) -> Found:
    if type(value) is not bool:
        raise unreadable(_mistaken(value, "Boolean"))
    return None


def _timestamp(value: Any) -> Found:
    if type(value) not in (str, int, float):
        raise unreadable(_mistaken(value, "Timestamp"))
    return None


def _lengths(shape: dict[str, Any]) -> tuple[Constraint, ...]:
    """Return the least and the most that a string, blob, list or map may have."""
    least, most = shape.get("min", 0), shape.get("max")
    constraints: list[Constraint] = []
    if least:
        told = f"Member must have length greater than or equal to {least}"
        constraints.append((lambda value: len(value) >= least, told))
    if most is not None:
        constraints.append(
            (lambda value: len(value) <= most, f"Member must have length less than or equal to {most}")
        )
    return tuple(constraints)


def _bounds(shape: dict[str, Any]) -> tuple[Constraint, ...]:
    """Return the least and the most that a number may be."""
    least, most = shape.get("min"), shape.get("max")
    constraints: list[Constraint] = []
    if least is not None:
        told = f"Member must have value greater than or equal to {least}"
        constraints.append((lambda value: value >= least, told))
    if most is not None:
        constraints.append(
            (lambda value: value <= most, f"Member must have value less than or equal to {most}")
        )
    return tuple(constraints)


def _broken(value: object, constraints: tuple[Constraint, ...]) -> Found:
    for holds, _ in constraints:
        if not holds(value):
            return [Problem(value, told) for holds, told in constraints if not holds(value)]
    return None


def _below(name: str, problems: list[Problem], found: Found) -> list[Problem]:
    for problem in problems:
        problem.path.append(name)
    return problems if found is None else found + problems


def _mistaken(value: object, wanted: str) -> str:
    """Say that a JSON value is of a wrong type, as AWS's deserialiser does."""
    if isinstance(value, list) and wanted != "list":
        return "Start of list found where not expected"
    if isinstance(value, dict):
        return "Start of structure or map found where not expected."
    name = {str: "STRING_VALUE", bool: f"{str(value).upper()}_VALUE"}.get(type(value), "NUMBER_VALUE")
    if wanted in {"structure", "map"}:
        return "Unexpected field type"
    return "Expected list or null" if wanted == "list" else f"{name} can not be converted to {wanted}"


def _shown(value: object) -> str:
    if value is None:
        return "Value null"
    if isinstance(value, str | int | float):
        return f"Value '{str(value)[:_LONGEST]}'"
    return "Value"


def _listed(names: Iterable[str]) -> str:
    return f"[{', '.join(names)}]"
