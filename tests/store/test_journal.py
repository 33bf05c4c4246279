"""The journal: what `append` has returned for is durable, once and in order, whoever waits or leaves."""

import asyncio

import pytest

from proviso.errors import StoreUnavailable
from proviso.store import Archive, Journal
from tests.engines import Engine
from tests.store.samples import entry


async def test_an_appended_entry_is_there_with_its_payload(journal: Journal, archive: Archive) -> None:
    sequence = await journal.append(entry("r1"))
    (stored,) = archive.events_of("r1")
    assert (stored.writer, stored.sequence, stored.app) == ("w0", sequence, "a")
    assert stored.payload == b"text of r1"


async def test_entries_that_wait_together_keep_their_order(journal: Journal, archive: Archive) -> None:
    sequences = await asyncio.gather(*[journal.append(entry(f"r{n}")) for n in range(1_200)])
    assert sequences == list(range(1, 1_201))
    assert archive.events_of("r700")[0].sequence == 701


async def test_a_caller_that_leaves_neither_loses_nor_doubles_its_entry(
    journal: Journal, archive: Archive
) -> None:
    callers = [asyncio.create_task(journal.append(entry(f"r{n}"))) for n in range(40)]
    await asyncio.sleep(0)
    for caller in callers[::2]:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    await journal.append(entry("last"))
    assert [len(archive.events_of(f"r{n}")) for n in range(40)] == [1] * 40


async def test_rollups_are_added_up_over_commits(journal: Journal, archive: Archive) -> None:
    await asyncio.gather(*[journal.append(entry(f"a{n}")) for n in range(3)])
    await journal.append(entry("b"))
    (rollup,) = archive.rollups(1, 1)
    assert rollup.amounts == (4, 0, 40, 8, 12, 16)
    assert rollup.buckets == {5: 4}


async def test_a_run_is_open_from_its_start_to_its_end(journal: Journal) -> None:
    await journal.append(entry("r1", opens=True))
    await journal.append(entry("r2", opens=True))
    await journal.append(entry("r1", closes=True))
    assert journal.open_runs() == [b'{"run":"r2"}']


async def test_close_waits_for_what_has_been_appended(engine: Engine, archive: Archive) -> None:
    journal = engine.open().journal()
    waiting = [asyncio.create_task(journal.append(entry(f"r{n}"))) for n in range(600)]
    await asyncio.sleep(0)
    await journal.close()
    assert all(task.done() for task in waiting)
    assert len(archive.events_of("r599")) == 1


async def test_a_closed_journal_takes_nothing_more(engine: Engine) -> None:
    journal = engine.open().journal()
    await journal.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await journal.append(entry("late"))


def test_what_one_loop_leaves_behind_the_next_one_finishes(engine: Engine, archive: Archive) -> None:
    journal = engine.open().journal()

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
    journal: Journal,
) -> None:
    with pytest.raises(StoreUnavailable):
        await journal.append(entry("r1", at=2**70))
    assert await journal.append(entry("r2")) == 1
