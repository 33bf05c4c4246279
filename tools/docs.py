"""Write the generated parts of the docs anew: the floors of `docs/architecture.md`. `--check` only says if they differ."""

import ast
import configparser
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
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


def main() -> int:
    """Write the page, or with `--check` return 1 if it is not up to date."""
    page = PAGE.read_text()
    before, rest = page.split(START)
    fresh = f"{before}{START}\n{table()}\n{END}{rest.split(END, 1)[1]}"
    if "--check" in sys.argv:
        return int(fresh != page)
    PAGE.write_text(fresh)
    return 0


if __name__ == "__main__":
    sys.exit(main())
