"""From a YAML document to its type, with every error as a problem: place, clause, what is wrong, the fix."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

import rfc8785
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from proviso.contract.document import MAX_PROBLEMS, Document, Json, Path
from proviso.contract.fields import at, choices, key_choices, known_keys
from proviso.contract.partial import Faults, read_partly
from proviso.contract.vocabulary import TAGS, Section
from proviso.contract.wording import explain, nearest, suggest
from proviso.types import Problem

S = TypeVar("S", bound=Section)

_NAMED = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
MAX_NAMED = 1000  # a longer list is counted through: nobody knows its items by name
_NAMES = ("id", "signal", "group")  # what an item of a list is called by, where it has one


def read(kind: type[S], document: Document) -> tuple[S | None, tuple[Problem, ...]]:
    """Check a document against its type. Return every problem, and what could be read all the same (`partial`)."""
    if document.value is None:
        required = ", ".join(f"`{name}`" for name in known_keys(kind))
        return None, (Problem(document.at(()), "(file)", "empty", f"write its sections: {required}"),)
    details: list[ErrorDetails] = []
    try:
        value = kind.model_validate_json(rfc8785.dumps(document.value))
        if not document.unread:
            return value, ()
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=True)
    return read_partly(kind, document.value, _faults(document, details)), _told(kind, document, details)


def _told(kind: type[Section], document: Document, details: Sequence[ErrorDetails]) -> tuple[Problem, ...]:
    problems = tuple(islice(_problems(kind, document, details), MAX_PROBLEMS))
    more = len(details) - MAX_PROBLEMS
    if more > 0 and len(problems) == MAX_PROBLEMS:
        fix = "correct these first"
        problems += (Problem(document.at(()), "(file)", f"{more:,} more problems like these", fix),)
    return problems


def _faults(document: Document, details: Sequence[ErrorDetails]) -> Faults:
    values, names = set(document.unread), set()
    for detail in details:
        path, of_key = _path(document, detail)
        if of_key:
            names.add(path)
        elif detail["type"] != "extra_forbidden" and not _of_entries(detail):
            values.add(path)
    return Faults(values, names)


def clause(value: Json, path: Path) -> str:
    """Return the name of a path: keys as they are, list items by name where they have one, else by index."""
    parts: list[str] = []
    for step in path:
        if isinstance(value, list) and isinstance(step, int):
            named = step < len(value) <= MAX_NAMED
            parts.append(item_names(value)[step] if named else str(step))
            value = value[step] if step < len(value) else None
        else:
            parts.append(str(step))
            value = value.get(str(step)) if isinstance(value, dict) else None
    return ".".join(parts) or "(file)"


def item_names(items: Sequence[object]) -> list[str]:
    """Name each item of a list: by its `id`, `signal` or `group`, a word by itself, the others by index.

    A name that two items share is no name: both go by their index.
    """
    names = [_item_name(item) for item in items]
    count = Counter(names)
    return [name if name and count[name] == 1 else str(i) for i, name in enumerate(names)]


def _item_name(item: object) -> str:
    if isinstance(item, Mapping):
        item = next((item[key] for key in _NAMES if item.get(key) is not None), "")
    return item if isinstance(item, str) and _NAMED.fullmatch(item) else ""


def _problems(kind: type[Section], document: Document, details: Sequence[ErrorDetails]) -> Iterator[Problem]:
    meant: set[Path] = (
        set()
    )  # missing keys that stand there misspelt, or where nobody can tell: one problem, not two
    for detail in details:
        path, _ = _path(document, detail)
        if detail["type"] != "extra_forbidden":
            continue
        word, known = str(path[-1]), known_keys(kind, path[:-1])
        if path in document.unread:
            meant |= {(*path[:-1], name) for name in known}
            continue
        if near := nearest(word, known):
            meant.add((*path[:-1], near))
        name = clause(document.value, path)
        yield Problem(
            document.key(path), name, f"`{word[:60]}` is not a key of this section", suggest(word, known)
        )
    for detail in details:
        path, of_key = _path(document, detail)
        if detail["type"] == "extra_forbidden" or (detail["type"] == "missing" and path in meant):
            continue
        if _of_entries(detail) or any(path[:length] in document.unread for length in range(len(path) + 1)):
            continue
        place = document.key(path) if of_key or detail["type"] == "missing" else document.at(path)
        allowed = key_choices(at(kind, path[:-1])) if of_key else choices(at(kind, path))
        yield Problem(place, clause(document.value, path), *explain(detail, path, allowed))


def _of_entries(detail: ErrorDetails) -> bool:
    """Say whether a list is called too short that is long enough as written: its entries have problems of their own."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _path(document: Document, detail: ErrorDetails) -> tuple[Path, bool]:
    """Return the path of an error, and whether the key is meant, for which the library appends `[key]`.

    Of a value that may have several forms the library names the form as well, as a step of the path.
    """
    path: Path = ()
    for step in detail["loc"]:
        if step not in TAGS or (*path, step) in document.places:
            path = (*path, step)
    of_key = path[-1:] == ("[key]",) and path not in document.places
    return (path[:-1] if of_key else path), of_key
