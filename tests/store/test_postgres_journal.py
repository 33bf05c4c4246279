"""The journal in PostgreSQL: whatever breaks and whenever, an entry is kept once or its caller is told."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from proviso.errors import StoreUnavailable
from proviso.store import Archive, Store, open_store
from proviso.store.postgres_journal import PostgresJournal
from proviso.store.postgres_store import PostgresStore
from tests.postgres import PostgresServer, query
from tests.store.samples import entry
from tests.store.wire import Wire, wired
from tests.waiting import happens, until

pytestmark = pytest.mark.slow

THIS = "(SELECT oid FROM pg_database WHERE datname = current_database())"
PLACES = "SELECT run, writer, sequence FROM proviso.events ORDER BY writer, sequence"


@pytest.fixture
def store(wire: Wire) -> Iterator[PostgresStore]:
    store = PostgresStore.open(wire.url)
    yield store
    store.close()


@pytest.fixture
def wire(database_url: str) -> Iterator[Wire]:
    with wired(database_url) as wire:
        yield wire


@pytest.fixture
def other(database_url: str) -> Iterator[Store]:
    """The same database as another process sees it, over a wire of its own."""
    store = open_store(Path("/nowhere"), database_url)
    yield store
    store.close()


@pytest.fixture
async def journal(store: PostgresStore) -> AsyncIterator[PostgresJournal]:
    opened = store.journal()
    await opened.append(entry("r1", opens=True))  # so that its statement is prepared
    yield opened
    await opened.close()


def lose_the_name(journal: PostgresJournal, database_url: str) -> None:
    """Cut the session that holds the name, and only that one."""
    of_it = f"FROM pg_locks WHERE locktype = 'advisory' AND classid <> 0 AND objid = {journal.writer[1:]}"
    query(database_url, f"SELECT pg_terminate_backend(pid) {of_it}")
    until(lambda: query(database_url, f"SELECT pid {of_it} AND database = {THIS}") == [])


async def heard_of_it(journal: PostgresJournal) -> None:
    """Wait until this process knows that the session with the name has ended."""
    await happens(lambda: not journal._name.held)


async def test_an_entry_whose_acknowledgement_is_lost_is_kept_once(
    journal: PostgresJournal, wire: Wire, database_url: str
) -> None:
    wire.fault = "answer"
    assert await journal.append(entry("r2")) == 2
    assert await journal.append(entry("r3")) == 3
    assert query(database_url, PLACES) == [("r1", "w0", 1), ("r2", "w0", 2), ("r3", "w0", 3)]


async def test_an_entry_that_never_arrived_is_sent_again(
    journal: PostgresJournal, wire: Wire, database_url: str
) -> None:
    wire.fault = "request"
    assert await journal.append(entry("r2")) == 2
    assert query(database_url, PLACES) == [("r1", "w0", 1), ("r2", "w0", 2)]


async def test_an_entry_that_arrives_after_it_was_given_up_is_not_kept_twice(
    journal: PostgresJournal, wire: Wire, database_url: str
) -> None:
    wire.fault = "hold"
    assert await journal.append(entry("r2")) == 2  # after 5 s, over another connection
    wire.let_go()
    assert await journal.append(entry("r3")) == 3
    await asyncio.sleep(0.5)
    assert query(database_url, PLACES) == [("r1", "w0", 1), ("r2", "w0", 2), ("r3", "w0", 3)]


async def test_a_journal_goes_on_under_its_name_when_the_server_has_restarted(
    journal: PostgresJournal, postgres: PostgresServer, database_url: str
) -> None:
    await asyncio.to_thread(postgres.restart)
    assert await journal.append(entry("r2")) == 2
    assert query(database_url, PLACES) == [("r1", "w0", 1), ("r2", "w0", 2)]


async def test_while_the_server_is_down_callers_are_told_and_the_numbers_go_on_without_a_hole(
    journal: PostgresJournal, postgres: PostgresServer, database_url: str
) -> None:
    await asyncio.to_thread(postgres.kill)
    with pytest.raises(StoreUnavailable):
        await journal.append(entry("lost"))
    await asyncio.to_thread(postgres.start)
    assert await journal.append(entry("r2")) == 2
    assert query(database_url, PLACES) == [("r1", "w0", 1), ("r2", "w0", 2)]


async def test_a_writer_that_lost_its_name_to_another_writes_nothing_more_under_it(
    journal: PostgresJournal, other: Store, database_url: str
) -> None:
    lose_the_name(journal, database_url)
    taker = other.journal()
    assert taker.writer == "w0"
    journal._name._session = _Deaf()  # this process has not heard of it
    with pytest.raises(StoreUnavailable, match="taken by another process"):
        await journal.append(entry("late"))
    assert await taker.append(entry("r2")) == 2
    assert query(database_url, PLACES) == [("r1", "w0", 1), ("r2", "w0", 2)]
    await taker.close()


class _Deaf:
    """A session of which nobody has noticed that it ended."""

    def is_closed(self) -> bool:
        return False

    def terminate(self) -> None:
        pass


async def test_a_writer_that_lost_its_name_takes_another_by_itself(
    journal: PostgresJournal, other: Store, database_url: str
) -> None:
    lose_the_name(journal, database_url)
    taker = other.journal()
    await heard_of_it(journal)
    assert await journal.append(entry("r2")) == 1
    assert await taker.append(entry("r3")) == 2
    assert (journal.writer, taker.writer) == ("w1", "w0")
    await taker.close()


async def test_a_name_whose_session_was_cut_is_taken_again_by_the_same_process(
    journal: PostgresJournal, database_url: str
) -> None:
    lose_the_name(journal, database_url)
    await heard_of_it(journal)
    assert await journal.append(entry("r1", closes=True)) == 2
    assert (journal.writer, journal.open_runs()) == ("w0", [])


async def test_a_run_that_the_taker_of_the_name_records_as_a_gap_cannot_end_once_more(
    journal: PostgresJournal, other: Store, database_url: str, store: PostgresStore
) -> None:
    lose_the_name(journal, database_url)
    (taker,) = other.abandoned()
    taker.append_now([entry("r1", closes=True)])
    taker.release()
    with pytest.raises(StoreUnavailable, match="given up"):
        await journal.append(entry("r1", closes=True))
    archive: Archive = store.archive()
    assert [stored.kind for stored in archive.events_of("r1")] == ["run.started", "run.finished"]


async def test_the_others_of_a_batch_do_not_suffer_from_such_a_run(
    journal: PostgresJournal, other: Store, database_url: str
) -> None:
    lose_the_name(journal, database_url)
    other.journal().release()
    await heard_of_it(journal)
    found = await asyncio.gather(
        journal.append(entry("r1", closes=True)), journal.append(entry("r2")), return_exceptions=True
    )
    assert [type(found[0]), found[1]] == [StoreUnavailable, 2]


async def test_a_database_that_becomes_read_only_refuses_and_takes_again(
    journal: PostgresJournal, database_url: str
) -> None:
    assert journal._connection is not None
    await journal._connection.execute("SET default_transaction_read_only = on")
    with pytest.raises(StoreUnavailable, match="takes no changes"):
        await journal.append(entry("lost"))
    await journal._connection.execute("RESET default_transaction_read_only")
    assert await journal.append(entry("r2")) == 2
    assert len(query(database_url, PLACES)) == 2


async def test_a_server_that_hangs_holds_an_entry_for_no_longer_than_said(
    journal: PostgresJournal, postgres: PostgresServer, database_url: str
) -> None:
    begun = asyncio.get_running_loop().time()
    with postgres.frozen(), pytest.raises(StoreUnavailable, match="is not known"):
        await journal.append(entry("r2"))
    assert asyncio.get_running_loop().time() - begun < 40  # 5 s to send, 5 s to find out, and a busy machine
    assert await journal.append(entry("r3")) == len(query(database_url, PLACES))


def test_a_loop_that_ends_leaves_no_connection_open(store: PostgresStore, database_url: str) -> None:
    journal = store.journal()
    for number in (1, 2):
        asyncio.run(journal.append(entry(f"r{number}")))
    open_ones = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%moved%'"
    )
    (found,) = query(database_url, open_ones)
    journal.release()
    assert found[0] <= 1  # the question itself
