"""A prompt file: declared variables in a front matter, the system part, a line `--- user`, the user part."""

import hashlib

from msgspec import Struct

from proviso.contract.document import parse_document
from proviso.errors import InvalidWorkspace
from proviso.types import Position, Problem

_USER = "--- user"


class PromptFile(Struct, frozen=True):
    """One prompt as written. `version` is the SHA-256 of the file's bytes; parts begin on the lines `…_line`."""

    name: str
    version: str
    variables: tuple[str, ...]
    system: str
    user: str
    system_line: int = 1
    user_line: int = 1


def parse_prompt(name: str, content: bytes) -> PromptFile:
    """Read a prompt file; raise `InvalidWorkspace` with the place and the fix."""
    try:
        text = content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise _invalid(name, 0, "not UTF-8", "save the file as UTF-8") from None
    if not text.startswith("---\n") or "\n---\n" not in text:
        fix = "start with `---`, `variables: [question, passages]`, `---`"
        raise _invalid(name, 1, "has no front matter", fix)
    front, body = text[4:].split("\n---\n", 1)
    system, mark, user = body.partition(f"\n{_USER}\n")
    if not mark:
        raise _invalid(name, 0, f"has no line `{_USER}`", "put it between the system part and the user part")
    return PromptFile(
        name=name,
        version=hashlib.sha256(content).hexdigest(),
        variables=_variables(name, front),
        system=system.strip(),
        user=user.strip(),
        system_line=_line_of(text, len(text) - len(body), system),
        user_line=_line_of(text, len(text) - len(user), user),
    )


def _line_of(text: str, start: int, part: str) -> int:
    """Return the line, from 1, on which a part begins that stands at `start` with white space around it."""
    return text.count("\n", 0, start + len(part) - len(part.lstrip())) + 1


def _variables(name: str, front: str) -> tuple[str, ...]:
    # The empty first line stands for the opening `---`, so that lines count as in the file.
    document, problems = parse_document(name, b"\n" + front.encode())
    if problems:
        raise InvalidWorkspace(problems)
    declared = document.value
    variables = declared.get("variables") if isinstance(declared, dict) else None
    if not isinstance(declared, dict) or not isinstance(variables, list):
        raise _invalid(name, 2, "does not declare its variables", "write `variables: [question, passages]`")
    names = tuple(item for item in variables if isinstance(item, str))
    if len(names) < len(variables):
        raise _invalid(name, 2, "a variable is not a name", "write `variables: [question, passages]`")
    if unknown := sorted(set(declared) - {"variables"}):
        raise _invalid(name, 2, f"`{unknown[0]}` is not known here", "the front matter has only `variables`")
    return names


def _invalid(name: str, line: int, what: str, fix: str) -> InvalidWorkspace:
    return InvalidWorkspace([Problem(Position(name, line, 1 if line else 0), "prompt", what, fix)])
