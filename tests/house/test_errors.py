"""Every error has a stable code of its own, and a heading in the docs that says what it means."""

import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import proviso
from proviso.errors import ProvisoError

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
HEADING = re.compile(r"^## (\w+)\nHTTP (\d{3}) · exit (\d)\. (?s:.)+?\*\*Fix:\*\*", re.M)


def below(error: type[ProvisoError]) -> Iterator[type[ProvisoError]]:
    """Yield an error and all that are kinds of it."""
    yield error
    for kind in error.__subclasses__():
        yield from below(kind)


@pytest.fixture(scope="module")
def errors() -> list[type[ProvisoError]]:
    for module in pkgutil.walk_packages(proviso.__path__, "proviso."):
        if not module.name.endswith("__main__"):  # which is a program
            importlib.import_module(module.name)
    return [error for error in below(ProvisoError) if error.__module__.startswith("proviso.")]


def test_every_error_code_has_a_heading_with_its_status_exit_code_and_fix(
    errors: list[type[ProvisoError]],
) -> None:
    documented = {
        (code, int(status), int(exit_)) for code, status, exit_ in HEADING.findall(PAGE.read_text())
    }
    assert documented == {(error.code, error.status, error.exit) for error in errors}


def test_no_heading_is_there_twice() -> None:
    headings = re.findall(r"^## (\w+)", PAGE.read_text(), re.M)
    assert len(headings) == len(set(headings)) == len(HEADING.findall(PAGE.read_text()))


def test_two_errors_of_one_code_are_kinds_of_one_error(errors: list[type[ProvisoError]]) -> None:
    by_code: dict[str, list[type[ProvisoError]]] = defaultdict(list)
    for error in errors:
        by_code[error.code].append(error)
    for same in by_code.values():
        assert all(issubclass(error, same[0]) for error in same)


def test_a_code_is_a_stable_word_in_lower_case(errors: list[type[ProvisoError]]) -> None:
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", error.code) for error in errors)
