"""A snapshot is stale as soon as a build would see other documents."""

import os
from pathlib import Path

import pytest

from proviso.retrieval import is_stale
from tests.retrieval.corpus import NOW, TRAVEL, build, source


def later(path: Path) -> None:
    os.utime(path, (NOW.timestamp() + 60, NOW.timestamp() + 60))


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "snapshots"


def test_a_fresh_snapshot_is_not_stale(tmp_path: Path, into: Path) -> None:
    travel = source(tmp_path / "travel", TRAVEL)
    assert not is_stale([travel], into, build(into, travel).digest)


def test_a_changed_document_makes_it_stale(tmp_path: Path, into: Path) -> None:
    travel = source(tmp_path / "travel", TRAVEL)
    built = build(into, travel)
    (travel.folder / "hotels.md").write_text("# Hotels\n\nA room in Oslo may cost NOK 2,000 per night.\n")
    assert is_stale([travel], into, built.digest)


def test_a_removed_document_makes_it_stale(tmp_path: Path, into: Path) -> None:
    travel = source(tmp_path / "travel", TRAVEL)
    built = build(into, travel)
    (travel.folder / "hotels.md").unlink()
    assert is_stale([travel], into, built.digest)


def test_a_new_document_makes_it_stale(tmp_path: Path, into: Path) -> None:
    travel = source(tmp_path / "travel", TRAVEL)
    built = build(into, travel)
    (travel.folder / "ferries.md").write_text("Ferries are booked by the desk.\n")
    later(travel.folder / "ferries.md")
    assert is_stale([travel], into, built.digest)


def test_a_document_that_is_now_superseded_makes_it_stale(tmp_path: Path, into: Path) -> None:
    built = build(into, source(tmp_path / "travel", TRAVEL))
    now = source(tmp_path / "travel", TRAVEL, superseded={"hotels.md": "trains.txt"})
    assert is_stale([now], into, built.digest)


def test_a_source_that_is_no_longer_approved_makes_it_stale(tmp_path: Path, into: Path) -> None:
    built = build(into, source(tmp_path / "travel", TRAVEL))
    assert is_stale([source(tmp_path / "travel", TRAVEL, approved_by="")], into, built.digest)


def test_a_snapshot_that_is_not_there_is_stale(tmp_path: Path, into: Path) -> None:
    assert is_stale([source(tmp_path / "travel", TRAVEL)], into, "0" * 64)
