"""Delivery: at least once, never twice at the same time, and nobody holds up anybody else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from proviso.outbox import FAILED, GONE, NEWS, MemoryTransport, Message, Receipt, Sender
from proviso.outbox.queue import LEASE_S, MOST_ATTEMPTS
from proviso.store import NewsFeed
from tests.outbox.made import House, revoked
from tests.waiting import happens

REFUSED = Receipt(FAILED, "it answered 500")


class Broken:
    """A transport with a fault."""

    async def send(self, message: Message) -> Receipt:
        raise KeyError(message.id)


@contextlib.asynccontextmanager
async def running(sender: Sender) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(sender.run())
    yield task
    task.cancel()
    await asyncio.wait([task])


async def test_a_message_is_delivered_once(house: House) -> None:
    house.put(revoked())
    ops = MemoryTransport()
    sender = house.sender(ops=ops)
    assert (await sender.once(), await sender.once()) == (1, 0)
    assert (len(ops.received), house.states()) == (1, ["delivered"])


async def test_a_message_that_fails_is_tried_again_when_its_wait_is_over(house: House) -> None:
    house.put(revoked())
    ops = MemoryTransport(REFUSED)
    sender = house.sender(ops=ops)
    await sender.once()
    house.clock.turn(4.9)
    assert await sender.once() == 0
    house.clock.turn(0.1)
    assert await sender.once() == 1
    assert house.states() == ["delivered"]


async def test_a_message_that_fails_every_time_becomes_a_dead_letter_within_a_day(house: House) -> None:
    house.put(revoked())
    sender, begun = house.sender(ops=MemoryTransport(*[REFUSED] * 99)), house.clock()
    while (held := house.queue.list()[0]).state == "waiting":
        house.clock.now = held.due
        assert await sender.once() == 1
    assert (held.attempts, held.state, held.reason) == (MOST_ATTEMPTS, "dead", "it answered 500")
    assert 20 < (house.clock() - begun) / 3.6e9 < 24


async def test_a_destination_that_is_gone_is_not_tried_again_until_an_operator_says_so(house: House) -> None:
    house.put(revoked())
    ops = MemoryTransport(Receipt(GONE, "it answered 410: it is gone"))
    sender = house.sender(ops=ops)
    await sender.once()
    house.clock.turn(9e6)
    assert await sender.once() == 0
    assert house.queue.retry_dead() == 1
    assert await sender.once() == 1
    assert len(ops.received) == 1


async def test_a_transport_with_a_fault_is_a_failure_like_any_other(house: House) -> None:
    house.put(revoked())
    await house.sender(ops=Broken()).once()
    assert (house.states(), house.queue.list()[0].reason) == (["waiting"], "the transport failed (KeyError)")


async def test_a_message_that_takes_too_long_is_given_up_before_its_lease_ends(house: House) -> None:
    house.put(revoked())
    ops = MemoryTransport()
    ops.open.clear()
    sender = Sender(house.queue, {"ops": ops}, within_s=0.05)
    await sender.once()
    assert (ops.at_once, house.queue.list()[0].reason) == (0, "it took longer than 0.05 s")


async def test_two_senders_never_send_the_same_message_at_once(house: House) -> None:
    house.put(*(revoked(f"k{n}") for n in range(24)))
    ops = MemoryTransport()
    async with running(house.sender(ops=ops)), running(house.sender(ops=ops)):
        await happens(lambda: house.states() == ["delivered"] * 24)
    assert len(ops.received) == len({message.id for message in ops.received}) == 24


async def test_a_message_is_left_to_its_sender_while_the_lease_is_live(house: House) -> None:
    house.put(revoked())
    (claimed,) = house.queue.claim("ops", "one", 4)
    house.clock.turn(LEASE_S - 1)
    assert house.queue.claim("ops", "two", 4) == []
    house.clock.turn(1)
    (again,) = house.queue.claim("ops", "two", 4)
    assert (claimed.id, claimed.attempt, again.attempt) == (again.id, 1, 2)


async def test_a_sender_whose_lease_has_ended_settles_nothing_but_a_delivery(house: House) -> None:
    house.put(revoked())
    (late,) = house.queue.claim("ops", "one", 4)
    house.clock.turn(LEASE_S)
    house.queue.claim("ops", "two", 4)
    house.queue.postpone(late, "one", 0, "late")
    house.queue.bury(late, "one", "late")
    assert (house.states(), house.queue.list()[0].reason) == (["waiting"], "")
    house.queue.delivered(late)
    assert house.states() == ["delivered"]


async def test_a_message_that_ends_each_process_that_sends_it_is_given_up(house: House) -> None:
    house.put(revoked())
    for _ in range(MOST_ATTEMPTS):
        assert house.queue.claim("ops", "ends", 1)
        house.clock.turn(LEASE_S)
    assert house.queue.claim("ops", "next", 1) == []
    assert house.states() == ["dead"]


async def test_a_message_that_fails_does_not_hold_up_those_after_it(house: House) -> None:
    house.put(*(revoked(f"k{n}") for n in range(9)))
    ops = MemoryTransport(REFUSED)
    sender = house.sender(ops=ops)
    while await sender.once():
        pass
    assert sorted(house.states()) == ["delivered"] * 8 + ["waiting"]


async def test_a_destination_that_hangs_does_not_hold_up_another(two: House) -> None:
    two.put(*(revoked(f"k{n}") for n in range(9)))
    ops, audit = MemoryTransport(), MemoryTransport()
    ops.open.clear()
    async with running(two.sender(ops=ops, audit=audit)):
        await happens(lambda: len(audit.received) == 9)
    assert (ops.most_at_once, ops.received) == (4, [])


async def test_a_sender_that_stops_lets_go_of_what_is_under_way(house: House) -> None:
    house.put(revoked())
    ops = MemoryTransport()
    ops.open.clear()
    async with running(house.sender(ops=ops)) as task:
        await happens(lambda: ops.at_once)
    assert task.cancelled()
    (again,) = house.queue.claim("ops", "another", 4)
    assert again.attempt == 1


async def test_news_wake_a_sender(house: House) -> None:
    ops, feed = MemoryTransport(), NewsFeed(house.control, every_s=0.01)
    sender = Sender(house.queue, {"ops": ops}, every_s=3_600)  # it would not look again by itself
    feed.subscribe(NEWS, sender.hear)
    hearing = asyncio.create_task(feed.run())
    async with running(sender):
        await asyncio.sleep(0.1)  # its first look has found nothing
        house.put(revoked())
        await happens(lambda: ops.received)
    hearing.cancel()
    await asyncio.wait([hearing])


async def test_without_news_a_sender_looks_again_by_itself(house: House) -> None:
    ops = MemoryTransport()
    async with running(Sender(house.queue, {"ops": ops}, every_s=0.05)):
        await asyncio.sleep(0.1)
        house.put(revoked())
        await happens(lambda: ops.received)


async def test_a_store_that_is_away_does_not_end_a_sender(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(Sender(house.queue, {"ops": MemoryTransport()}, every_s=0.05)) as task:
        await asyncio.sleep(0.05)
        house.control.database.close()
        await happens(lambda: "outbox_store_failed" in caplog.text)
        assert not task.done()


async def test_a_dead_letter_that_is_retried_has_all_its_attempts_again(house: House) -> None:
    house.put(revoked())
    (message,) = house.queue.claim("ops", "me", 1)
    house.queue.bury(message, "me", "no")
    house.queue.retry(message.id)
    (again,) = house.queue.claim("ops", "me", 1)
    assert (again.id, again.attempt) == (message.id, 1)


async def test_a_retry_leaves_a_message_that_is_being_sent_to_its_sender(house: House) -> None:
    house.put(revoked())
    (message,) = house.queue.claim("ops", "me", 1)
    house.queue.retry(message.id)
    assert house.queue.claim("ops", "you", 1) == []


async def test_what_was_delivered_a_week_ago_is_forgotten_and_dead_letters_are_kept_longer(
    house: House,
) -> None:
    house.put(revoked("k1"), revoked("k2"))
    one, other = house.queue.claim("ops", "me", 2)
    house.queue.delivered(one)
    house.queue.bury(other, "me", "no")
    house.clock.turn(7 * 86_400 + 1)
    assert (house.queue.prune({"ops"}), house.states()) == (1, ["dead"])


async def test_messages_for_a_destination_that_was_taken_away_are_given_up_after_two_days(two: House) -> None:
    two.put(revoked())
    two.clock.turn(2 * 86_400 + 1)
    two.queue.prune({"ops"})
    assert {m.destination: m.state for m in two.queue.list()} == {"ops": "waiting", "audit": "dead"}
