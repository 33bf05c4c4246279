"""Equal code gives equal answers: what shapes an answer is in the release digest, our own code by its REVISION."""

from pathlib import Path

import msgspec
import pytest
from tools.golden import DANA, Golden, make_example, objection, open_site, stored

from proviso.app import REVISIONS

HOW = "raise the REVISION of the room whose code changed, then `python tools/golden.py`"


def kept() -> Golden:
    found = stored()
    assert found is not None, "run `python tools/golden.py`"
    return found


def test_the_example_answers_as_it_did(golden: Golden) -> None:
    assert golden.differing(kept()) == [], HOW


def test_the_kept_answers_are_of_the_revisions_in_force() -> None:
    assert kept().revisions == REVISIONS, "run `python tools/golden.py`"


def digests(folder: Path) -> tuple[str, str, str]:
    """Return the digests of release, terms and snapshot of the example in a folder."""
    site = open_site(folder)
    try:
        release = site.routing.resolve("policy-qa", DANA)
        return release.digest, release.terms.digest, release.snapshot
    finally:
        site.release()


def test_digests_depend_neither_on_the_folder_nor_on_the_time(indexed: Path, tmp_path: Path) -> None:
    other = make_example(tmp_path / "elsewhere" / "deep")
    assert digests(other) == digests(indexed)


OLD = Golden("r1", {"text": 1, "models": 1}, {"q": {"text": "a"}})


@pytest.mark.parametrize(
    ("new", "flag", "words"),
    [
        (OLD, False, ""),
        (
            msgspec.structs.replace(OLD, answers={"q": {"text": "b"}}),
            True,
            "same release answers differently",
        ),
        (Golden("r2", OLD.revisions, {"q": {"text": "b"}}), False, "--same-revision"),
        (Golden("r2", OLD.revisions, {"q": {"text": "b"}}), True, ""),
        (Golden("r2", {"text": 2, "models": 1}, {"q": {"text": "b"}}), False, ""),
        (Golden("r2", {"text": 0, "models": 1}, OLD.answers), True, "REVISION of text is lower"),
    ],
)
def test_the_tool_replaces_answers_only_for_a_reason(new: Golden, flag: bool, words: str) -> None:
    said = objection(OLD, new, same_revision=flag)
    assert words in said
    assert bool(said) == bool(words)
