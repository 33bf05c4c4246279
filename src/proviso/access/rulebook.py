"""The policies in force: those that ship, those that a workspace adds, each with its name, its words and its place."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from typing import Literal

from msgspec import Struct

from proviso.access.cedar import CedarEngine, CedarSchema, ParsedPolicy, parse_policy
from proviso.access.statements import Statement, shape_problem, size_problem, statements
from proviso.errors import InvalidWorkspace
from proviso.types import Position, Problem

ADDED = "policies.cedar"  # where a workspace adds its own, next to proviso.yaml
SHIPPED = "roles.cedar"
_SCHEMA = "schema.cedarschema"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)
_WRITING = "correct it; `docs/access.md` says what policies may speak of"


class Policy(Struct, frozen=True):
    """One policy in force. `actions` are the permissions that it is about; none: all of them."""

    id: str
    effect: Literal["permit", "forbid"]
    words: str  # what it says, in words, by its own account; may be ""
    actions: frozenset[str]
    text: str
    at: Position


class Rulebook(Struct, frozen=True):
    """Every policy by its name, ready to be evaluated. `digest` is a SHA-256 over policies and schema."""

    policies: Mapping[str, Policy]
    engine: CedarEngine
    digest: str


def open_rulebook(added: str = "", file: str = ADDED) -> Rulebook:
    """Read the policies that ship and a workspace's own; raise `InvalidWorkspace` with every problem."""
    schema_text, shipped = _shipped(_SCHEMA), _shipped(SHIPPED)
    schema = CedarSchema(schema_text)
    reading = _Reading(schema)
    reading.read(SHIPPED, shipped)
    reading.read(file, added)
    if reading.problems:
        raise InvalidWorkspace(reading.problems)
    engine = CedarEngine.of((policy.text for policy in reading.policies.values()), schema)
    return Rulebook(reading.policies, engine, _digest((schema_text, shipped, added)))


class _Reading:
    """Gathers policies and problems, file by file."""

    def __init__(self, schema: CedarSchema) -> None:
        self._schema = schema
        self.policies: dict[str, Policy] = {}
        self.problems: list[Problem] = []

    def read(self, file: str, text: str) -> None:
        if problem := size_problem(file, text):
            self.problems.append(problem)
            return
        for statement in statements(text):
            found = list(self._faults(file, statement))
            self.problems += found
            if not found:
                policy = _policy(file, statement)
                self.policies[policy.id] = policy

    def _faults(self, file: str, statement: Statement) -> Iterator[Problem]:
        if problem := shape_problem(file, statement):
            yield problem
            return
        try:
            parsed = parse_policy(statement.text)
        except ValueError as error:
            yield _problem(file, statement, "(policy)", str(error))
            return
        name = parsed.annotations.get("id") or "(policy)"
        yield from self._name_faults(file, statement, parsed)
        for fault in self._schema.faults(statement.text):
            yield _problem(file, statement, name, fault)

    def _name_faults(self, file: str, statement: Statement, parsed: ParsedPolicy) -> Iterator[Problem]:
        at, name = Position(file, statement.line, 1), parsed.annotations.get("id") or ""
        if _NAME.fullmatch(name) is None:
            what = f"`{name[:64]}` is no name of a policy" if name else "the policy has no name"
            yield Problem(at, "(policy)", what, 'give it one, such as `@id("contractors-not-in-production")`')
        elif name in self.policies:
            what = f"there is a policy of this name already, at {self.policies[name].at}"
            yield Problem(at, name, what, "give it another name")


def _policy(file: str, statement: Statement) -> Policy:
    parsed = parse_policy(statement.text)
    words = parsed.annotations.get("says") or ""
    at = Position(file, statement.line, 1)
    return Policy(parsed.annotations["id"] or "", parsed.effect, words, parsed.actions, statement.text, at)


def _problem(file: str, statement: Statement, name: str, message: str) -> Problem:
    what = re.sub(r"^for policy `\w+`[,:] ", "", message)
    return Problem(Position(file, statement.line_of(what), 1), name, what, _WRITING)


def _shipped(name: str) -> str:
    return (resources.files("proviso.access") / "policies" / name).read_text("utf-8")


def _digest(texts: Iterable[str]) -> str:
    whole = hashlib.sha256()
    for text in texts:
        whole.update(hashlib.sha256(text.encode()).digest())
    return whole.hexdigest()
