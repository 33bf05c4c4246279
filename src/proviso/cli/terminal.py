"""What every verb shares: the workspace option, JSON output, and the two consoles."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click
import msgspec
from rich.console import Console

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "proviso.yaml"
_PIPE_WIDTH = 120


def stdout() -> Console:
    """Return the console for results."""
    return _console(sys.stdout)


def stderr() -> Console:
    """Return the console for progress and errors, so that results can be piped."""
    return _console(sys.stderr)


def _console(stream: TextIO) -> Console:
    # What is piped is read by a program or a pager: it is not folded at the width of a terminal that is not there.
    return Console(file=stream, highlight=False, width=None if stream.isatty() else _PIPE_WIDTH)


def workspace_option(function: F) -> F:
    """Add `--workspace DIR`; the default is the nearest folder upwards that has a `proviso.yaml`."""
    return click.option(
        "-w",
        "--workspace",
        type=click.Path(file_okay=False, path_type=Path),
        default=None,
        callback=lambda _ctx, _param, value: value or nearest_workspace(Path.cwd()),
        help="The workspace folder (default: the nearest one upwards).",
    )(function)


def json_option(function: F) -> F:
    """Add `--json`."""
    return click.option("as_json", "--json", is_flag=True, help="Print JSON for a script.")(function)


def nearest_workspace(start: Path) -> Path:
    """Return the nearest folder upwards with a `proviso.yaml`, or `start`, whose check then says what is missing."""
    return next((folder for folder in (start, *start.parents) if (folder / _MARK).is_file()), start)


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
