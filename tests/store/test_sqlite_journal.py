"""The journal in a file: a commit that the disk refuses leaves nothing behind, and one that it takes is on it."""

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


async def test_the_log_is_forced_to_disk_at_each_commit(journal: SqliteJournal) -> None:
    settings = {name: journal._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _DURABLE}
    assert settings == _DURABLE


_DURABLE = {"journal_mode": "wal", "synchronous": 2}
