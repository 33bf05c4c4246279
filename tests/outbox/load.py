"""A process that puts messages, or one that sends them, until it is killed.

Usage: python -m tests.outbox.load put|send STORE URL. The one that puts says the number of each notice whose
transaction has ended; it raises a pointer to that number in the same transaction.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from proviso.outbox import Notice, Outbox, Queue, Sender, Webhook, open_transports
from proviso.store import Control, Store, open_store
from tests.outbox.made import SECRET


def open_at(store: str) -> Store:
    """Open the store that a test names: a folder, or a PostgreSQL database."""
    return open_store(Path(), store) if "://" in store else open_store(Path(store))


def now() -> int:
    """Return UTC microseconds since the epoch."""
    return time.time_ns() // 1000


def destination(url: str) -> Webhook:
    """Return the one destination of the test."""
    return Webhook("ops", ("*",), url, ("KEY",))


def put(control: Control, url: str) -> None:
    """Put notices for ever, each with the number after the last that became durable."""
    outbox = Outbox("vantholm", [destination(url)], now)
    while True:
        with control.transaction() as tables:
            number = int(tables.pointer("last") or "0") + 1
            tables.point("last", str(number))
            outbox.put(tables.statements, Notice("worker.gap", now(), {"writer": "w0", "runs": number}))
        os.write(1, f"{number}\n".encode())
        time.sleep(0.002)


async def send(control: Control, url: str) -> None:
    """Send what is due for ever."""
    transports = open_transports([destination(url)], now, {"KEY": SECRET})
    await Sender(Queue(control.database, now), transports, every_s=0.05).run()


if __name__ == "__main__":
    what, store, url = sys.argv[1:]
    if what == "put":
        put(Control(open_at(store).database), url)
    else:
        asyncio.run(send(Control(open_at(store).database), url))
