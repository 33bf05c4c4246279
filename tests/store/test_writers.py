"""Several writers in one folder: each has its own file, and readers see all of them."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from proviso.store import NewerSchema
from proviso.store.archive import SqliteArchive
from proviso.store.journal import SqliteJournal
from proviso.store.slots import dead_slots, take_slot, writers
from tests.store.samples import entry

_OPEN_BOTH = """
import sys
from pathlib import Path
from proviso.store import Control, open_store
from proviso.store.journal import SqliteJournal
sys.stdin.readline()
control, journal = Control(open_store(Path(sys.argv[1])).database), SqliteJournal.open(Path(sys.argv[1]))
print(journal.writer, flush=True)
sys.stdin.readline()
"""


def test_two_writers_have_two_names_and_a_free_name_is_taken_again(tmp_path: Path) -> None:
    first, second = take_slot(tmp_path), take_slot(tmp_path)
    assert (first.name, second.name) == ("w0", "w1")
    first.release()
    assert take_slot(tmp_path).name == "w0"


async def test_a_reader_sees_all_writers_while_they_write(tmp_path: Path) -> None:
    one, two, archive = SqliteJournal.open(tmp_path), SqliteJournal.open(tmp_path), SqliteArchive(tmp_path)
    await asyncio.gather(one.append(entry("r1", at=1)), two.append(entry("r2", at=2)))
    assert [stored.writer for stored in archive.finished(5)] == ["w1", "w0"]
    await one.append(entry("r3", at=3))
    assert [stored.run for stored in archive.finished(2, "a")] == ["r3", "r2"]
    await asyncio.gather(one.close(), two.close())
    archive.close()


async def test_a_reader_reads_what_a_writer_that_has_ended_left(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    await journal.append(entry("r1"))
    await journal.close()
    archive = SqliteArchive(tmp_path)
    assert len(archive.events_of("r1")) == 1
    archive.close()


async def test_rollups_of_two_writers_come_as_two_cells_with_the_same_labels(tmp_path: Path) -> None:
    one, two, archive = SqliteJournal.open(tmp_path), SqliteJournal.open(tmp_path), SqliteArchive(tmp_path)
    await asyncio.gather(one.append(entry("r1")), two.append(entry("r2")))
    assert [rollup.labels for rollup in archive.rollups(0, 9)] == ['{"app":"a"}'] * 2
    await asyncio.gather(one.close(), two.close())
    archive.close()


def test_only_the_names_of_writers_that_have_ended_are_dead(tmp_path: Path) -> None:
    living, ended = SqliteJournal.open(tmp_path), SqliteJournal.open(tmp_path)
    ended.release()
    assert [slot.name for slot in dead_slots(tmp_path)] == ["w1"]
    living.release()


def test_processes_that_open_a_new_folder_at_once_all_succeed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _OPEN_BOTH, str(tmp_path)]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    names = [child.stdout.readline().strip() for child in children if child.stdout is not None]
    assert sorted(names) == writers(tmp_path) == ["w0", "w1", "w2", "w3"]
    assert [child.communicate("end\n")[1] is None and child.returncode for child in children] == [0] * 4


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
