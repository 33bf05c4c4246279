"""JSON Schemas put together: references inside a document, and two schemas as one that asks for both."""

import math
from typing import Any, Final
from urllib.parse import unquote

Json = Any
Schema = dict[str, Any]

_HIGHEST: Final = frozenset(
    ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
)
_LOWEST: Final = frozenset(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"))
_NARROWER: Final = {"integer": frozenset(("integer",)), "number": frozenset(("number", "integer"))}


def resolved(root: Json, reference: str) -> Json:
    """Return what a reference within the document points to; True, which anything fits, where it leads elsewhere."""
    if not reference.startswith("#"):
        return _by_name(root, reference, "$id")
    if not reference.startswith("#/"):
        return root if reference == "#" else _by_name(root, reference[1:], "$anchor")
    value = root
    for step in unquote(reference[2:]).split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, dict) and name in value:
            value = value[name]
        else:
            return True
    return value


def _by_name(root: Json, name: str, key: str) -> Json:
    definitions = (root.get("$defs") or root.get("definitions") or {}) if isinstance(root, dict) else {}
    return next((one for one in definitions.values() if isinstance(one, dict) and one.get(key) == name), True)


def merged(one: Json, other: Json) -> Json:
    """Return a schema that asks for what both ask for, as far as one schema can say it."""
    if one is False or other is False:
        return False
    if not isinstance(one, dict) or not isinstance(other, dict):
        return other if one is True else one
    both = dict(one)
    for key, value in other.items():
        both[key] = _both(key, both[key], value) if key in both else value
    return both


def _both(key: str, one: Json, other: Json) -> Json:
    if key == "properties":
        return one | {
            name: merged(one[name], value) if name in one else value for name, value in other.items()
        }
    if key in ("items", "additionalProperties", "contains"):
        return merged(one, other)
    if key == "required":
        return list(dict.fromkeys([*one, *other]))
    if key in _HIGHEST and not isinstance(other, bool) and not isinstance(one, bool):
        return max(one, other)
    if key in _LOWEST and not isinstance(other, bool) and not isinstance(one, bool):
        return min(one, other)
    if key == "multipleOf" and isinstance(one, int) and isinstance(other, int):
        return math.lcm(one, other)
    if key == "type":
        return _types(one, other)
    if key == "enum":
        return [value for value in one if value in other]
    if key in ("allOf", "anyOf", "oneOf") and isinstance(one, list):
        return [*one, *other] if key == "allOf" else other
    return other


def _types(one: Json, other: Json) -> list[str]:
    first = {
        kind: _NARROWER.get(kind, frozenset((kind,))) for kind in ([one] if isinstance(one, str) else one)
    }
    second = [other] if isinstance(other, str) else other
    common = [kind for kind in first if any(kind in _NARROWER.get(o, (o,)) for o in second)]
    common += [
        kind for kind in second if kind not in common and any(kind in kinds for kinds in first.values())
    ]
    return common
