"""News: each process hears of a change once, and knows how old what it knows may be."""

import pytest

from proviso.errors import StoreUnavailable
from proviso.store import Control, NewsFeed


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Ear:
    """Counts what it hears; `deaf` makes it fail."""

    def __init__(self) -> None:
        self.heard = 0
        self.deaf = False

    async def __call__(self) -> None:
        if self.deaf:
            raise StoreUnavailable("gone", fix="wait")
        self.heard += 1


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def feed(control: Control, ear: Ear, clock: Clock) -> NewsFeed:
    control.publish("keys")
    opened = NewsFeed(control, clock=clock)
    opened.subscribe("keys", ear)
    return opened


async def test_what_was_known_at_the_start_is_no_news(feed: NewsFeed, ear: Ear) -> None:
    assert await feed.look()
    assert ear.heard == 0


async def test_a_change_is_heard_once_and_only_by_who_asked(
    feed: NewsFeed, ear: Ear, control: Control
) -> None:
    control.publish("keys")
    control.publish("terms")
    assert [await feed.look(), await feed.look(), ear.heard] == [True, True, 1]


async def test_a_store_that_is_away_leaves_the_view_unconfirmed(
    feed: NewsFeed, control: Control, clock: Clock
) -> None:
    control.database.close()
    clock.now += 7
    assert not await feed.look()
    assert feed.silent_s() == 7


async def test_a_change_that_could_not_be_taken_in_is_told_again(
    feed: NewsFeed, ear: Ear, control: Control, clock: Clock
) -> None:
    control.publish("keys")
    ear.deaf, clock.now = True, 101.0
    assert not await feed.look()
    assert feed.silent_s() == 1.0
    ear.deaf = False
    assert await feed.look()
    assert (ear.heard, feed.silent_s()) == (1, 0.0)
