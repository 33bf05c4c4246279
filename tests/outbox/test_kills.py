"""Processes killed while they put messages and while they send them: each message that is durable arrives."""

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from proviso.outbox import Queue, Sender, open_transports
from proviso.outbox.queue import LEASE_S, SECOND
from proviso.store import Control
from tests.engines import Engine
from tests.outbox.load import destination, now, open_at
from tests.outbox.made import SECRET
from tests.outbox.receivers import HttpReceiver, http_receiver
from tests.waiting import happens

KILLS = 24
ROOT = Path(__file__).parents[2]


async def run_and_kill(what: str, store: str, url: str, said: Path, done: Callable[[], int]) -> None:
    """Run a process until it has done something, and kill it at a moment that nobody chose."""
    command, before = [sys.executable, "-m", "tests.outbox.load", what, store, url], done()
    with said.open("ab") as out:
        child = await asyncio.create_subprocess_exec(*command, stdout=out, cwd=ROOT)
        await happens(lambda: done() > before or child.returncode is not None)
        await asyncio.sleep(random.uniform(0, 0.5))
        assert child.returncode is None
        child.kill()
        await child.wait()


async def kill_all(store: str, receiver: HttpReceiver, said: Path) -> None:
    """Kill half of the processes while they send, and at least as many while they put what is to be sent."""

    async def senders() -> None:
        for _ in range(KILLS // 2):
            await run_and_kill("send", store, receiver.url, said, lambda: len(receiver.posted))

    sending, putters = asyncio.create_task(senders()), 0
    while putters < KILLS // 2 or not sending.done():
        await run_and_kill("put", store, receiver.url, said, lambda: said.stat().st_size)
        putters += 1
    await sending


async def send_the_rest(control: Control, url: str) -> None:
    """Send what is left, when all leases and waits are over."""
    queue = Queue(control.database, lambda: now() + (LEASE_S + 5) * SECOND)
    sender = Sender(queue, open_transports([destination(url)], now, {"KEY": SECRET}))
    while await sender.once():
        pass


def numbers(receiver: HttpReceiver) -> Counter[int]:
    """Return how often each notice arrived."""
    return Counter(json.loads(posted.body)["facts"]["runs"] for posted in receiver.posted)


@pytest.mark.slow
async def test_no_durable_message_is_lost_with_24_kills(engine: Engine, tmp_path: Path) -> None:
    said, store = tmp_path / "said", engine.url or str(engine.folder / "state")
    async with http_receiver() as receiver:
        said.touch()
        await kill_all(store, receiver, said)
        opened = open_at(store)
        control = Control(opened.database)
        before = len(receiver.posted)
        await send_the_rest(control, receiver.url)
    arrived, durable = numbers(receiver), int(control.pointer("last"))
    states = Counter(message.state for message in Queue(control.database, now).list(most=100_000))
    opened.close()
    print(f"durable {durable} sent_while_killing {before} twice {sum(arrived.values()) - len(arrived)}")
    assert before >= KILLS // 2
    assert set(range(1, durable + 1)) - set(arrived) == set()  # lost: none
    assert set(arrived) == set(range(1, durable + 1))  # and nothing that was undone
    assert {int(line) for line in said.read_text().splitlines()} <= set(arrived)
    assert states == {"delivered": durable}
