"""Ask the example 60 questions in process and keep the answers: equal code must give equal answers.

`python tools/golden.py` writes `tests/golden/answers.json` anew. It refuses answers that differ while no room's
REVISION has been raised, because then two programs would answer differently under one release digest.
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from proviso.app import REVISIONS, Site, example_folder, index_apps
from proviso.settings import Settings
from proviso.types import Answer, Principal, Purpose, Request, Served

ROOT = Path(__file__).resolve().parent.parent
QUESTIONS = ROOT / "tests" / "golden" / "questions.yaml"
ANSWERS = ROOT / "tests" / "golden" / "answers.json"
APP = "policy-qa"
DANA = Principal("dana", frozenset({"employees"}), frozenset({"user"}), "local")


class Golden(Struct, frozen=True):
    """What the example answers, question by question, under which release and revisions of our rooms."""

    release: str
    revisions: dict[str, int]
    answers: dict[str, dict[str, Any]]

    def differing(self, other: "Golden") -> list[str]:
        """Return the questions that the two answer differently, or that only one of them has."""
        both = {**self.answers, **other.answers}
        return [question for question in both if self.answers.get(question) != other.answers.get(question)]


def make_example(folder: Path) -> Path:
    """Copy the example into a folder and index it."""
    shutil.copytree(example_folder(APP), folder)
    index_apps(folder, Settings(), (), lambda _done, _total, _name: None)
    return folder


def questions() -> dict[str, Any]:
    """Return the questions: `answered` with document and gold, `unanswerable`, `refused`."""
    read: dict[str, Any] = yaml.safe_load(QUESTIONS.read_text("utf-8"))
    return read


def every_question() -> list[str]:
    """Return all questions in their order."""
    read = questions()
    return [*(item["question"] for item in read["answered"]), *read["unanswerable"], *read["refused"]]


def open_site(folder: Path) -> Site:
    """Open the example in a folder, for a test."""
    return Site.open(folder, Settings(), Purpose.TEST)


def ask_all(folder: Path, texts: Sequence[str]) -> Golden:
    """Ask the example in a folder, through the compiled release."""
    site = open_site(folder)

    async def go() -> list[Served]:
        try:
            asked = [await site.begin(Request(APP, text, purpose=Purpose.TEST), DANA) for text in texts]
            return [await pending.serve() for pending in asked]
        finally:
            await site.close()

    release = site.routing.resolve(APP, DANA).digest
    served = asyncio.run(go())
    answers = {text: as_golden(run) for text, run in zip(texts, served, strict=True)}
    return Golden(release, dict(REVISIONS), answers)


def as_golden(served: Served) -> dict[str, Any]:
    """Return what must stay the same of an answer or a refusal."""
    outcome = served.outcome
    if isinstance(outcome, Answer):
        places = [f"{c.source}/{c.document} {c.start}-{c.end}" for c in outcome.citations]
        return {"outcome": "answer", "text": outcome.text, "citations": places}
    return {"outcome": "refusal", "clause": outcome.clause, "reason": outcome.reason, "text": outcome.text}


def stored() -> Golden | None:
    """Return the answers as they were kept; None before the first time."""
    if not ANSWERS.is_file():
        return None
    value: Mapping[str, Any] = json.loads(ANSWERS.read_text("utf-8"))
    return Golden(value["release"], value["revisions"], value["answers"])


def objection(old: Golden | None, new: Golden, *, same_revision: bool) -> str:
    """Say why the new answers may not replace the old ones, or nothing."""
    if old is None:
        return ""
    lowered = [room for room, revision in old.revisions.items() if new.revisions.get(room, 0) < revision]
    if lowered:
        return f"the REVISION of {', '.join(lowered)} is lower than it was: raise it"
    differing = old.differing(new)
    if not differing or old.revisions != new.revisions:
        return ""
    listed = "\n".join(f"  {question}" for question in differing)
    if old.release == new.release:
        return f"the same release answers differently:\n{listed}\nraise the REVISION of the room whose code changed"
    if not same_revision:
        return (
            f"answers differ and no REVISION does:\n{listed}\nraise the REVISION of the room whose code changed, "
            "or say `--same-revision` if only the example changed"
        )
    return ""


def main() -> int:
    """Return 0 when the file is written; 1 when it must not be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--same-revision", action="store_true", help="the answers changed with the example")
    same_revision = parser.parse_args().same_revision
    with tempfile.TemporaryDirectory() as place:
        new = ask_all(make_example(Path(place) / "example"), every_question())
    old = stored()
    if said := objection(old, new, same_revision=same_revision):
        sys.stderr.write(f"{said}\n")
        return 1
    value = {"release": new.release, "revisions": new.revisions, "answers": new.answers}
    ANSWERS.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", "utf-8")
    changed = len(old.differing(new)) if old else len(new.answers)
    sys.stdout.write(f"wrote {len(new.answers)} answers, {changed} of them new\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
