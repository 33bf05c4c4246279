"""Tokens of a quota are reserved before a call and settled after it; who does not fit waits, or hears when to come."""

import asyncio
import threading
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.models import Bucket, Buckets, CallFailed
from proviso.models.admission import Room
from tests.models.hosting import target
from tests.models.virtual_time import START, now, run

QUOTA = 6_000  # a hundred tokens a second


def full(per_minute: int | None = QUOTA, share: float = 1.0) -> Bucket:
    return Bucket(per_minute, share=share, now=now)


async def refused(bucket: Bucket, tokens: int, seconds: float) -> float | None:
    with pytest.raises(CallFailed) as told:
        await bucket.take(tokens, now() + seconds)
    assert told.value.kind == "no_room"
    return told.value.retry_after_s


def test_a_minute_s_worth_is_there_at_once_and_no_more() -> None:
    async def main() -> None:
        bucket = full()
        assert bucket.try_take(QUOTA)
        assert bucket.try_take(1) is None

    run(main())


def test_what_does_not_fit_now_waits_until_it_does() -> None:
    async def main() -> float:
        bucket = full()
        bucket.try_take(QUOTA)
        await bucket.take(250, now() + 8)
        return now() - START

    assert run(main()) == pytest.approx(2.5, abs=0.01)


def test_what_would_not_fit_in_time_is_refused_at_once_with_when_to_come_back() -> None:
    async def main() -> None:
        bucket = full()
        bucket.try_take(QUOTA)
        assert await refused(bucket, 1_000, 8) == pytest.approx(10)
        assert now() == START

    run(main())


def test_what_never_fits_is_not_told_to_come_back() -> None:
    async def main() -> None:
        assert await refused(full(), QUOTA + 1, 60) is None

    run(main())


def test_a_call_larger_than_this_worker_s_share_takes_it_all_and_a_debt() -> None:
    async def main() -> float:
        bucket = full(share=0.25)
        await bucket.take(3_000, now() + 1)
        await bucket.take(100, now() + 100)
        return now() - START

    assert run(main()) == pytest.approx(64, abs=0.1)  # 1,500 of debt and 100 more at 25 a second


def test_what_was_not_used_comes_back_to_those_who_wait() -> None:
    async def main() -> float:
        bucket = full()
        room = cast("Room", bucket.try_take(QUOTA))
        waiter = asyncio.create_task(bucket.take(500, now() + 8))
        await asyncio.sleep(1)
        room.settle(400)
        await waiter
        return now() - START

    assert run(main()) == pytest.approx(1)


def test_a_room_is_settled_once() -> None:
    async def main() -> None:
        bucket = full()
        room = cast("Room", bucket.try_take(QUOTA))
        room.settle(QUOTA - 10)
        room.settle(0)
        assert bucket.try_take(11) is None

    run(main())


def test_who_came_first_is_served_first_though_the_next_would_fit_sooner() -> None:
    async def main() -> list[int]:
        bucket, served = full(), []
        bucket.try_take(QUOTA)

        async def take(tokens: int) -> None:
            await bucket.take(tokens, now() + 20)
            served.append(tokens)

        await asyncio.gather(*[take(tokens) for tokens in (500, 10, 300)])
        return served

    assert run(main()) == [500, 10, 300]


def test_one_who_is_cancelled_leaves_the_queue() -> None:
    async def main() -> float:
        bucket = full()
        bucket.try_take(QUOTA)
        first = asyncio.create_task(bucket.take(700, now() + 8))
        second = asyncio.create_task(bucket.take(100, now() + 60))
        await asyncio.sleep(0.5)
        first.cancel()
        await second
        return now() - START

    assert run(main()) == pytest.approx(1, abs=0.01)


def test_one_who_is_cancelled_in_the_moment_of_being_served_gives_its_room_back() -> None:
    async def main() -> None:
        bucket = full()
        room = cast("Room", bucket.try_take(QUOTA))
        waiter = asyncio.create_task(bucket.take(QUOTA, now() + 60))
        await asyncio.sleep(0)
        room.settle(0)
        waiter.cancel()
        await asyncio.gather(waiter, return_exceptions=True)
        assert bucket.try_take(QUOTA)

    run(main())


def test_one_who_is_cancelled_in_the_moment_of_a_settlement_is_passed_over() -> None:
    async def main() -> None:
        bucket = full()
        room = cast("Room", bucket.try_take(QUOTA))
        waiters = [asyncio.create_task(bucket.take(3_000, now() + 120)) for _ in range(3)]
        await asyncio.sleep(0)
        waiters[0].cancel()
        room.settle(0)
        await asyncio.gather(*waiters[1:])
        assert now() == START

    run(main())


def test_what_calls_under_way_are_known_to_give_back_is_counted_on() -> None:
    async def main() -> None:
        bucket = full()
        for _ in range(40):
            cast("Room", bucket.try_take(1_000)).settle(100)
            await asyncio.sleep(60)
        room = cast("Room", bucket.try_take(QUOTA))
        waiter = asyncio.create_task(bucket.take(2_000, now() + 8))
        await asyncio.sleep(2)
        room.settle(600)
        await waiter

    run(main())


def test_a_throttled_bucket_waits_as_long_as_it_was_asked_to() -> None:
    async def main() -> float:
        bucket = full()
        bucket.throttled(3)
        await bucket.take(10, now() + 8)
        return now() - START

    assert run(main()) == pytest.approx(3, abs=0.01)


def test_a_throttled_bucket_is_slower_and_then_recovers() -> None:
    async def main() -> list[float]:
        bucket, waits = full(), []
        for _ in range(2):
            bucket.throttled()
            began = now()
            await bucket.take(300, now() + 60)
            waits.append(now() - began)
            await asyncio.sleep(600)
        cast("Room", bucket.try_take(QUOTA)).settle(None)
        began = now()
        await bucket.take(300, now() + 60)
        return [*waits, now() - began]

    slow, slow_again, recovered = run(main())
    assert slow == pytest.approx(slow_again)
    assert slow > 4
    assert recovered == pytest.approx(3, abs=0.01)


def test_calls_that_are_throttled_together_slow_it_down_once() -> None:
    async def main() -> list[float]:
        waits = []
        for times in (1, 20):
            bucket, began = full(), now()
            for _ in range(times):
                bucket.throttled()
            await bucket.take(300, now() + 60)
            waits.append(now() - began)
        return waits

    once, often = run(main())
    assert once == pytest.approx(often)


def test_without_a_quota_there_is_always_room_until_the_provider_throttles() -> None:
    async def main() -> tuple[bool, bool, bool]:
        bucket = full(None)
        before = all(bucket.try_take(10**6) for _ in range(100))
        bucket.throttled()
        during = bucket.try_take(10**6) is not None
        await asyncio.sleep(600)
        return before, during, all(bucket.try_take(10**9) for _ in range(100))

    assert run(main()) == (True, False, True)


def test_the_quota_that_was_named_last_counts() -> None:
    async def main() -> None:
        buckets = Buckets(now, share=0.5)
        bucket = buckets.of(target(), 1_000)
        assert buckets.of(target(), 4_000) is bucket
        assert bucket.try_take(2_000)
        assert bucket.try_take(1) is None

    run(main())


CALLS = st.lists(st.tuples(st.integers(1, 3_000), st.floats(0, 1), st.floats(0, 9)), max_size=25)


@settings(deadline=None, max_examples=60)
@given(CALLS, st.floats(0, 1))
def test_no_more_is_ever_used_than_the_quota_gave(
    calls: list[tuple[int, float, float]], pause: float
) -> None:
    async def main() -> None:
        bucket, used = full(), 0.0

        async def call(tokens: int, share: float, seconds: float) -> float:
            until = now() + 8
            try:
                room = await bucket.take(tokens, until)
            except CallFailed:
                return 0.0
            assert now() <= until + 0.01
            await asyncio.sleep(seconds)
            room.settle(tokens * share)
            return tokens * share

        tasks = []
        for one in calls:
            tasks.append(asyncio.create_task(call(*one)))
            await asyncio.sleep(pause)
        used = sum(await asyncio.gather(*tasks))
        assert used <= QUOTA + QUOTA / 60 * (now() - START) + 1

    run(main())


def test_a_quota_that_changes_in_another_thread_reaches_those_who_wait() -> None:
    async def main() -> None:
        bucket = full()
        bucket.try_take(QUOTA)
        waiting = asyncio.create_task(bucket.take(500, now() + 8))
        await asyncio.sleep(0)
        setting = threading.Thread(target=bucket.set_quota, args=(10 * QUOTA,))
        setting.start()
        setting.join()
        await waiting
        assert now() == START

    run(main())


def test_a_provider_that_says_never_is_asked_again_after_a_minute() -> None:
    async def main() -> None:
        bucket = full()
        bucket.throttled(float("inf"))
        assert await refused(bucket, 1, 8) == pytest.approx(60)
        await asyncio.sleep(61)
        assert bucket.try_take(1)

    run(main())


def test_one_timer_is_enough_however_many_calls_end() -> None:
    async def main() -> None:
        bucket = full()
        rooms = [bucket.try_take(100) for _ in range(60)]
        waiting = asyncio.create_task(bucket.take(3_000, now() + 40))
        await asyncio.sleep(0)
        for room in rooms:
            assert room is not None
            room.settle(None)
        loop = asyncio.get_running_loop()
        assert len([one for one in loop._scheduled if not one.cancelled()]) == 2  # type: ignore[attr-defined]
        await waiting

    run(main())
