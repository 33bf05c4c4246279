"""The form of an answer: JSON by its schema, text without active content."""

from collections.abc import Callable, Container, Mapping
from typing import Any

import jsonschema_rs
import msgspec

from proviso.contract import Outputs
from proviso.guardrails.patterns import Pattern
from proviso.text.normalise import encodable

# Given the text of an answer: what is wrong with its form, or None.
FormatCheck = Callable[[str], str | None]

# Elements, handlers and links that a browser would act on.
_ACTIVE = (
    r"(?i)</?\s*(?:script|iframe|object|embed|svg|math|style|link|meta|base|form|input|button|template)\b"
    r"|<[a-z][^>]*[\s/\"']on[a-z]+\s*=|(?:\]\(|(?:href|src|action)\s*=)\s*[\"'<]?\s*(?:javascript|vbscript|data)\s*:"
)
_DEEPEST = 64


def schema_problem(schema: Any) -> str | None:
    """What is wrong with a JSON Schema, in words; None if answers can be checked by it.

    References to other files or the network are refused: a check of an answer reads nothing.
    """
    try:
        jsonschema_rs.validator_for(schema, retriever=_no_reference)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        return f"not a JSON Schema: {str(error).splitlines()[0]}"
    return None


def format_check(outputs: Outputs, schemas: Mapping[str, Any]) -> FormatCheck:
    """The check of the contract's `outputs.format`; `schemas` has the parsed schemas by their path."""
    if outputs.format.kind != "json":
        active = Pattern(_ACTIVE)
        return lambda text: _text_problem(text, active)
    schema = schemas[outputs.format.schema_] if outputs.format.schema_ else True
    validator = jsonschema_rs.validator_for(schema, retriever=_no_reference)

    def problem(text: str) -> str | None:
        try:
            value = msgspec.json.decode(text)
        except (ValueError, RecursionError):
            return "not JSON"
        if _too_deep(value):
            return "nested too deeply"
        return None if validator.is_valid(value) else "not by its schema"

    return problem


def json_claims(text: str, passages: Container[object]) -> str:
    """The strings and numbers of a JSON answer as paragraphs: what its claims are checked on.

    A number that names a given passage (`"citations": [1, 2]`) claims nothing.
    """
    lines: list[str] = []
    pending: list[Any] = [msgspec.json.decode(text)]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending.extend(reversed(value.values()))
        elif isinstance(value, list):
            pending.extend(reversed(value))
        elif isinstance(value, str):
            lines.append(value)
        elif value is not None and not isinstance(value, bool) and value not in passages:
            lines.append(str(value))
    return "\n\n".join(lines)


def rewritten(text: str, rewrite: Callable[[str], str]) -> str:
    """A JSON answer with every string, key and number put through `rewrite`, compact and without escapes.

    So that nothing hides behind an escape such as `\\u0040`; a number that was rewritten becomes a string.
    """
    return msgspec.json.encode(_rewritten(msgspec.json.decode(text), rewrite)).decode()


def _rewritten(value: Any, rewrite: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return rewrite(value)
    if isinstance(value, dict):
        return {rewrite(key): _rewritten(item, rewrite) for key, item in value.items()}
    if isinstance(value, list):
        return [_rewritten(item, rewrite) for item in value]
    if value is None or isinstance(value, bool):
        return value
    number = str(value)
    after = rewrite(number)
    return value if after == number else after


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            item
            for part in level
            if isinstance(part, (dict, list))
            for item in (part.values() if isinstance(part, dict) else part)
        ]
        if not level:
            return False
    return True


def _text_problem(text: str, active: Pattern) -> str | None:
    if not text.strip():
        return "empty"
    suspect = "<" in text or "](" in text
    return "active HTML" if suspect and active.search(encodable(text).encode()) else None


def _no_reference(uri: str) -> Any:
    message = f"`{uri}` is not part of the schema"
    raise ValueError(message)
