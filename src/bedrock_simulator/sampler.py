"""Makes a value that fits a JSON Schema, seeded, with words from the prompt where words are asked for."""

import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any, Final

import jsonschema_rs
from msgspec import Struct

from bedrock_simulator import formats
from bedrock_simulator.regular import NotSimple, text_for
from bedrock_simulator.schemas import Json, Schema, merged, resolved
from bedrock_simulator.tokens import written

_TRIES: Final = 60
_DEEP: Final = 6  # from here on nothing optional is made
_DEEPEST: Final = 24
_ELSEWHERE: Final = re.compile(r'"\$ref":"(?!#/(?:\$defs|definitions)/)')
_MOST: Final = 20_000  # values drawn for one schema
_LONGEST: Final = 100_000  # characters of a text; a schema that wants more is taken for one that nothing fits
_UNSURE: Final = frozenset(("oneOf", "anyOf", "allOf", "not", "if", "dependentSchemas"))
_ANSWERS: Final = ("answer", "text", "summary", "response", "content", "message", "reply", "reason")
_NUMBERS: Final = ("citation", "passage", "source", "evidence", "reference")


class Unsatisfiable(Exception):
    """No value was found that fits the schema."""


class Material(Struct, frozen=True):
    """What values are made of: the `answer` to the question, `phrases` of the prompt, `numbers` of its passages."""

    answer: str = ""
    phrases: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()


def sample(schema: Json, random: Random, material: Material = Material()) -> Json:  # noqa: B008  # it is frozen
    """Return a value that is valid by the schema. Raises `Unsatisfiable`, also where the schema itself is wrong.

    Draws values and checks each, so that what is returned is valid whatever the schema says. Draws get plainer as
    they fail.
    """
    try:
        valid = jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise Unsatisfiable(f"the schema is not valid: {str(error).splitlines()[0]}") from error
    parts = _Parts(schema)
    for turn in range(_TRIES):
        sampler = _Sampler(parts, random, material, turn)
        try:
            value = sampler.value(schema, "", 0)
        except (_Impossible, NotSimple):
            continue
        if valid.is_valid(value):
            return value
    raise Unsatisfiable("no value was found that fits the schema")


class _Impossible(Exception):
    """This draw leads nowhere."""


class _Parts:
    """The parts of a schema of which a draw may be wrong, so that it is checked at once and drawn anew."""

    def __init__(self, root: Json) -> None:
        self.root = root
        self.left = _MOST  # values that may still be drawn
        self._known: dict[int, tuple[Json, Any]] = {}  # by identity; the schema beside it stays alive

    def fits(self, value: Json, schema: Schema) -> bool:
        """Say whether a value is valid by a part; True where it cannot be told without the rest."""
        if id(schema) not in self._known:
            self._known[id(schema)] = (schema, self._compiled(schema))
        validator = self._known[id(schema)][1]
        return validator is None or bool(validator.is_valid(value))

    def _compiled(self, schema: Schema) -> Any:
        definitions = {key: self.root[key] for key in ("$defs", "definitions") if key in self.root}
        alone = definitions | schema
        if _ELSEWHERE.search(written(alone)):
            return None
        return jsonschema_rs.validator_for(alone, validate_formats=True, offline=True)


class _Sampler:
    """One draw. `turn`: how many have failed."""

    def __init__(self, parts: _Parts, random: Random, material: Material, turn: int) -> None:
        self._parts = parts
        self._root = parts.root
        self._random = random
        self._material = material
        self._turn = turn

    def value(self, schema: Json, name: str, depth: int) -> Json:
        """Return a value for a schema that stands under a property's name."""
        self._parts.left -= 1
        if depth > _DEEPEST or schema is False or self._parts.left < 0:
            raise _Impossible
        if schema is True:
            return self._material.answer or "true"
        if _UNSURE.isdisjoint(schema):
            return self._made(schema, name, depth)
        for _ in range(_TRIES):
            with suppress(_Impossible, NotSimple):
                value = self._made(schema, name, depth)
                if self._parts.fits(value, schema):
                    return value
        raise _Impossible

    def _made(self, schema: Schema, name: str, depth: int) -> Json:
        """Return a value that may fit."""
        schema = self._chosen(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            if not schema["enum"]:
                raise _Impossible
            return self._random.choice(schema["enum"])
        kind = self._kind(schema)
        makers: dict[str, Callable[[Schema, str, int], Json]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": partial(self._number, whole=True),
            "number": partial(self._number, whole=False),
            "boolean": lambda *_: self._random.random() < 0.5,
            "null": lambda *_: None,
        }
        if kind not in makers:
            raise _Impossible
        return makers[kind](schema, name, depth)

    def _chosen(self, schema: Schema) -> Schema:
        """Follow references and take one alternative of each `anyOf` and `oneOf`, all of each `allOf`."""
        for _ in range(40):
            if "$ref" in schema:
                base = resolved(self._root, str(schema["$ref"]))
                schema = merged(base, {key: value for key, value in schema.items() if key != "$ref"})
            elif key := next((key for key in ("allOf", "anyOf", "oneOf") if schema.get(key)), ""):
                parts = schema[key] if key == "allOf" else [self._random.choice(schema[key])]
                schema = {other: value for other, value in schema.items() if other != key}
                for part in parts:
                    schema = merged(schema, self._plain(part))
            else:
                return schema
        raise _Impossible

    def _plain(self, part: Json) -> Json:
        """Follow a reference at the head of an alternative, so that it can be merged with what stands beside it."""
        for _ in range(40):
            if not isinstance(part, dict) or "$ref" not in part:
                return part
            base = resolved(self._root, str(part["$ref"]))
            part = merged(base, {key: value for key, value in part.items() if key != "$ref"})
        raise _Impossible

    def _kind(self, schema: Schema) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = self._random.choice(kind) if kind else None
        if isinstance(kind, str):
            return kind
        for key, implied in _IMPLIED:
            if key in schema:
                return implied
        return "string"

    # --- objects and arrays -------------------------------------------------------------------

    def _object(self, schema: Schema, _name: str, depth: int) -> Json:
        properties: dict[str, Json] = schema.get("properties") or {}
        required = list(schema.get("required") or ())
        made: dict[str, Json] = {}
        wanted = dict.fromkeys(required)
        spare = depth < _DEEP and self._turn < _TRIES // 2
        wanted |= dict.fromkeys(name for name in properties if spare and properties[name] is not False)
        most = schema.get("maxProperties", math.inf)
        for name in wanted:
            if name not in required and len(made) >= most:
                continue
            optional = name not in required
            try:
                made[name] = self.value(self._property(schema, name), name, depth + 1)
            except _Impossible:
                if not optional:
                    raise
        self._fill(schema, made, depth)
        return {name: made[name] for name in [*properties, *made] if name in made}

    def _property(self, schema: Schema, name: str) -> Json:
        """Return what a property must fit."""
        properties = schema.get("properties") or {}
        return properties[name] if name in properties else schema.get("additionalProperties", True)

    def _fill(self, schema: Schema, made: dict[str, Json], depth: int) -> None:
        """Add properties until there are enough, and what others depend on."""
        for name, needed in (schema.get("dependentRequired") or {}).items():
            for other in needed if name in made else ():
                made.setdefault(other, self.value(self._property(schema, other), other, depth + 1))
        for number in range(int(schema.get("minProperties", 0)) + 1):
            if len(made) >= schema.get("minProperties", 0):
                return
            name = self._new_name(schema, number)
            made.setdefault(name, self.value(self._property(schema, name), name, depth + 1))

    def _new_name(self, schema: Schema, number: int) -> str:
        names = schema.get("propertyNames")
        if isinstance(names, dict):
            return str(self.value({"type": "string"} | names, "", _DEEP))
        return f"property_{number + 1}"

    def _array(self, schema: Schema, name: str, depth: int) -> Json:
        least = int(schema.get("minItems", 0))
        first: Sequence[Json] = schema.get("prefixItems") or ()
        rest = schema.get("items", True)
        if isinstance(rest, list):  # before 2020-12
            first, rest = rest, schema.get("additionalItems", True)
        most = int(schema.get("maxItems", max(least, len(first), 3)))
        size = (
            least
            if depth >= _DEEP or self._turn >= _TRIES // 2
            else self._random.randint(max(least, min(1, most)), max(least, most, 0))
        )
        if rest is False:
            size = min(size, len(first))
        if "contains" in schema and size < max(1, int(schema.get("minContains", 1))):
            size = max(1, int(schema.get("minContains", 1)))
        made: list[Json] = []
        for index in range(min(size, 1_000)):
            must = index < int(schema.get("minContains", 1)) if "contains" in schema else False
            item = first[index] if index < len(first) else rest
            item = merged(item, self._plain(schema["contains"])) if must else item
            made.append(self._item(item, name, depth, made if schema.get("uniqueItems") else ()))
        return made

    def _item(self, schema: Json, name: str, depth: int, others: Sequence[Json]) -> Json:
        """Return an item that is none of the others."""
        for _ in range(20):
            item = self.value(schema, name, depth + 1)
            if item not in others:
                return item
        raise _Impossible

    # --- words and numbers --------------------------------------------------------------------

    def _string(self, schema: Schema, name: str, _depth: int) -> Json:
        least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
        if least > _LONGEST:
            raise _Impossible
        if "pattern" in schema:
            return text_for(str(schema["pattern"]), self._random, least)
        if "format" in schema and (made := formats.made(str(schema["format"]), self._random)) is not None:
            return made
        text = self._words(name)
        if len(text) < least:
            text += (" " + (text or "more")) * (least // (len(text) + 1) + 1)
        text = text[: max(least, len(text) if most is None else int(most))]
        return text if most is None else text[: int(most)]

    def _words(self, name: str) -> str:
        material = self._material
        if self._turn == 0 and material.answer and any(word in name.lower() for word in _ANSWERS):
            return material.answer
        return self._random.choice(material.phrases or (material.answer or "text",))

    def _number(self, schema: Schema, name: str, _depth: int, *, whole: bool) -> Json:
        try:
            return self._within(schema, name, whole=whole)
        except OverflowError as error:  # a bound that no float can hold
            raise _Impossible from error

    def _within(self, schema: Schema, name: str, *, whole: bool) -> Json:
        step = schema.get("multipleOf") or (1 if whole else None)
        low, high = _bounds(schema, step or 1)
        if low > high:
            raise _Impossible
        named = any(word in name.lower() for word in _NUMBERS)
        fitting = [number for number in self._material.numbers if named and low <= number <= high]
        if fitting and step in (None, 1):
            return self._random.choice(fitting)
        if step is None:
            return round(self._random.uniform(low, high), 3) if high - low > 0.01 else low
        first, last = math.ceil(low / step), math.floor(high / step)
        if first > last:
            raise _Impossible
        drawn = self._random.randint(first, last) * step
        return round(drawn) if whole else drawn


def _bounds(schema: Schema, step: float) -> tuple[float, float]:
    """Return the least and the most that a number may be; where one is open a hundred steps from the other."""
    low = max(schema.get("minimum", -math.inf), _excluded(schema, "exclusiveMinimum", "minimum", math.inf))
    high = min(schema.get("maximum", math.inf), _excluded(schema, "exclusiveMaximum", "maximum", -math.inf))
    if low == -math.inf:
        low = min(0, high - 100 * step)
    return low, (max(100, low + 100 * step) if high == math.inf else high)


def _excluded(schema: Schema, key: str, beside: str, inwards: float) -> float:
    """Return the number next to a bound that is excluded; draft 4 has `true` beside the bound."""
    bound = schema.get(key)
    if bound is True:
        bound = schema.get(beside)
    if bound is None or bound is False:
        return -inwards
    return math.nextafter(bound, inwards)


_IMPLIED: Final = (
    ("properties", "object"),
    ("required", "object"),
    ("additionalProperties", "object"),
    ("minProperties", "object"),
    ("items", "array"),
    ("prefixItems", "array"),
    ("minItems", "array"),
    ("contains", "array"),
    ("minimum", "number"),
    ("maximum", "number"),
    ("multipleOf", "number"),
    ("exclusiveMinimum", "number"),
    ("exclusiveMaximum", "number"),
)
