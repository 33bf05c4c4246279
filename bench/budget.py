"""What limits cost: CPU per reservation, leases per second, and how many requests touch the database.

    python bench/budget.py

`memory_us`: one `try_reserve` and `settle` under four limits that this process holds enough of. `lease_ms`: one
trip to the database, alone, four limits. `touching`: the share of requests that wait for the database while two
holders use up a limit of so many requests, 32 clients each, the last "no" of each client included; many that wait
share one of the `trips`. The last line is JSON.
"""

import asyncio
import json
import tempfile
import time
from pathlib import Path

from proviso.budgets import Demand, Kind, LeasedBudget, Limit, LimitReached, Scope, Window
from proviso.store import Database, open_store

ROUNDS = 50_000
TRIPS = 200
DEMAND = Demand(1, 1_500, 400)
DEMAND_OF_ONE = Demand(1, 1, 1)


def now() -> int:
    """Return UTC in microseconds."""
    return time.time_ns() // 1000


def holder(database: Database, writer: str) -> LeasedBudget:
    """Return a budget of one process."""
    return LeasedBudget(database, lambda: writer, now, time.monotonic)


def four(app: str, amount: int) -> list[Limit]:
    """Return the limits of an ordinary request: money and requests of the app, requests of a key, tokens of a model."""
    scopes = (
        (Scope(app), Kind.MICRO_USD, Window.DAY), (Scope(app, "staff"), Kind.REQUESTS, Window.DAY),
        (Scope(app, key="k1"), Kind.REQUESTS, Window.MINUTE), (Scope(app, model="nova"), Kind.TOKENS, Window.MINUTE),
    )  # fmt: skip
    return [Limit(scope, kind, window, amount, "cost.limits") for scope, kind, window in scopes]


async def memory_us(database: Database) -> float:
    """Return CPU microseconds of one reservation and its settlement, from memory."""
    budget, limits = holder(database, "memory"), four("memory", 10**12)
    budget.settle(await budget.reserve(limits, DEMAND), DEMAND)
    begun = time.process_time()
    done = 0
    for _ in range(ROUNDS):
        reservation = budget.try_reserve(limits, DEMAND)
        if reservation is None:  # the minute has turned
            reservation = await budget.reserve(limits, DEMAND)
        budget.settle(reservation, DEMAND)
        done += 1
    spent = (time.process_time() - begun) / done * 1e6
    await budget.close()
    return round(spent, 2)


async def lease_ms(database: Database) -> float:
    """Return milliseconds of one trip to the database: four limits of which nothing is held."""
    budget = holder(database, "lease")
    await budget.reserve(four("first", 100), DEMAND_OF_ONE)
    begun = time.perf_counter()
    for number in range(TRIPS):
        await budget.reserve(four(f"lease-{number}", 100), DEMAND_OF_ONE)
    spent = (time.perf_counter() - begun) / TRIPS * 1e3
    await budget.close()
    return round(spent, 3)


async def touching(database: Database, amount: int) -> dict[str, float]:
    """Return what share of the requests waited, how many were granted, and how many a second."""
    limit = [Limit(Scope(f"touching-{amount}"), Kind.REQUESTS, Window.DAY, amount, "cost.limits")]
    counts = {"granted": 0, "waited": 0}

    async def client(budget: LeasedBudget) -> None:
        while True:
            reservation = budget.try_reserve(limit, DEMAND_OF_ONE)
            if reservation is None:
                counts["waited"] += 1
                try:
                    reservation = await budget.reserve(limit, DEMAND_OF_ONE)
                except LimitReached:
                    return
            counts["granted"] += 1
            await asyncio.sleep(0)
            budget.settle(reservation, DEMAND_OF_ONE)

    holders = [holder(database, "w0"), holder(database, "w1")]
    beside = [asyncio.create_task(budget.run()) for budget in holders]
    before = _trips(database)
    begun = time.perf_counter()
    await asyncio.gather(*(client(budget) for budget in holders for _ in range(32)))
    spent = time.perf_counter() - begun
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)
    for budget in holders:
        await budget.close()
    granted = counts["granted"]
    return {
        "granted": granted,
        "touching": round(counts["waited"] / granted, 5),
        "trips": _trips(database) - before,
        "per_s": round(granted / spent),
    }


def _trips(database: Database) -> int:
    return int(database.read("SELECT COALESCE(SUM(beat), 0) FROM budget_holders")[0][0])


async def main() -> None:
    """Measure, and print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        figures: dict[str, object] = {
            "memory_us": await memory_us(store.database),
            "lease_ms": await lease_ms(store.database),
        }
        for amount in (10**2, 10**3, 10**4, 10**5, 10**6):
            figures[f"limit_{amount}"] = await touching(store.database, amount)
        store.close()
    print(json.dumps(figures))


if __name__ == "__main__":
    asyncio.run(main())
