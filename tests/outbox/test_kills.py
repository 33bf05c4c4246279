"""Processes killed while they put messages and while they send them: each message that is durable arrives."""

import asyncio
import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from proviso.outbox import Queue, Sender, open_transports
from proviso.outbox.queue import LEASE_S, SECOND
from proviso.store import Control
from tests.engines import Engine
from tests.outbox.load import destination, now, open_at
from tests.outbox.made import SECRET
from tests.outbox.receivers import HttpReceiver, http_receiver

KILLS = 24
ROOT = Path(__file__).parents[2]


async def run_and_kill(what: str, store: str, url: str, said: Path) -> None:
    """Run a process and kill it at a moment that nobody chose."""
    command = [sys.executable, "-m", "tests.outbox.load", what, store, url]
    with said.open("ab") as out:
        child = await asyncio.create_subprocess_exec(*command, stdout=out, stderr=subprocess.PIPE, cwd=ROOT)
        await asyncio.sleep(random.uniform(0.5, 1.2))
        assert child.returncode is None
        child.kill()
        await child.communicate()


async def kill_again_and_again(what: str, store: str, url: str, said: Path) -> None:
    """Kill half of the processes of a test, one after the other."""
    for _ in range(KILLS // 2):
        await run_and_kill(what, store, url, said)


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
        putting = kill_again_and_again("put", store, receiver.url, said)
        await asyncio.gather(putting, kill_again_and_again("send", store, receiver.url, said))
        opened = open_at(store)
        control = Control(opened.database)
        before = len(receiver.posted)
        await send_the_rest(control, receiver.url)
    arrived, durable = numbers(receiver), int(control.pointer("last"))
    states = Counter(message.state for message in Queue(control.database, now).list(most=100_000))
    opened.close()
    print(f"durable {durable} sent_while_killing {before} twice {sum(arrived.values()) - len(arrived)}")
    assert before > KILLS
    assert set(range(1, durable + 1)) - set(arrived) == set()  # lost: none
    assert set(arrived) == set(range(1, durable + 1))  # and nothing that was undone
    assert {int(line) for line in said.read_text().splitlines()} <= set(arrived)
    assert states == {"delivered": durable}
