"""Two digests: what changes which, and what changes neither."""

import copy
import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from proviso.contract import App, Kind, release_manifest, terms_manifest
from proviso.contract.document import Document, parse_document, scalar
from tests.contract.workspace import example_app

SNAPSHOT = "5" * 64
REVISIONS = {"guardrails": 1, "models": 1, "retrieval": 1}
KINDS: tuple[Kind, ...] = ("contract", "workflow", "sources", "models", "policy", "workspace")
TERMS_ONLY = {"summary", "asset", "owners", "latency", "cost", "change_control", "monitoring"}
SOURCE_TERMS, MODEL_TERMS = {"owner", "readers", "approval"}, {"owner", "price", "lifecycle"}


def digests(app: App) -> tuple[str, str]:
    return release_manifest(app, SNAPSHOT, REVISIONS).digest, terms_manifest(app).digest


def changed(app: App, kind: Kind, value: Any) -> App:
    document = Document(app.documents[kind].file, value)
    return structs.replace(app, documents={**app.documents, kind: document})


def written(value: Any, chance: random.Random, indent: int = 0) -> str:
    """Write a value as YAML in one of many ways: order of keys, quotes, flow or block, comments."""
    if not isinstance(value, dict | list) or not value or chance.random() < 0.2:
        return " " + flow(value, chance)
    if isinstance(value, dict):
        entries = [f"{key}:" for key in shuffled(value, chance)]
        inner = [value[entry[:-1]] for entry in entries]
    else:
        entries, inner = ["-"] * len(value), value
    margin = " " * (indent + chance.choice([1, 2, 5]))
    lines = [
        f"\n{margin}{entry}{written(item, chance, len(margin))}"
        for entry, item in zip(entries, inner, strict=True)
    ]
    return chance.choice(["", "  # a comment", "\n\n# another\n"]) + "".join(lines)


def flow(value: Any, chance: random.Random) -> str:
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{json.dumps(key)}: {flow(value[key], chance)}" for key in shuffled(value, chance))
            + "}"
        )
    if isinstance(value, list):
        return "[ " + ",  ".join(flow(item, chance) for item in value) + " ]"
    if not isinstance(value, str):
        return json.dumps(value)
    plain = re.fullmatch(r"[A-Za-z][A-Za-z -]*[a-z]", value) and not isinstance(scalar(value), bool)
    single = "'" + value.replace("'", "''") + "'"
    return chance.choice(
        [json.dumps(value, ensure_ascii=chance.random() < 0.5), single, *([value] if plain else [])]
    )


def shuffled(value: dict[str, Any], chance: random.Random) -> list[str]:
    return chance.sample(sorted(value), len(value))


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every value that is no section and no list."""
    items = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    )
    if items is None:
        yield path
        return
    for key, item in items:
        yield from leaves(item, (*path, key))


def with_leaf(value: Any, path: tuple[str | int, ...], leaf: object) -> Any:
    other = copy.deepcopy(value)
    inner = other
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = leaf
    return other


def belongs(kind: Kind, path: tuple[str | int, ...]) -> tuple[bool, bool]:
    """Say whether a value belongs to the release, and whether to the terms, as the design has it."""
    if kind in ("policy", "workspace"):
        return False, True
    if kind == "workflow":
        return True, False
    if kind == "contract":
        return path[0] not in TERMS_ONLY, path[0] in TERMS_ONLY or path[0] == "contract"
    terms = SOURCE_TERMS if kind == "sources" else MODEL_TERMS
    return path[2] not in terms, path[2] in terms


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_order_of_keys_quotes_comments_and_layout_do_not_matter(kind: Kind, seed: int) -> None:
    example = example_app()
    text = written(example.documents[kind].value, random.Random(seed))
    document, problems = parse_document("f.yaml", text.encode())
    assert not problems
    assert digests(changed(example, kind, document.value)) == digests(example)


@pytest.mark.parametrize("kind", KINDS)
def test_any_changed_value_changes_the_digest_that_it_belongs_to_and_no_other(
    example: App, kind: Kind
) -> None:
    value, before = example.documents[kind].value, digests(example)
    for path in leaves(value):
        after = digests(changed(example, kind, with_leaf(value, path, "another")))
        assert (after[0] != before[0], after[1] != before[1]) == belongs(kind, path), path


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_other_leaf_of_a_contract_gives_another_digest(data: st.DataObject) -> None:
    example = example_app()
    value = example.documents["contract"].value
    path = data.draw(st.sampled_from(list(leaves(value))))
    leaf = data.draw(st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8))
    other = with_leaf(value, path, leaf)
    same = repr(other) == repr(value)
    assert (digests(changed(example, "contract", other)) == digests(example)) is same


def test_the_order_of_every_list_matters(example: App) -> None:
    for kind in KINDS:
        value = example.documents[kind].value
        for path in {path[:-1] for path in leaves(value) if isinstance(path[-1], int) and path[-1] > 0}:
            inner = value
            for step in path:
                inner = inner[step]  # type: ignore[index]  # a path of this value
            assert isinstance(inner, list)
            assert digests(changed(example, kind, with_leaf(value, path, inner[::-1]))) != digests(example)


@pytest.mark.parametrize("path", ["prompts/answer.md", "refusals/legal-advice.md", "refusals/deadline.md"])
def test_a_byte_of_another_file_is_another_release_under_equal_terms(example: App, path: str) -> None:
    files = {**example.files, path: example.files[path] + b" "}
    release, terms = digests(structs.replace(example, files=files))
    assert release != digests(example)[0]
    assert terms == digests(example)[1]


def test_another_snapshot_or_revision_is_another_release(example: App) -> None:
    release = digests(example)[0]
    assert release_manifest(example, "6" * 64, REVISIONS).digest != release
    assert release_manifest(example, SNAPSHOT, {**REVISIONS, "models": 2}).digest != release
    assert release_manifest(example, SNAPSHOT, dict(reversed(REVISIONS.items()))).digest == release


def test_a_model_that_this_workflow_does_not_use_changes_nothing(example: App) -> None:
    value: Any = copy.deepcopy(example.documents["models"].value)
    value["models"]["another"] = {**value["models"]["extractive"], "context": 1}
    assert digests(changed(example, "models", value)) == digests(example)


def test_a_default_that_is_written_out_is_another_release(example: App) -> None:
    value: Any = copy.deepcopy(example.documents["workflow"].value)
    del value["max_tokens"]
    assert digests(changed(example, "workflow", value))[0] != digests(example)[0]


def test_the_fallback_that_may_serve_belongs_to_the_release(example: App) -> None:
    models = example.contract.models.model_copy(update={"when_unavailable": "extractive"})
    contract = example.contract.model_copy(update={"models": models})
    app = structs.replace(example, contract=contract, choices={})
    assert list(release_manifest(app, SNAPSHOT, REVISIONS).value["models"]) == ["extractive"]
