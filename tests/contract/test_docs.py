"""`docs/contract.md` explains every key, and what it shows is valid."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from proviso.contract import FILES, Kind, parse_prompt
from proviso.contract.document import parse_document
from proviso.contract.fields import forms, item, keys, sections
from proviso.contract.read import read
from proviso.contract.vocabulary import Section

PAGE = (Path(__file__).parents[2] / "docs" / "contract.md").read_text("utf-8")
KINDS: tuple[Kind, ...] = get_args(Kind)


def chapter(file: str) -> str:
    """Return the page's chapter on a file."""
    return PAGE.split(f"\n# {file}\n", 1)[1].split("\n# ", 1)[0]


def field_paths(section: type[Section], above: str = "") -> Iterator[str]:
    """Yield the path of every key of a file; `*` stands for a name or an item."""
    for key, annotation in keys(section).items():
        yield f"{above}{key}"
        yield from inner_paths(annotation, f"{above}{key}")


def inner_paths(annotation: object, above: str) -> Iterator[str]:
    """Yield the path of every key below a key."""
    for form in forms(annotation):
        if (held := item(form)) is not None:
            yield from inner_paths(held, f"{above}.*")
    for section in sections(annotation):
        yield from field_paths(section, f"{above}.")


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_has_a_row_or_a_heading_and_every_row_is_a_key(kind: Kind) -> None:
    file, section = FILES[kind]
    rows = set(re.findall(r"^\| `([^`]+)` \|", chapter(file), re.M))
    headings = set(re.findall(r"^## (\w+)$", chapter(file), re.M))
    assert rows | headings == set(field_paths(section))


@pytest.mark.parametrize("kind", KINDS)
def test_the_snippets_of_a_chapter_make_a_valid_file(kind: Kind) -> None:
    file, section = FILES[kind]
    text = "".join(re.findall(r"```yaml\n(.*?)```", chapter(file), re.S))
    document, problems = parse_document(file, text.encode())
    assert not problems
    assert read(section, document)[1] == ()


def test_the_prompt_that_is_shown_can_be_read() -> None:
    shown = re.findall(r"```jinja\n(.*?)```", PAGE, re.S)
    assert parse_prompt("prompts/answer.md", shown[0].encode()).variables == ("question", "passages")
