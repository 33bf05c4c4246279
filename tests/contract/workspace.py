"""The example workspace, whole or with one thing changed, for the tests of this room."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs

from proviso.contract import App, Oidc, Rules, load_app
from proviso.errors import InvalidWorkspace
from proviso.types import Problem

EXAMPLE = Path(str(files("proviso") / "examples" / "policy-qa"))
APP = "apps/policy-qa"
HOSTED = "anthropic.claude-sonnet-4-5-20250929-v1:0"
PROFILE = f"eu.{HOSTED}"
BOOK = f"""\
version: 3
source: LiteLLM
updated: 2026-11-20
prices:
  {HOSTED}: {{input: 3000000, output: 15000000}}
  {PROFILE}: {{input: 3300000, output: 16500000, cache_read: 330000, cache_write: 4125000}}
"""


def pattern_problem(pattern: str) -> str | None:
    """Stand in for the guardrails' own check of patterns."""
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    return None


def schema_problem(schema: Any) -> str | None:
    """Check a JSON Schema."""
    try:
        jsonschema_rs.validator_for(schema)
    except (ValueError, jsonschema_rs.ValidationError) as error:
        return str(error)
    return None


def provider_problems(oidc: Oidc) -> list[tuple[str, str, str]]:
    """Check the settings of a provider."""
    return [] if oidc.issuer.startswith("https:") else [("issuer", "no address", "use https")]


RULES = Rules(date(2026, 11, 22), pattern_problem, schema_problem, lambda _: (), provider_problems)


@cache
def example_app() -> App:
    """Load the example once: for property tests, which take no fixtures."""
    return load_app(EXAMPLE, "policy-qa", RULES)


class Copy:
    """A copy of the example that a test may change."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "workspace"
        shutil.copytree(EXAMPLE, self.root, symlinks=True)

    def replace(self, file: str, old: str, new: str) -> None:
        """Replace a text of a file that must be there."""
        path = self.root / file
        text = path.read_text("utf-8")
        assert old in text, f"`{old}` is not in {file}"
        path.write_text(text.replace(old, new, 1), "utf-8")

    def write(self, file: str, content: str | bytes) -> None:
        """Write a file anew."""
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    @contextmanager
    def as_it_was(self, file: str) -> Iterator[None]:
        """Undo changes of one file at the end."""
        before = (self.root / file).read_bytes()
        try:
            yield
        finally:
            (self.root / file).write_bytes(before)

    def load(self) -> App:
        """Load the app."""
        return load_app(self.root, "policy-qa", RULES)

    def problems(self) -> tuple[Problem, ...]:
        """Return the problems of the app, none if it is valid."""
        try:
            self.load()
        except InvalidWorkspace as error:
            return error.problems
        return ()
