"""Write the generated parts of the docs anew: floors and the command's help. `--check` says if they differ."""

import ast
import configparser
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from proviso.cli.group import root

ROOT = Path(__file__).resolve().parent.parent
ARCHITECTURE = ROOT / "docs" / "architecture.md"
COMMAND = ROOT / "docs" / "cli.md"
START, END = "<!-- rooms: written by `make docs` from each room's docstring -->", "<!-- /rooms -->"


def floors() -> list[list[str]]:
    """Return the floors from the top down, each with its rooms, as the linter enforces them."""
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    lines = config["importlinter:contract:floors"]["layers"].strip().splitlines()
    return [[room.strip() for room in line.split("|")] for line in lines]


def purpose(room: str) -> str:
    """Return the first line of a room's docstring."""
    package = ROOT / "src" / "proviso" / room / "__init__.py"
    path = package if package.exists() else package.parent.with_suffix(".py")
    return (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()[0]


def table() -> str:
    """Return the rooms as a Markdown table."""
    rows = [f"| {n} | `{room}` | {purpose(room)} |" for n, floor in enumerate(floors(), 1) for room in floor]
    return "\n".join(["| floor | room | what it is for |", "|---|---|---|", *rows])


def architecture() -> str:
    """Return the architecture page with its floors as they are now."""
    before, rest = ARCHITECTURE.read_text().split(START)
    return f"{before}{START}\n{table()}\n{END}{rest.split(END, 1)[1]}"


def command_page() -> str:
    """Return the page of the command: its own help, verb by verb."""
    context = click.Context(root, info_name="proviso", max_content_width=100, terminal_width=100)
    sections = [("proviso", root.get_help(context)), *_helps(root, context)]
    parts = [f"## {name}\n\n```text\n{text.rstrip()}\n```\n" for name, text in sections]
    return "# The command\n\nWritten by `make docs` from the command's own help.\n\n" + "\n".join(parts)


def _helps(group: click.Group, context: click.Context) -> Iterator[tuple[str, str]]:
    for verb in group.list_commands(context):
        command = group.get_command(context, verb)
        assert command is not None
        inner = click.Context(
            command, info_name=verb, parent=context, max_content_width=100, terminal_width=100
        )
        yield inner.command_path, command.get_help(inner)
        if isinstance(command, click.Group):
            yield from _helps(command, inner)


def main() -> int:
    """Write the pages, or with `--check` return 1 if one is not up to date."""
    fresh = {ARCHITECTURE: architecture(), COMMAND: command_page()}
    if "--check" in sys.argv:
        return int(any(not page.exists() or page.read_text() != text for page, text in fresh.items()))
    for page, text in fresh.items():
        page.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
