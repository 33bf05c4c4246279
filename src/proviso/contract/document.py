"""YAML with a place for every key and value: bounded, without aliases or tags, scalars as in YAML 1.2.

The only module that knows the YAML library. Values are what JSON has: `no`, `on`, dates and `1:30` are texts.
"""

import re
from collections.abc import Iterator

import yaml
from msgspec import Struct, field

from proviso.types import Position, Problem

MAX_BYTES = 1_048_576
MAX_DEPTH = 32
MAX_PROBLEMS = 100  # of one file: after so many the reader stops, because the rest would teach nothing

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
Path = tuple[str | int, ...]  # keys and list indexes from the file's root

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SAFE_INTEGER = 2**53 - 1  # beyond it JSON readers disagree
_WORDS: dict[str, Json] = {"": None, "~": None, "null": None, "true": True, "false": False}


class Place(Struct, frozen=True, gc=False):
    """Where a key and its value stand; list items and the root have no key of their own. All count from 1."""

    key_line: int
    key_column: int
    line: int
    column: int


class Document(Struct, frozen=True):
    """One YAML file: its value, and the place of everything in it."""

    file: str
    value: Json
    places: dict[Path, Place] = field(default_factory=dict)
    whole: bool = True  # False: the reading ended early, and what is not here may still stand in the file
    unread: frozenset[Path] = (
        frozenset()
    )  # values that have a problem of their own: what they are is not known

    def key(self, path: Path) -> Position:
        """Return where the key of `path` stands, or of the nearest enclosing section that does."""
        place = self._nearest(path)
        return Position(self.file, place.key_line, place.key_column) if place else Position(self.file)

    def at(self, path: Path) -> Position:
        """Return where the value of `path` stands, or its nearest enclosing section's key."""
        place = self.places.get(path)
        return Position(self.file, place.line, place.column) if place else self.key(path)

    def _nearest(self, path: Path) -> Place | None:
        for length in range(len(path), -1, -1):
            if place := self.places.get(path[:length]):
                return place
        return None


class _Stop(Exception):
    """The rest of the file cannot be read."""


def parse_document(file: str, content: bytes) -> tuple[Document, tuple[Problem, ...]]:
    """Read a YAML file. Where there are problems, the document holds what could be read all the same."""
    reader = _Reader(file)
    whole = False
    try:
        text = reader.text(content)
        reader.read(yaml.parse(text, Loader=yaml.CSafeLoader))
        whole = True
    except _Stop:
        pass
    except yaml.MarkedYAMLError as error:
        reader.syntax(error)
    except yaml.reader.ReaderError as error:
        reader.control(error, text.encode())
    return Document(file, reader.value, reader.places, whole, frozenset(reader.unread)), tuple(
        reader.problems
    )


class _Level:
    """A section or list that is still open."""

    __slots__ = ("container", "key", "path", "skipping")

    def __init__(self, container: dict[str, Json] | list[Json], path: Path, *, skipping: bool) -> None:
        self.container = container
        self.path = path
        self.skipping = skipping  # it stands under a repeated key, and counts for nothing
        self.key: tuple[str, int, int, bool] | None = None  # name, line, column, repeated


class _Reader:
    """Builds values from the parser's events, without recursion, so that depth costs nothing."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.value: Json = None
        self.places: dict[Path, Place] = {}
        self.problems: list[Problem] = []
        self.unread: set[Path] = set()
        self._open: list[_Level] = []

    def report(self, line: int, column: int, what: str, fix: str, clause: str = "") -> None:
        clause = clause or (self._clause() if self._open else "")
        self.problems.append(Problem(Position(self.file, line, column), clause or "(file)", what, fix))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _Stop

    def text(self, content: bytes) -> str:
        if len(content) > MAX_BYTES:
            self.report(0, 0, f"{len(content):,} bytes long", f"keep it under {MAX_BYTES:,} bytes")
            raise _Stop
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = content[: error.start]
            line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
            self.report(line, column, "not UTF-8", "save the file as UTF-8")
            raise _Stop from None

    def control(self, error: yaml.reader.ReaderError, content: bytes) -> None:
        """Report a control character; the library counts its position in bytes of UTF-8."""
        lines = content[: error.position].decode("utf-8", "ignore").split("\n")
        what = f"not readable as YAML: the control character U+{error.character:04X}"
        self.report(len(lines), len(lines[-1]) + 1, what, "remove the character")

    def syntax(self, error: yaml.MarkedYAMLError) -> None:
        problem = str(error.problem or error.context or "not readable")
        # What was opened and never closed is best seen where it was opened.
        opened = "end of stream" in problem or "',' or" in problem
        mark = (opened and error.context_mark) or error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        what, fix = _explain(problem)
        self.report(line, column, what, fix)

    def read(self, events: Iterator[yaml.Event]) -> None:
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    line, column = _place(event)
                    self.report(line, column, "a second document begins here", "keep one document in a file")
                    raise _Stop
            elif isinstance(event, yaml.NodeEvent):
                self._node(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._open.pop()

    def _node(self, event: yaml.NodeEvent) -> None:
        line, column = _place(event)
        anchor_or_alias = event.anchor is not None
        if anchor_or_alias:
            self.report(
                line,
                column,
                f"`{event.anchor}` is an anchor or an alias",
                "write the value out where it is used",
            )
        if tag := getattr(event, "tag", None):
            self.report(line, column, f"`{tag}` is a tag", "remove it: the format knows each value's type")
        top = self._open[-1] if self._open else None
        if top is not None and isinstance(top.container, dict) and top.key is None:
            self._key(top, event, line, column)
        else:
            self._value(top, event, line, column)

    def _key(self, top: _Level, event: yaml.NodeEvent, line: int, column: int) -> None:
        if isinstance(event, yaml.ScalarEvent):
            name = event.value
        elif isinstance(event, yaml.AliasEvent):
            name = f"*{event.anchor}"
        else:
            self.report(line, column, "a key is a list or a section", "use a name as the key")
            raise _Stop
        repeated = name in top.container
        if repeated:
            first = self.places[(*top.path, name)]
            self.report(
                line, column, f"the key stands here a second time, first in line {first.key_line}",
                "remove one of the two", _dotted((*top.path, name)),
            )  # fmt: skip
        top.key = (name, line, column, repeated)

    def _value(self, top: _Level | None, event: yaml.NodeEvent, line: int, column: int) -> None:
        path: Path = ()
        key_line, key_column, skipping = line, column, False
        if top is not None:
            path, key_line, key_column, skipping = self._slot(top, line, column)
        value = self._made(event, path, line, column)
        if skipping or isinstance(event, yaml.AliasEvent) or getattr(event, "tag", None):
            self.unread.add(path)
        if not skipping:
            self.places[path] = Place(key_line, key_column, line, column)
            self._store(top, path, value)
        if top is not None:
            top.key = None
        if isinstance(value, dict | list):
            if len(self._open) >= MAX_DEPTH:
                self.report(line, column, f"more than {MAX_DEPTH} levels deep", "flatten it")
                raise _Stop
            self._open.append(_Level(value, path, skipping=skipping))

    def _slot(self, top: _Level, line: int, column: int) -> tuple[Path, int, int, bool]:
        if isinstance(top.container, list):
            return (*top.path, len(top.container)), line, column, top.skipping
        assert top.key is not None
        name, key_line, key_column, repeated = top.key
        return (*top.path, name), key_line, key_column, top.skipping or repeated

    def _store(self, top: _Level | None, path: Path, value: Json) -> None:
        if top is None:
            self.value = value
        elif isinstance(top.container, list):
            top.container.append(value)
        else:
            top.container[str(path[-1])] = value

    def _made(self, event: yaml.NodeEvent, path: Path, line: int, column: int) -> Json:
        if isinstance(event, yaml.MappingStartEvent):
            return {}
        if isinstance(event, yaml.SequenceStartEvent):
            return []
        if not isinstance(event, yaml.ScalarEvent):
            return None  # an alias, reported already
        if not event.implicit[0]:
            return str(event.value)  # quoted, or a block of text
        try:
            return scalar(event.value)
        except ValueError as error:
            self.report(
                line, column, str(error), "write a smaller number, or put it in quotes", _dotted(path)
            )
            self.unread.add(path)
            return str(event.value)

    def _clause(self) -> str:
        top = self._open[-1]
        return _dotted((*top.path, top.key[0]) if top.key else top.path)


def scalar(text: str) -> Json:
    """Return the value of a plain scalar; raise `ValueError` for a number that JSON readers disagree on.

    After the core schema of YAML 1.2 (§10.3.2), without octal, hexadecimal, `.inf` and `.nan`; a number with
    a leading zero is a text, because it is usually a code.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        if len(text) > 17 or abs(int(text)) > _SAFE_INTEGER:
            raise ValueError(f"`{text[:24]}` is too large a number")
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if abs(number) == float("inf"):
            raise ValueError(f"`{text[:24]}` is too large a number")
        return number
    return text


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


def _explain(problem: str) -> tuple[str, str]:
    """Return the library's message in words for somebody who does not write YAML every day."""
    for mark, what, fix in (
        ("cannot start any token", "a character that cannot stand here", "use spaces, not tabs; quote texts"),
        ("found a tab", "a tab", "indent with spaces"),
        (
            "mapping values are not allowed",
            "a second `: ` in one line",
            "put the text in quotes, or break the line",
        ),
        ("could not find expected ':'", "a key without `:`", "write `key: value`"),
        ("did not find expected key", "wrong indentation, or an open quote", "align it with its neighbours"),
        ("did not find expected <document start>", "wrong indentation", "align it with its neighbours"),
        (
            "sequence entries are not allowed",
            "a list that begins on its key's line",
            "begin it on a new line",
        ),
        ("did not find expected '-'", "wrong indentation in a list", "align the `-` signs"),
        ("did not find expected ',' or", "a list or section that is not closed", "close it with `]` or `}`"),
        ("unexpected end of stream", "a quote that is not closed", "close the quote"),
    ):
        if mark in problem:
            return f"not readable as YAML: {what}", fix
    return f"not readable as YAML: {problem[:120]}", "correct the line, or put the text in quotes"
