"""A thread with an event loop: whoever waits for it is told when it ends."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from proviso.errors import StoreUnavailable
from proviso.store.loop_thread import LoopThread
from tests.waiting import PATIENCE_S


async def test_a_call_under_way_when_it_is_closed_fails_and_does_not_cancel_its_caller() -> None:
    thread, begun = LoopThread("test"), threading.Event()

    async def hang() -> None:
        begun.set()
        await asyncio.Event().wait()

    calling = asyncio.create_task(asyncio.to_thread(thread.call, hang(), PATIENCE_S))
    assert await asyncio.to_thread(begun.wait, PATIENCE_S)
    thread.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await calling


def test_a_closed_one_takes_no_calls() -> None:
    thread = LoopThread("test")
    thread.close()
    thread.close()
    with pytest.raises(StoreUnavailable, match="closed"), ThreadPoolExecutor(1) as other:
        other.submit(thread.call, asyncio.sleep(0), PATIENCE_S).result()
