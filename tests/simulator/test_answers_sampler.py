"""Values for JSON Schemas: every one is valid by a validator that the sampler did not write."""

import re
from contextlib import suppress
from random import Random
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_simulator import formats
from bedrock_simulator.regular import NotSimple, text_for
from bedrock_simulator.sampler import Material, Unsatisfiable, sample

MATERIAL = Material("The limit is 150 EUR. [2]", ("What is the limit?", "Meals are extra."), (1, 2))
Schema = dict[str, Any]


@st.composite
def _strings(draw: st.DrawFn) -> Schema:
    least = draw(st.integers(0, 40))
    sized = {"type": "string", "minLength": least, "maxLength": least + draw(st.integers(0, 40))}
    patterns = [
        r"^[A-Z]{2}\d{3,5}$",
        r"^(?:on|off)$",
        r"^\w+@\w+\.com$",
        r"^[^\s]{3}-?x*$",
        r"^v\d+\.\d+$",
        r"[a-f0-9]",
    ]
    kinds = [{"type": "string", "pattern": draw(st.sampled_from(patterns))}, sized, {"type": "string"}]
    names = [
        "date",
        "date-time",
        "time",
        "email",
        "uuid",
        "uri",
        "ipv4",
        "ipv6",
        "hostname",
        "duration",
        "regex",
    ]
    return draw(st.sampled_from([*kinds, {"type": "string", "format": draw(st.sampled_from(names))}]))


@st.composite
def _numbers(draw: st.DrawFn) -> Schema:
    low = draw(st.integers(-1_000, 1_000))
    schema: Schema = {"type": draw(st.sampled_from(["integer", "number"]))}
    schema[draw(st.sampled_from(["minimum", "exclusiveMinimum"]))] = low
    if draw(st.booleans()):
        schema[draw(st.sampled_from(["maximum", "exclusiveMaximum"]))] = low + draw(st.integers(8, 500))
        if draw(st.booleans()):
            schema["multipleOf"] = draw(st.sampled_from([1, 2, 3, 4]))
    return schema


_CONST = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5))
_SCALARS = st.one_of(
    _strings(),
    _numbers(),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {}, True, {"type": ["string", "null"]}]),
    _CONST.map(lambda value: {"const": value}),
    st.lists(_CONST, min_size=1, max_size=3).map(lambda values: {"enum": values}),
)


def _objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    properties = st.dictionaries(st.sampled_from(["answer", "b", "citations", "d"]), inner, max_size=4)
    return st.builds(
        lambda props, closed, count: {
            "type": "object",
            "properties": props,
            "required": list(props)[:count],
            "additionalProperties": not closed,
        },
        properties,
        st.booleans(),
        st.integers(0, 4),
    )


def _arrays(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda items, least, more: {
            "type": "array",
            "items": items,
            "minItems": least,
            "maxItems": least + more,
        },
        inner,
        st.integers(0, 3),
        st.integers(0, 3),
    )


def _combined(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        several.map(lambda schemas: {"anyOf": schemas}),
        inner.map(lambda schema: {"allOf": [schema, {}]}),
        inner.map(
            lambda schema: (
                {"oneOf": [schema, {"const": {"never": "made"}}]} if schema not in ({}, True) else {}
            )
        ),
    )


_SCHEMAS = st.recursive(
    _SCALARS, lambda inner: st.one_of(_objects(inner), _arrays(inner), _combined(inner)), max_leaves=8
)


@given(_SCHEMAS, st.integers(0, 1_000))
@settings(deadline=None, max_examples=100)
def test_every_sample_is_valid(schema: Any, seed: int) -> None:
    value = sample(schema, Random(seed), MATERIAL)
    jsonschema_rs.validator_for(schema, validate_formats=True).validate(value)


@given(_SCHEMAS, st.integers(0, 1_000))
@settings(deadline=None, max_examples=30)
def test_the_same_seed_makes_the_same_value(schema: Any, seed: int) -> None:
    assert sample(schema, Random(seed), MATERIAL) == sample(schema, Random(seed), MATERIAL)


SPECIAL: list[Schema] = [
    {"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "required": ["name"], "properties": {
        "name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}}},
    {"allOf": [{"type": "object", "required": ["a"]}, {"properties": {"a": {"type": "integer", "minimum": 3}}}]},
    {"oneOf": [{"type": "integer", "multipleOf": 3}, {"type": "integer", "multipleOf": 5}]},
    {"type": "array", "items": {"enum": [1, 2, 3]}, "uniqueItems": True, "minItems": 3, "maxItems": 3},
    {"type": "array", "prefixItems": [{"const": "a"}, {"type": "integer"}], "items": False, "minItems": 2},
    {"type": "array", "contains": {"const": 7}, "minItems": 2},
    {"type": "object", "minProperties": 3, "additionalProperties": {"type": "integer"}},
    {"type": "object", "maxProperties": 1, "properties": {"a": {"const": 1}, "b": {"const": 2}}, "required": ["b"]},
    {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"], "dependentRequired": {"a": ["b"]}},
    {"type": "string", "not": {"const": "What is the limit?"}},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5},
    {"type": "object", "properties": {"x": {"anyOf": [{"type": "null"}, {"$ref": "#"}]}}, "required": ["x"]},
    {"$defs": {"id": {"type": "string", "format": "uuid"}}, "type": "object", "required": ["id"],
     "properties": {"id": {"$ref": "#/$defs/id", "description": "ours"}}},
]  # fmt: skip


@pytest.mark.parametrize("schema", SPECIAL, ids=range(len(SPECIAL)))
def test_what_schemas_are_made_of_is_understood(schema: Schema) -> None:
    validator = jsonschema_rs.validator_for(schema, validate_formats=True)
    for seed in range(10):
        validator.validate(sample(schema, Random(seed), MATERIAL))


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"enum": []},
        {"type": "string", "enum": [1]},
        {"type": "integer", "minimum": 5, "maximum": 4},
        {"type": "nothing"},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"$ref": "#"},
        {"type": "string", "pattern": "^(?=x)y$"},
        {"type": "string", "minLength": 2_000_000_000},
        {"type": "string", "pattern": "^a*$", "minLength": 2_000_000_000},
        {"type": "string", "pattern": "^((a*)*)*$", "minLength": 1_000},
        {"type": "integer", "minimum": 10**400},
    ],
)
def test_what_nothing_fits_is_said_to_be_so(schema: Any) -> None:
    with pytest.raises(Unsatisfiable):
        sample(schema, Random(1), MATERIAL)


def test_words_come_from_the_prompt() -> None:
    schema = {"type": "object", "required": ["answer", "title"], "properties": {"answer": {}, "title": {}}}
    made = sample(schema, Random(3), MATERIAL)
    assert made["answer"] == MATERIAL.answer
    assert made["title"] in MATERIAL.phrases


def test_numbers_of_citations_are_those_of_passages() -> None:
    schema = {"type": "object", "required": ["citations"], "properties": {
        "citations": {"type": "array", "items": {"type": "integer"}, "minItems": 4}}}  # fmt: skip
    assert set(sample(schema, Random(3), MATERIAL)["citations"]) <= {1, 2}


@pytest.mark.parametrize(
    "pattern",
    [r"[A-Z]{3}-\d{4}", r"(a|b)+c?", r"[^a-z]*", r"\+?\d{1,3}(?: \d{3}){2}", r"(?P<year>\d{4})", r"x{2,}",
     r"[\]\-a]+", r"\x41\."],
)  # fmt: skip
@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=10)
def test_a_text_for_a_pattern_fits_it(pattern: str, seed: int) -> None:
    assert re.fullmatch(pattern, text_for(pattern, Random(seed)))


@given(st.text(alphabet="ab()[]{}*+?|\\^$.-1,d:", max_size=12))
@settings(deadline=None, max_examples=100)
def test_any_pattern_makes_a_text_or_is_said_not_to_be_simple(pattern: str) -> None:
    with suppress(NotSimple):
        assert isinstance(text_for(pattern, Random(1)), str)


def test_every_format_is_valid_by_its_name() -> None:
    for name in (
        "date",
        "time",
        "date-time",
        "duration",
        "email",
        "hostname",
        "ipv4",
        "ipv6",
        "uri",
        "uuid",
        "regex",
    ):
        validator = jsonschema_rs.validator_for({"format": name}, validate_formats=True)
        assert all(validator.is_valid(formats.made(name, Random(seed))) for seed in range(20)), name
