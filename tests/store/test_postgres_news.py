"""News over PostgreSQL: heard at once, and again after the connection over which they come was lost."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from proviso.store import Control, NewsFeed, open_store
from tests.postgres import PostgresServer, query
from tests.store.test_news import Ear
from tests.waiting import PATIENCE_S, happens

pytestmark = pytest.mark.slow

LISTENING = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"


class Bell:
    """Counts how often it was rung; rung once more when the connection stands."""

    def __init__(self) -> None:
        self.rung = threading.Semaphore(0)

    def __call__(self) -> None:
        self.rung.release()

    def rings(self, within_s: float = PATIENCE_S) -> bool:
        return self.rung.acquire(timeout=within_s)


@pytest.fixture
def control(database_url: str) -> Iterator[Control]:
    store = open_store(Path("/nowhere"), database_url)
    yield Control(store.database)
    store.close()


@pytest.fixture
def bell(control: Control) -> Bell:
    bell = Bell()
    control.database.on_news(bell)
    assert bell.rings()
    return bell


@pytest.fixture
def other(database_url: str) -> Iterator[Control]:
    store = open_store(Path("/nowhere"), database_url)
    yield Control(store.database)
    store.close()


def test_what_another_process_publishes_rings_once(bell: Bell, other: Control) -> None:
    with other.transaction() as tables:
        tables.publish("a")
        tables.publish("b")
        assert not bell.rings(0.1)
    assert bell.rings()
    assert not bell.rings(0.1)


def test_what_is_undone_rings_nobody(bell: Bell, other: Control) -> None:
    with pytest.raises(ZeroDivisionError), other.transaction() as tables:
        tables.publish(f"a{1 // 0}")
    assert not bell.rings(0.2)


def test_the_bell_rings_again_when_the_connection_is_back(
    bell: Bell, other: Control, database_url: str
) -> None:
    query(database_url, LISTENING.replace("SELECT pid", "SELECT pg_terminate_backend(pid)"))
    assert bell.rings()  # something may have been published meanwhile
    other.publish("a")
    assert bell.rings()


def test_the_bell_rings_again_after_a_restart(bell: Bell, other: Control, postgres: PostgresServer) -> None:
    postgres.restart()
    assert bell.rings()
    other.publish("a")
    assert bell.rings()


def test_a_listener_whose_loop_has_ended_does_not_keep_others_from_hearing(
    control: Control, bell: Bell, other: Control
) -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    control.database.on_news(lambda: loop.call_soon_threadsafe(print))
    late = Bell()
    control.database.on_news(late)
    other.publish("a")
    assert bell.rings()
    assert late.rings()


async def test_a_feed_hears_without_waiting_for_its_next_look(control: Control, other: Control) -> None:
    control.publish("a")
    feed, ear = NewsFeed(control, every_s=3_600), Ear()
    feed.subscribe("a", ear)
    running = asyncio.create_task(feed.run())
    await asyncio.sleep(0.3)
    await asyncio.to_thread(other.publish, "a")
    await happens(lambda: ear.heard)
    running.cancel()
    assert ear.heard == 1
