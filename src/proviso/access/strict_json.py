"""JSON in which nothing is left to the reader: one value for a name, UTF-8 alone, no NaN."""

import json
from collections.abc import Sequence
from typing import NoReturn


def strict_object(text: bytes) -> dict[str, object]:
    """Return a JSON object; raise `ValueError` for anything else, and for endless nesting."""
    try:
        value = json.loads(text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Parsers differ in which of two values they take, so there may be only one."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"`{name}` is not JSON")
