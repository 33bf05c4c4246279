"""A process that takes from a budget for many clients at once, and writes down each grant before it uses it.

    python -m tests.budgets.worker FOLDER URL RECORD WRITER CLIENTS AMOUNT

It says when it is there and begins when it is told to, a line each. It ends when all its clients have heard a "no"
that holds until the window ends: when nothing can come back any more.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from proviso.budgets import Demand, Kind, LeasedBudget, Limit, LimitReached, Scope, Window
from proviso.store import Store, open_store

SETTLED_WITHIN_S = 150.0


async def client(budget: LeasedBudget, limit: Limit, record: int, writer: str) -> None:
    while True:
        try:
            reservation = await budget.reserve([limit], Demand())
        except LimitReached as no:
            if no.retry_after_s > 1:
                return
            await asyncio.sleep(0.2)
            continue
        os.write(record, f"{writer}\n".encode())
        await asyncio.sleep(0.002)
        budget.settle(reservation, Demand())


async def reconcile(budget: LeasedBudget, record: Path) -> None:
    while True:
        for orphan in await budget.orphans():
            used = await asyncio.to_thread(record.read_text)
            await budget.reconcile(orphan, used.split().count(orphan.writer))
        await asyncio.sleep(0.5)


async def work(store: Store, record: Path, writer: str, clients: int, amount: int) -> None:
    budget = LeasedBudget(store.database, lambda: writer, lambda: time.time_ns() // 1000, time.monotonic)
    limit = Limit(Scope("policy-qa"), Kind.REQUESTS, Window.DAY, amount, "cost.limits.0.requests_per_day")
    log = os.open(record, os.O_WRONLY | os.O_APPEND)
    beside = [asyncio.create_task(budget.run()), asyncio.create_task(reconcile(budget, record))]
    async with asyncio.timeout(SETTLED_WITHIN_S):
        await asyncio.gather(*(client(budget, limit, log, writer) for _ in range(clients)))
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)
    await budget.close()
    store.close()


if __name__ == "__main__":
    opened = open_store(Path(sys.argv[1]), sys.argv[2])
    print("ready", flush=True)
    sys.stdin.readline()
    asyncio.run(work(opened, Path(sys.argv[3]), sys.argv[4], int(sys.argv[5]), int(sys.argv[6])))
