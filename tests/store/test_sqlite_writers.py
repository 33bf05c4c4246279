"""Writers' files: one process at a time owns each, and what cannot be used is refused and left alone."""

from pathlib import Path

import pytest

from proviso.store import NewerSchema
from proviso.store.archive import SqliteArchive
from proviso.store.journal import SqliteJournal
from proviso.store.slots import dead_slots, take_slot


def test_two_writers_have_two_names_and_a_free_name_is_taken_again(tmp_path: Path) -> None:
    first, second = take_slot(tmp_path), take_slot(tmp_path)
    assert (first.name, second.name) == ("w0", "w1")
    first.release()
    assert take_slot(tmp_path).name == "w0"


def test_only_the_names_of_writers_that_have_ended_are_dead(tmp_path: Path) -> None:
    living, ended = SqliteJournal.open(tmp_path), SqliteJournal.open(tmp_path)
    ended.release()
    assert [slot.name for slot in dead_slots(tmp_path)] == ["w1"]
    living.release()


def test_a_file_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    journal._connection.execute("PRAGMA user_version = 99")
    journal.release()
    with pytest.raises(NewerSchema, match="schema 99"):
        SqliteJournal.open(tmp_path)
    with pytest.raises(NewerSchema):
        SqliteArchive(tmp_path).events_of("r1")


def test_a_refused_file_leaves_its_name_free(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    journal._connection.execute("PRAGMA user_version = 99")
    journal.release()
    with pytest.raises(NewerSchema):
        SqliteJournal.open(tmp_path)
    assert take_slot(tmp_path).name == "w0"


def test_a_file_that_is_only_being_made_has_nothing_to_read(tmp_path: Path) -> None:
    (tmp_path / "runs-w0.db").touch()
    assert SqliteArchive(tmp_path).events_of("r1") == []


def test_databases_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "deep"
    journal = SqliteJournal.open(folder)
    assert journal.path.stat().st_mode & 0o077 == 0
    assert folder.stat().st_mode & 0o077 == 0
    journal.release()
