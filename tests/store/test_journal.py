"""The journal: what `append` has returned for is on disk, once and in order, whoever waits or leaves."""

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from proviso.errors import StoreUnavailable
from proviso.store.archive import SqliteArchive
from proviso.store.journal import SqliteJournal
from tests.store.samples import entry


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    opened = SqliteJournal.open(tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[SqliteArchive]:
    opened = SqliteArchive(tmp_path)
    yield opened
    opened.close()


@contextlib.contextmanager
def no_room(journal: SqliteJournal) -> Iterator[None]:
    """A disk on which the log cannot grow: commits fail in the operating system."""
    log = journal.path.with_name(journal.path.name + "-wal").stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log + 1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_an_appended_entry_is_there_with_its_payload(
    journal: SqliteJournal, archive: SqliteArchive
) -> None:
    sequence = await journal.append(entry("r1"))
    (stored,) = archive.events_of("r1")
    assert (stored.writer, stored.sequence, stored.app) == ("w0", sequence, "a")
    assert stored.payload == b"text of r1"


async def test_entries_that_wait_together_keep_their_order(
    journal: SqliteJournal, archive: SqliteArchive
) -> None:
    sequences = await asyncio.gather(*[journal.append(entry(f"r{n}")) for n in range(1_200)])
    assert sequences == list(range(1, 1_201))
    assert archive.events_of("r700")[0].sequence == 701


async def test_a_caller_that_leaves_neither_loses_nor_doubles_its_entry(
    journal: SqliteJournal, archive: SqliteArchive
) -> None:
    callers = [asyncio.create_task(journal.append(entry(f"r{n}"))) for n in range(40)]
    await asyncio.sleep(0)
    for caller in callers[::2]:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    await journal.append(entry("last"))
    assert [len(archive.events_of(f"r{n}")) for n in range(40)] == [1] * 40


async def test_a_full_disk_fails_those_who_wait_and_leaves_no_half_batch(
    journal: SqliteJournal, archive: SqliteArchive
) -> None:
    await journal.append(entry("before"))
    with no_room(journal):
        calls = [journal.append(entry(f"r{n}")) for n in range(5)]
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailable] * 5
    assert all(archive.events_of(f"r{n}") == [] for n in range(5))


async def test_after_a_failed_commit_the_numbers_go_on_without_a_hole(journal: SqliteJournal) -> None:
    assert await journal.append(entry("before")) == 1
    with no_room(journal), pytest.raises(StoreUnavailable, match=r"disk is full|I/O"):
        await journal.append(entry("lost"))
    assert await journal.append(entry("after")) == 2


async def test_rollups_are_added_up_over_commits(journal: SqliteJournal, archive: SqliteArchive) -> None:
    await asyncio.gather(*[journal.append(entry(f"a{n}")) for n in range(3)])
    await journal.append(entry("b"))
    (rollup,) = archive.rollups(1, 1)
    assert rollup.amounts == (4, 0, 40, 8, 12, 16)
    assert rollup.buckets == {5: 4}


async def test_a_run_is_open_from_its_start_to_its_end(journal: SqliteJournal) -> None:
    await journal.append(entry("r1", opens=True))
    await journal.append(entry("r2", opens=True))
    await journal.append(entry("r1", closes=True))
    assert journal.open_runs() == [b'{"run":"r2"}']


async def test_close_waits_for_what_has_been_appended(tmp_path: Path, archive: SqliteArchive) -> None:
    journal = SqliteJournal.open(tmp_path)
    waiting = [asyncio.create_task(journal.append(entry(f"r{n}"))) for n in range(600)]
    await asyncio.sleep(0)
    await journal.close()
    assert all(task.done() for task in waiting)
    assert len(archive.events_of("r599")) == 1


async def test_a_closed_journal_takes_nothing_more(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    await journal.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await journal.append(entry("late"))


def test_what_one_loop_leaves_behind_the_next_one_finishes(tmp_path: Path, archive: SqliteArchive) -> None:
    journal = SqliteJournal.open(tmp_path)

    async def abandon() -> None:
        for name in ("flying", "gathered"):
            caller = asyncio.create_task(journal.append(entry(name)))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            caller.cancel()

    async def go_on() -> None:
        await journal.append(entry("next"))
        await journal.close()

    asyncio.run(abandon())
    asyncio.run(go_on())
    assert [len(archive.events_of(name)) for name in ("flying", "gathered", "next")] == [1, 1, 1]


async def test_a_number_too_large_for_the_store_is_refused_and_does_not_block_it(
    journal: SqliteJournal,
) -> None:
    with pytest.raises(StoreUnavailable):
        await journal.append(entry("r1", at=2**70))
    assert await journal.append(entry("r2")) == 1


async def test_the_log_is_forced_to_disk_at_each_commit(journal: SqliteJournal) -> None:
    settings = {name: journal._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _DURABLE}
    assert settings == _DURABLE


_DURABLE = {"journal_mode": "wal", "synchronous": 2}
