"""Several writers in one store: each has its own name, and readers see all of them."""

import asyncio
import subprocess
import sys

from proviso.store import Journal
from tests.engines import Engine
from tests.store.samples import entry

_OPEN_BOTH = """
import sys
from pathlib import Path
from proviso.store import Control, open_store
sys.stdin.readline()
store = open_store(Path(sys.argv[1]), sys.argv[2])
control, journal = Control(store.database), store.journal()
control.publish("opened")
print(journal.writer, flush=True)
sys.stdin.readline()
"""


def two(engine: Engine) -> tuple[Journal, Journal]:
    return engine.open().journal(), engine.open().journal()


def test_two_writers_have_two_names_and_a_free_name_is_taken_again(engine: Engine) -> None:
    first, second = two(engine)
    assert (first.writer, second.writer) == ("w0", "w1")
    first.release()
    third = engine.open().journal()
    assert third.writer == "w0"
    second.release()
    third.release()


async def test_a_name_that_is_taken_again_goes_on_with_its_numbers(engine: Engine) -> None:
    for expected in (1, 2):
        journal = engine.open().journal()
        assert await journal.append(entry(f"r{expected}")) == expected
        await journal.close()


async def test_a_reader_sees_all_writers_while_they_write(engine: Engine) -> None:
    (one, other), archive = two(engine), engine.open().archive()
    await asyncio.gather(one.append(entry("r1", at=1)), other.append(entry("r2", at=2)))
    assert [stored.writer for stored in archive.finished(5)] == ["w1", "w0"]
    await one.append(entry("r3", at=3))
    assert [stored.run for stored in archive.finished(2, "a")] == ["r3", "r2"]
    await asyncio.gather(one.close(), other.close())
    archive.close()


async def test_a_reader_reads_what_a_writer_that_has_ended_left(engine: Engine) -> None:
    journal = engine.open().journal()
    await journal.append(entry("r1"))
    await journal.close()
    archive = engine.open().archive()
    assert len(archive.events_of("r1")) == 1
    archive.close()


async def test_rollups_of_two_writers_come_as_two_cells_with_the_same_labels(engine: Engine) -> None:
    (one, other), archive = two(engine), engine.open().archive()
    await asyncio.gather(one.append(entry("r1")), other.append(entry("r2")))
    assert [rollup.labels for rollup in archive.rollups(0, 9)] == ['{"app":"a"}'] * 2
    await asyncio.gather(one.close(), other.close())
    archive.close()


async def test_only_the_journals_of_writers_that_have_ended_are_abandoned(engine: Engine) -> None:
    living, ended = two(engine)
    await asyncio.gather(living.append(entry("r1", opens=True)), ended.append(entry("r2", opens=True)))
    ended.release()
    found = []
    for left in engine.open().abandoned():
        found.append((left.writer, left.open_runs()))
        left.release()
    assert found == [("w1", [b'{"run":"r2"}'])]
    await living.close()


async def test_what_is_appended_to_an_abandoned_journal_ends_its_runs(engine: Engine) -> None:
    ended = engine.open().journal()
    await ended.append(entry("r1", opens=True))
    ended.release()
    (left,) = engine.open().abandoned()
    left.append_now([entry("r1", closes=True)])
    assert left.open_runs() == []
    left.release()
    assert [stored.sequence for stored in engine.open().archive().events_of("r1")] == [1, 2]


def test_processes_that_open_a_new_store_at_once_all_succeed(engine: Engine) -> None:
    command = [sys.executable, "-c", _OPEN_BOTH, str(engine.folder), engine.url]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    names = [child.stdout.readline().strip() for child in children if child.stdout is not None]
    assert sorted(names) == ["w0", "w1", "w2", "w3"]
    assert engine.control().news() == {"opened": 4}
    assert [child.communicate("end\n")[1] is None and child.returncode for child in children] == [0] * 4
