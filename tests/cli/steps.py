"""What the tests of the command share: changing the example, asking it, reading what is on disk."""

import json
from pathlib import Path
from typing import Any

from tests.conftest import Command

APP = "policy-qa"
CONTRACT = "apps/policy-qa/contract.yaml"
SOURCES = "apps/policy-qa/sources.yaml"
WORKFLOW = "apps/policy-qa/workflow.yaml"
PROMPT = "apps/policy-qa/prompts/answer.md"
OSLO = "What is the per diem for Oslo?"
CARD = "4111 1111 1111 1111"
SSN = "536-22-8145"


def change(folder: Path, file: str, old: str, new: str) -> None:
    """Replace a text of a file, which must be there."""
    path = folder / file
    text = path.read_text("utf-8")
    assert old in text, f"`{old}` is not in {file}"
    path.write_text(text.replace(old, new, 1), "utf-8")


def without_approval(folder: Path, source: str) -> None:
    """Take a source's approval away."""
    text = (folder / SOURCES).read_text()
    start = text.index("    approval:", text.index(f"  {source}:"))
    end = text.index("    superseded:", start)
    (folder / SOURCES).write_text(text[:start] + text[end:])


def run_json(proviso: Command, *arguments: str | Path, code: int = 0) -> Any:
    """Run a verb with `--json` and return what it prints."""
    done = proviso(*arguments, "--json")
    assert done.code == code, done.err
    return json.loads(done.out)


def ask(proviso: Command, folder: Path, question: str = OSLO, *more: str) -> Any:
    """Ask the app, and return the run as `--json` prints it."""
    return run_json(proviso, "ask", "-w", folder, APP, question, *more)


def search(proviso: Command, folder: Path, question: str, *more: str) -> list[dict[str, Any]]:
    """Search the app's sources, and return the passages."""
    found: list[dict[str, Any]] = run_json(proviso, "search", "-w", folder, APP, question, *more)["passages"]
    return found


def trace(proviso: Command, folder: Path, run: str) -> Any:
    """Trace a run."""
    return run_json(proviso, "trace", "-w", folder, run)


def check(proviso: Command, folder: Path) -> Any:
    """Check the app; return the report of one that is valid, with gaps."""
    (report,) = run_json(proviso, "check", "-w", folder, code=1)
    return report


def problems(proviso: Command, folder: Path) -> str:
    """Check an app that is invalid; return what is said of it, on one line a problem."""
    done = proviso("check", "-w", folder)
    assert done.code == 2
    assert not done.out
    return done.err.replace("\n    ", " | ")


def on_disk(folder: Path) -> bytes:
    """Return every byte below the folder of the state."""
    state = folder / ".proviso"
    return b"".join(path.read_bytes() for path in sorted(state.rglob("*")) if path.is_file())
