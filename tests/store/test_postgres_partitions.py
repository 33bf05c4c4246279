"""Partitions by day: there before they are needed, by the server's clock, and filled later if they were missing."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from proviso.store import open_store
from proviso.store.postgres_schema import DAY_US
from tests.postgres import locked, query
from tests.store.samples import entry

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_day")]

NOWHERE = Path("/nowhere")
OF_EVENTS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'proviso.events'::regclass"
WHERE_THEY_ARE = "SELECT tableoid::regclass::text, run FROM proviso.events ORDER BY at"


def name(table: str, days: int) -> str:
    return f"proviso.{table}_{datetime.now(UTC) + timedelta(days=days):%Y%m%d}"


def at(days: int) -> int:
    return int(datetime.now(UTC).timestamp() * 1e6) + days * DAY_US


def test_there_is_one_for_each_day_from_yesterday_to_a_week_ahead(database_url: str) -> None:
    open_store(NOWHERE, database_url).close()
    found = {table for (table,) in query(database_url, OF_EVENTS)}
    assert found == {"proviso.events_default"} | {name("events", day) for day in range(-1, 8)}


async def test_an_event_lies_in_the_partition_of_its_day(database_url: str) -> None:
    store = open_store(NOWHERE, database_url)
    journal = store.journal()
    await journal.append(entry("old", at=at(-30)))
    await journal.append(entry("new", at=at(0)))
    await journal.close()
    store.close()
    assert query(database_url, WHERE_THEY_ARE) == [
        ("proviso.events_default", "old"),
        (name("events", 0), "new"),
    ]


async def test_what_came_while_a_partition_was_missing_moves_into_it(database_url: str) -> None:
    store = open_store(NOWHERE, database_url)
    journal = store.journal()
    for table in ("events", "payloads"):
        query(database_url, f"DROP TABLE {name(table, 0)}")
    await journal.append(entry("r1", at=at(0)))
    assert query(database_url, WHERE_THEY_ARE) == [("proviso.events_default", "r1")]
    open_store(NOWHERE, database_url).close()
    assert query(database_url, WHERE_THEY_ARE) == [(name("events", 0), "r1")]
    (stored,) = store.archive().events_of("r1")
    assert stored.payload == b"text of r1"
    await journal.close()
    store.close()


def test_partitions_that_cannot_be_made_keep_nobody_from_starting(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    open_store(NOWHERE, database_url).close()
    query(database_url, f"DROP TABLE {name('events', 3)}")
    with locked(database_url, "proviso.events"):
        open_store(NOWHERE, database_url).close()
    assert "partitions_not_made" in caplog.text
