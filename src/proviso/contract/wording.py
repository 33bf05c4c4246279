"""The words of problems: what the validator found, and its fix, for somebody who does not program."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from pydantic_core import ErrorDetails

from proviso.contract.vocabulary import FORMS

MAX_COMPARED = 2000  # known words that a misspelt one is compared with
MAX_LISTED = 40

_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "`true` or `false`",
    "tuple_type": "a list",
    "dict_type": "a section",
    "model_type": "a section",
    "enum": "a text",
    "literal_error": "one of its words",
}
_TYPE_FIXES = {
    "string_type": "write a text; put it in quotes if it looks like a number or like `true`",
    "int_type": "write a number without a point or quotes",
    "float_type": "write a number without quotes",
    "bool_type": "write `true` or `false`, without quotes",
    "tuple_type": "write a list: `[one, two]`, or lines that begin with `- `",
    "dict_type": "write `name: value` lines below it, indented",
    "model_type": "write its keys below it, indented",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "is too small", "write {} or more"),
    "less_than_equal": ("le", "is too large", "write {} or less"),
}


def explain(detail: ErrorDetails, path: tuple[str | int, ...], allowed: Sequence[str]) -> tuple[str, str]:
    """Return what is wrong and the fix for one error of the validator; `allowed`: words to choose from."""
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "missing":
        return f"`{path[-1]}` is missing", f"add `{path[-1]}`"
    if allowed:
        if isinstance(value, str):
            return f"`{value[:60]}` is not known here", suggest(value, allowed)
        return f"expected a word, found {found(value)}", suggest("", allowed)
    if kind == "string_pattern_mismatch":
        form = FORMS.get(context["pattern"], f"a text of the form `{context['pattern']}`")
        return f"{found(value)} does not have the right form", f"write {form}"
    if kind in _TYPE_FIXES:
        return f"expected {_EXPECTED[kind]}, found {found(value)}", _TYPE_FIXES[kind]
    if kind in _BOUNDS:
        bound, what, fix = _BOUNDS[kind]
        return f"{found(value)} {what}", fix.format(f"{context[bound]:g}")
    return _length(kind, value, context) or (f"{found(value)} cannot stand here", detail["msg"].lower())


def _length(kind: str, value: object, context: Mapping[str, object]) -> tuple[str, str] | None:
    if kind == "too_short":
        least = context["min_length"]
        return "has too few entries", f"write at least {least}"
    if kind == "string_too_short":
        return "an empty text", "write the text"
    if kind == "string_too_long":
        return "the text is too long", f"write at most {context['max_length']} characters"
    return None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that `word` is probably meant to be."""
    folded = {name.casefold(): name for name in islice(known, MAX_COMPARED)}
    close = difflib.get_close_matches(word[:100].casefold(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def suggest(word: str, known: Sequence[str]) -> str:
    """Return the fix for an unknown word: the nearest known one, or all of them."""
    if near := nearest(word, known):
        return f"did you mean `{near}`?"
    if not known:
        return "declare it first: none is declared yet"
    more = ", …" if len(known) > MAX_LISTED else ""
    return "use one of " + ", ".join(f"`{name}`" for name in known[:MAX_LISTED]) + more


def found(value: object) -> str:
    """Say what stands there, short, in words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        shown = value if len(value) <= 60 else value[:57] + "…"
        return f"the text `{shown}`" if value else "an empty text"
    if isinstance(value, int | float):
        return f"the number `{value}`"
    return "a section" if isinstance(value, Mapping) else "a list"
