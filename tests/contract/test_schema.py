"""The JSON Schemas for editors: they are valid, the example satisfies them, and they help."""

from collections.abc import Iterator
from typing import Any, get_args

import jsonschema_rs
import pytest

from proviso.contract import FILES, App, Kind, json_schema
from proviso.contract.document import parse_document
from tests.contract.workspace import BOOK

KINDS: tuple[Kind, ...] = get_args(Kind)


def sections(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every section that a schema describes."""
    yield from (part for part in (schema, *schema.get("$defs", {}).values()) if "properties" in part)


def written(example: App, kind: Kind) -> Any:
    """Return a file of the example, and a price book, which it has none of."""
    documents = {"prices": parse_document("prices.yaml", BOOK.encode())[0], **example.documents}
    return documents[kind].value


def test_every_kind_of_file_has_a_schema() -> None:
    assert set(FILES) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_valid_and_the_example_satisfies_it(example: App, kind: Kind) -> None:
    schema = json_schema(kind)
    jsonschema_rs.meta.validate(schema)
    jsonschema_rs.validate(schema, written(example, kind))


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_refuses_unknown_keys_and_explains_every_key(kind: Kind) -> None:
    schema = json_schema(kind)
    for section in sections(schema):
        assert section["additionalProperties"] is False
        assert section["description"]
        for name, field in section["properties"].items():
            meant = schema["$defs"][field["$ref"].rsplit("/", 1)[1]] if "$ref" in field else field
            assert field.get("description") or meant.get("description"), f"{section['title']}.{name}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_refuses_a_file_with_a_misspelt_key(example: App, kind: Kind) -> None:
    value = written(example, kind)
    assert isinstance(value, dict)
    assert not jsonschema_rs.is_valid(json_schema(kind), {**value, "wrokflow": 1})


def test_a_schema_names_its_dialect_and_its_file() -> None:
    schema = json_schema("contract")
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "contract.yaml"
    assert "schema" in schema["$defs"]["Format"]["properties"]
