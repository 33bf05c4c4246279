"""What one run's record costs: event, payload and rollups in one durable commit, at 1, 16 and 64 in flight.

`cpu_us` is CPU of the whole process per record, the making of the event included; `ack_ms` is from the
call to the moment when the record is durable. `busy` is the same at 16 in flight beside a task that never
lets the loop sleep.
"""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import uuid_utils
import uvloop

from proviso.ledger import CitationRef, Outcome, PassageRef, Payload, Recorder, RunFinished
from proviso.monitoring import Rollups
from proviso.store import Control, open_store
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


async def measure(folder: Path, flying: int, records: int, *, busy: bool = False) -> dict[str, float]:
    """Record `records` runs, `flying` at a time; return CPU in µs per record and times in ms."""
    control = Control(open_store(folder).database)
    recorder = Recorder.open(open_store(folder), Rollups(), lambda: time.time_ns() // 1000)
    subject, waits = recorder.pseudonym("dana"), list[float]()

    async def worker() -> None:
        for number in range(records // flying):
            begun = time.perf_counter()
            await recorder.finished(finished(number, subject), PAYLOAD)
            waits.append(time.perf_counter() - begun)

    other = asyncio.create_task(spin()) if busy else None
    cpu = time.process_time()
    await asyncio.gather(*[worker() for _ in range(flying)])
    cpu = time.process_time() - cpu
    if other is not None:
        other.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await other
    await recorder.close()
    control.database.close()
    waits.sort()
    return {
        "cpu_us": cpu / len(waits) * 1e6,
        "p50": waits[len(waits) // 2] * 1e3,
        "p95": waits[int(len(waits) * 0.95)] * 1e3,
        "p99": waits[int(len(waits) * 0.99)] * 1e3,
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


def main() -> None:
    """Measure and print, a line for each load and one of JSON."""
    found: dict[str, dict[str, float]] = {}
    records = {1: 1_000, 16: 8_000, 64: 8_000}
    for name, flying, busy in (("1", 1, False), ("16", 16, False), ("64", 64, False), ("busy", 16, True)):
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            number = 800 if busy else records[flying]
            found[name] = uvloop.run(measure(Path(folder), flying, number, busy=busy))
            size = sum(path.stat().st_size for path in Path(folder).glob("runs-*"))
            figures = "  ".join(f"{key} {value:8.2f}" for key, value in found[name].items())
            sys.stdout.write(f"{name:>5} in flight: {figures}  bytes a record {size // number}\n")
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        fsync = one_fsync(Path(folder))
    result = {
        "cpu_us": {name: round(found[name]["cpu_us"], 1) for name in ("1", "16", "64")},
        "ack_ms_p50": {name: round(values["p50"], 2) for name, values in found.items()},
        "ack_ms_p95": {name: round(values["p95"], 2) for name, values in found.items()},
        "ack_ms_p99": {name: round(values["p99"], 2) for name, values in found.items()},
        "fsync_ms": round(fsync, 2),
        "n": sum(records.values()),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
