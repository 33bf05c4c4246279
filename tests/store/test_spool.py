"""The spool: what may wait survives while the store is away, sealed, bounded, and comes into the store once."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from proviso.errors import StoreUnavailable, Tampered
from proviso.store import Entry, Stored
from proviso.store.archive import SqliteArchive
from proviso.store.journal import SqliteJournal
from proviso.store.sealing import InvalidKey, Seal, read_key
from proviso.store.spool import Spool
from proviso.store.spooling import SpoolingJournal
from tests.store.samples import entry

KEY = bytes(range(32))


class Switched:
    """A journal whose store can be taken away."""

    def __init__(self, journal: SqliteJournal) -> None:
        self.journal = journal
        self.away = False

    @property
    def writer(self) -> str:
        return self.journal.writer

    async def append(self, taken: Entry) -> int:
        if self.away:
            raise StoreUnavailable("the store is away", fix="wait")
        return await self.journal.append(taken)

    def append_now(self, entries: Sequence[Entry]) -> None:
        self.journal.append_now(entries)

    def open_runs(self) -> list[bytes]:
        return self.journal.open_runs()

    async def close(self) -> None:
        await self.journal.close()

    def release(self) -> None:
        self.journal.release()


def spool(folder: Path, limit: int = 1_000_000, key: bytes = KEY) -> Spool:
    return Spool(folder / "spool", Seal(key), limit)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Switched]:
    opened = Switched(SqliteJournal.open(tmp_path))
    yield opened
    await opened.close()


@pytest.fixture
def spooling(store: Switched, tmp_path: Path) -> SpoolingJournal:
    return SpoolingJournal(store, spool(tmp_path), lambda: SqliteArchive(tmp_path))


def kept(folder: Path, run: str) -> int:
    archive = SqliteArchive(folder)
    try:
        return len(archive.events_of(run))
    finally:
        archive.close()


async def test_what_may_not_wait_is_refused_while_the_store_is_away(
    spooling: SpoolingJournal, store: Switched
) -> None:
    store.away = True
    with pytest.raises(StoreUnavailable):
        await spooling.append(entry("r1"))


async def test_what_may_wait_is_in_the_store_once_it_is_back(
    spooling: SpoolingJournal, store: Switched, tmp_path: Path
) -> None:
    store.away = True
    await asyncio.gather(*[spooling.append(entry(f"r{n}", may_spool=True)) for n in range(20)])
    store.away = False
    await spooling.replay()
    assert [kept(tmp_path, f"r{n}") for n in range(20)] == [1] * 20
    assert list((tmp_path / "spool").iterdir()) == []


async def test_without_being_asked_it_is_replayed_within_seconds(
    spooling: SpoolingJournal, store: Switched, tmp_path: Path
) -> None:
    store.away = True
    await spooling.append(entry("r1", may_spool=True))
    store.away = False
    async with asyncio.timeout(5):
        while kept(tmp_path, "r1") == 0:  # noqa: ASYNC110  another connection writes it
            await asyncio.sleep(0.05)


async def test_what_a_dead_process_spooled_is_replayed_by_the_next_and_only_once(
    spooling: SpoolingJournal, tmp_path: Path
) -> None:
    dead = spool(tmp_path)
    for _ in range(2):  # as if it had died after the store had taken it and before the spool was cleared
        await dead.append(entry("r1"))
    dead.close()
    assert await spooling.replay() == 1
    assert kept(tmp_path, "r1") == 1


async def test_a_file_that_a_living_process_writes_is_left_to_it(tmp_path: Path) -> None:
    living, other = spool(tmp_path), spool(tmp_path)
    await living.append(entry("r1"))
    assert list(other.take()) == []
    living.close()
    assert [e.run for entries in other.take() for e in entries] == ["r1"]


async def test_a_run_whose_end_came_first_does_not_stay_open(
    spooling: SpoolingJournal, store: Switched, tmp_path: Path
) -> None:
    store.away = True
    await spooling.append(entry("r1", opens=True, may_spool=True))
    await store.journal.append(entry("r1", closes=True))
    store.away = False
    await spooling.replay()
    assert (kept(tmp_path, "r1"), spooling.open_runs()) == (2, [])


async def test_an_end_does_not_overtake_the_start_that_is_being_replayed(tmp_path: Path) -> None:
    store = Switched(SqliteJournal.open(tmp_path))
    looking, look = threading.Event(), threading.Event()

    class Slow(SqliteArchive):
        def events_of(self, run: str) -> list[Stored]:
            known = super().events_of(run)
            looking.set()
            look.wait(5)
            return known

    spooling = SpoolingJournal(store, spool(tmp_path), lambda: Slow(tmp_path))
    store.away = True
    await spooling.append(entry("r1", opens=True, may_spool=True))
    store.away = False
    replaying = asyncio.create_task(spooling.replay())
    assert await asyncio.to_thread(looking.wait, 5)
    spooling._away = False  # as in the second drain
    await spooling.append(entry("r1", closes=True, may_spool=True))
    look.set()
    await replaying
    await spooling.replay()
    assert (kept(tmp_path, "r1"), spooling.open_runs()) == (2, [])
    await spooling.close()


async def test_a_full_spool_refuses(tmp_path: Path) -> None:
    small = spool(tmp_path, limit=2_000)
    calls = [small.append(entry(f"r{number}")) for number in range(50)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(result) for result in results} == {type(None), StoreUnavailable}
    small.close()
    assert sum(path.stat().st_size for path in (tmp_path / "spool").iterdir()) <= 2_000


async def test_a_record_cut_off_by_a_crash_is_left_out_and_the_others_are_not(tmp_path: Path) -> None:
    dead = spool(tmp_path)
    for number in range(3):
        await dead.append(entry(f"r{number}"))
    dead.close()
    (path,) = (tmp_path / "spool").iterdir()
    os.truncate(path, path.stat().st_size - 5)
    assert [e.run for entries in spool(tmp_path).take() for e in entries] == ["r0", "r1"]


@pytest.mark.parametrize("at", [5, 60, -1])
async def test_a_changed_byte_is_found_and_the_file_set_aside(tmp_path: Path, at: int) -> None:
    dead = spool(tmp_path)
    await dead.append(entry("r1"))
    dead.close()
    (path,) = (tmp_path / "spool").iterdir()
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(Tampered, match="spool"):
        list(spool(tmp_path).take())
    assert [left.suffix for left in (tmp_path / "spool").iterdir()] == [".damaged"]


async def test_nothing_of_a_spooled_text_can_be_read_without_the_key(tmp_path: Path) -> None:
    dead = spool(tmp_path)
    await dead.append(entry("r1"))
    dead.close()
    (path,) = (tmp_path / "spool").iterdir()
    assert b"text of r1" not in path.read_bytes()
    with pytest.raises(Tampered):
        list(spool(tmp_path, key=bytes(32)).take())


async def test_a_closed_spool_takes_nothing(tmp_path: Path) -> None:
    closed = spool(tmp_path)
    closed.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await closed.append(entry("r1"))


@pytest.mark.parametrize("text", ["", "no key", "AAAA", "A" * 44])
def test_a_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidKey):
        read_key(text)
