"""What one run's record costs: event, payload and rollups in one durable commit, at 1, 16 and 64 in flight.

Both engines, with one and two writing processes. `cpu_us` is CPU of the whole writing process per record, the
making of the event included; `server_us` is CPU of all of PostgreSQL per record; `p50` and so on are ms from the
call to the moment when the record is durable. `busy` is the same at 16 in flight beside a task that never lets the
loop sleep. PostgreSQL is started for the purpose, on this machine; `--url` names one that runs (without its CPU).
"""

import argparse
import asyncio
import contextlib
import importlib
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import psutil
import uuid_utils
import uvloop
from msgspec import Struct

from proviso.ledger import CitationRef, Outcome, PassageRef, Payload, Recorder, RunFinished
from proviso.monitoring import Rollups
from proviso.store import open_store
from proviso.types import Action, Answer, Channel, Citation, Decision, Environment, Purpose, Screened

HEX = "0123456789abcdef" * 4
QUESTION = (
    "How much may I spend on a hotel in Oslo for three nights, and who approves a higher rate than that?"
)
ANSWER = ("The limit for a hotel in Oslo is EUR 180 a night including breakfast. [1] " * 11)[:800]
PASSAGES = tuple(
    PassageRef(
        id=HEX[:16], source="travel-policy", document="hotels/nordics.md", version=HEX, start=n, end=n + 1200
    )
    for n in range(5)
)
CITATIONS = tuple(CitationRef(number=n, passage=HEX[:16], start=10, end=90) for n in (1, 2))
QUOTES = tuple(
    Citation(n, "travel-policy", "hotels/nordics.md", "Hotels", HEX, HEX[:16], 10, 90, ANSWER[:80], HEX)
    for n in (1, 2)
)
DECISIONS = (Decision("inputs.sensitive.mask.EMAIL", Action.MASK, "EMAIL", Channel.USER, 1),)
PAYLOAD = Payload(
    Screened(QUESTION, Channel.USER), Answer(ANSWER, QUOTES), frozenset({"question", "answer", "citations"})
)


def finished(number: int, subject: str) -> RunFinished:
    """Return the record of an ordinary answered run."""
    return RunFinished(
        run=str(uuid_utils.uuid7()), at=time.time_ns() // 1000, app="policy-qa", workflow="answer",
        release=HEX, terms=HEX, snapshot=HEX, purpose=Purpose.LIVE, environment=Environment.DEV,
        unapproved=True, outcome=Outcome.ANSWER, subject=subject, groups=("staff",), key=HEX[:12],
        prompt="answer", prompt_version=HEX, provider="extractive", model="extractive", passages=PASSAGES,
        citations=CITATIONS, decisions=DECISIONS, input_tokens=1_000, output_tokens=150, cost_micro_usd=0,
        duration_us=1_000 + number % 700 * 10,
        timings={"screen": 31, "purpose": 60, "retrieve": 340, "render": 33, "draft": 120, "verify": 48},
    )  # fmt: skip


async def spin() -> None:
    """Keep the loop busy for ever, a millisecond at a time."""
    while True:
        end = time.perf_counter() + 0.001
        while time.perf_counter() < end:
            pass
        await asyncio.sleep(0)


class Load(Struct, frozen=True):
    """What one writing process does: `records` runs, `flying` at a time, from a moment on."""

    folder: Path
    url: str
    flying: int
    records: int
    busy: bool = False
    begin: float = 0.0


def measure(load: Load) -> tuple[float, list[float]]:
    """Record the runs; return CPU seconds and each acknowledgement's time."""
    return uvloop.run(record(load))


async def record(load: Load) -> tuple[float, list[float]]:
    """Record the runs; see `measure`."""
    store = open_store(load.folder, load.url)
    recorder = Recorder.open(store, Rollups(), lambda: time.time_ns() // 1000)
    subject, waits = recorder.pseudonym("dana"), list[float]()

    async def worker() -> None:
        for number in range(load.records // load.flying):
            begun = time.perf_counter()
            await recorder.finished(finished(number, subject), PAYLOAD)
            waits.append(time.perf_counter() - begun)

    await recorder.finished(finished(0, subject), PAYLOAD)  # opens what is opened by the first
    await asyncio.sleep(max(0.0, load.begin - time.time()))
    other = asyncio.create_task(spin()) if load.busy else None
    cpu = time.process_time()
    await asyncio.gather(*[worker() for _ in range(load.flying)])
    cpu = time.process_time() - cpu
    if other is not None:
        other.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await other
    await recorder.close()
    store.close()
    return cpu, waits


def together(load: Load, writers: int) -> tuple[float, list[float]]:
    """Have several processes do the same at once; return the sum of their CPU and all times."""
    if writers == 1:
        return measure(load)
    at_once = Load(load.folder, load.url, load.flying, load.records, begin=time.time() + 3)
    with ProcessPoolExecutor(writers, multiprocessing.get_context("spawn")) as processes:
        found = list(processes.map(measure, [at_once] * writers))
    return sum(cpu for cpu, _ in found), [wait for _, waits in found for wait in waits]


def summary(cpu: float, waits: list[float], server: float) -> dict[str, float]:
    """Return CPU in µs per record and times in ms."""
    waits.sort()
    return {
        "cpu_us": round(cpu / len(waits) * 1e6, 1),
        "server_us": round(server / len(waits) * 1e6, 1),
        "p50": round(waits[len(waits) // 2] * 1e3, 2),
        "p95": round(waits[int(len(waits) * 0.95)] * 1e3, 2),
        "p99": round(waits[int(len(waits) * 0.99)] * 1e3, 2),
    }


def one_fsync(folder: Path) -> float:
    """Return how long this disk takes for one fsync of 4 KB, in ms: the floor of an acknowledgement."""
    times = []
    with (folder / "fsync").open("wb") as file:
        for _ in range(50):
            file.write(bytes(4096))
            file.flush()
            begun = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - begun)
    return sorted(times)[25] * 1e3


@contextlib.contextmanager
def postgres(url: str) -> Iterator[tuple[Callable[[], str], Callable[[], float]]]:
    """Yield how to get an empty database, and how much CPU its server has used."""
    if url:
        yield lambda: url, lambda: 0.0
        return
    sys.path.insert(0, str(Path(__file__).parents[1]))
    testing = importlib.import_module("tests.postgres")
    server = testing.PostgresServer(testing.find_binaries())
    try:
        server.start()
        yield server.fresh, lambda: _cpu(server.pid)
    finally:
        server.remove()


def _cpu(pid: int) -> float:
    """Return CPU seconds of a process, of its children, and of those of them that have ended."""
    time.sleep(0.5)  # so that nobody is just about to end, and to be counted neither here nor there
    process = psutil.Process(pid)
    own = process.cpu_times()
    used = own.user + own.system + own.children_user + own.children_system
    for child in process.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            used += sum(child.cpu_times()[:2])
    return used


def main() -> None:
    """Measure and print, a line for each load and one of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="", help="a PostgreSQL database that may be written into")
    parser.add_argument("--engine", choices=["sqlite", "postgres"], help="only this one")
    chosen = parser.parse_args()
    result: dict[str, object] = {}
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        result["fsync_ms"] = round(one_fsync(Path(folder)), 2)
    if chosen.engine != "postgres":
        result["sqlite"] = engine("sqlite", lambda: "", lambda: 0.0)
    if chosen.engine != "sqlite":
        with postgres(chosen.url) as (fresh, used):
            result["postgres"] = engine("postgres", fresh, used)
    sys.stdout.write(json.dumps(result) + "\n")


def engine(name: str, fresh: Callable[[], str], used: Callable[[], float]) -> dict[str, dict[str, float]]:
    """Measure one engine under every load."""
    found: dict[str, dict[str, float]] = {}
    for writers, flying, records, busy in (
        (1, 1, 1_000, False), (1, 16, 8_000, False), (1, 64, 8_000, False), (1, 16, 800, True),
        (2, 1, 1_000, False), (2, 16, 8_000, False), (2, 64, 8_000, False),
    ):  # fmt: skip
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            load = Load(Path(folder), fresh(), flying, records, busy=busy)
            before = used()
            cpu, waits = together(load, writers)
            what = f"{writers}x{flying}{' busy' if busy else ''}"
            found[what] = summary(cpu, waits, used() - before)
            figures = "  ".join(f"{key} {value:8.2f}" for key, value in found[what].items())
            sys.stdout.write(f"{name:>8} {what:>9}: {figures}\n")
            sys.stdout.flush()
    return found


if __name__ == "__main__":
    main()
