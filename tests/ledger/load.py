"""A process that records runs and says which are acknowledged: `S <run>` started, `F <run>` finished.

Usage: python -m tests.ledger.load FOLDER [URL]. It ends when it is killed; a store that is away it waits for.
"""

import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path

from proviso.errors import StoreUnavailable
from proviso.ledger import Recorder
from proviso.monitoring import Rollups
from proviso.store import open_store
from tests.ledger.samples import finished, new_run, payload, started


def say(word: str, run: str) -> None:
    """Tell the parent in one write: it is in its file even if this process dies at once."""
    os.write(1, f"{word} {run}\n".encode())


async def stream(recorder: Recorder, subject: str) -> None:
    """Record a run that starts, takes a moment and finishes."""
    run = new_run()
    await recorder.started(started(run, subject))
    say("S", run)
    await asyncio.sleep(0.002)
    await recorder.finished(finished(run, subject), payload(run))
    say("F", run)


async def answer(recorder: Recorder, subject: str) -> None:
    """Record a run that only finishes."""
    run = new_run()
    await recorder.finished(finished(run, subject), payload(run))
    say("F", run)


async def caller(recorder: Recorder, subject: str) -> None:
    """Record runs for ever. One whose record is refused has not been answered."""
    while True:
        for one in (stream, answer):
            with contextlib.suppress(StoreUnavailable):
                await one(recorder, subject)
        await asyncio.sleep(0)


async def main(folder: Path, url: str = "") -> None:
    """Keep 16 runs in flight for ever."""
    recorder = Recorder.open(open_store(folder, url), Rollups(), lambda: time.time_ns() // 1000)
    subject = recorder.pseudonym("dana")
    async with asyncio.TaskGroup() as tasks:
        for _ in range(16):
            tasks.create_task(caller(recorder, subject))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
