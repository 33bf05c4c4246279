"""Kills at random moments while runs are recorded and notifications put and sent: what was acknowledged and is lost.

Usage: python -m bench.kills [--engine sqlite|postgres] [--kills 100]. Three processes are at work all the time: one
records runs, one puts notices, one delivers them; each kill hits one of them, or PostgreSQL's postmaster. Prints JSON.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.ledger.test_kills import Place, Survived, survived_in
from tests.outbox.load import open_at
from tests.outbox.receivers import http_receiver
from tests.outbox.test_kills import numbers, send_the_rest
from tests.postgres import PostgresServer, find_binaries

from proviso.store import Control

ROOT = Path(__file__).parents[1]
AT_LEAST_S, AT_MOST_S = 0.4, 1.4  # how long a process that has just been started is left alone


class Work:
    """A process that works until it is killed; what it acknowledges goes to a file."""

    def __init__(self, said: Path, *command: str) -> None:
        self._said = said
        self._command = (sys.executable, "-m", *command)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, if it does not run."""
        if self._process is not None and self._process.returncode is None:
            return
        with self._said.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdout=out, stderr=asyncio.subprocess.DEVNULL, cwd=ROOT
            )

    async def kill(self) -> None:
        """Kill -9."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


async def kill_at_random(works: dict[str, Work], kills: int, server: PostgresServer | None) -> Counter[str]:
    """Kill one of them again and again, and start it anew; return how often which was killed."""
    killed: Counter[str] = Counter()
    for _ in range(kills):
        for work in works.values():  # one that could not bear the server's death is started anew as well
            await work.start()
        await asyncio.sleep(random.uniform(AT_LEAST_S, AT_MOST_S))
        chosen = random.choice([*works, *(["server"] if server else [])])
        if chosen in works:
            await works[chosen].kill()
        else:
            assert server is not None
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
        killed[chosen] += 1
    for work in works.values():
        await work.kill()
    return killed


async def measure(state: Path, url: str, kills: int, server: PostgresServer | None) -> dict[str, object]:
    """Kill, then let what is left be delivered and closed, and count."""
    began, said = time.monotonic(), state / "acknowledged"
    place, store = Place(state / "state", url), url or str(state / "state")
    async with http_receiver() as receiver:
        works = {
            "recorder": Work(said, "tests.ledger.load", str(place.folder), *([url] if url else [])),
            "putter": Work(state / "put", "tests.outbox.load", "put", store, receiver.url),
            "sender": Work(state / "sent", "tests.outbox.load", "send", store, receiver.url),
        }
        killed = await kill_at_random(works, kills, server)
        _whole_lines(said)
        opened = await asyncio.to_thread(open_at, store)
        control = Control(opened.database)
        await send_the_rest(control, receiver.url)
        durable = int(control.pointer("last"))
        opened.close()
    survived = await asyncio.to_thread(survived_in, place, said)
    put = {int(line) for line in (state / "put").read_text().split()}
    arrived = numbers(receiver)
    return {
        "engine": "postgres" if url else "sqlite",
        "kills": dict(sorted(killed.items())),
        "seconds": round(time.monotonic() - began, 1),
        **_runs(survived),
        "messages": durable,
        "messages_lost": len((put | set(range(1, durable + 1))) - set(arrived)),
        "messages_of_what_was_undone": len(set(arrived) - set(range(1, durable + 1))),
        "messages_delivered_again": sum(arrived.values()) - len(arrived),
    }


def _runs(survived: Survived) -> dict[str, int]:
    kept = {row.run for row in survived.rows if row.kind == "run.finished" and row.has_texts}
    begun = {row.run for row in survived.rows if row.kind == "run.started"}
    ends = Counter(row.run for row in survived.rows if row.kind in ("run.finished", "run.gap"))
    return {
        "runs_acknowledged": len(survived.finished),
        "runs_lost": len(survived.finished - kept) + len(survived.started - begun),
        "runs_closed_as_gaps": sum(row.kind == "run.gap" for row in survived.rows),
        "runs_not_ended_once": sum(ends[run] != 1 for run in {row.run for row in survived.rows if row.run}),
    }


def _whole_lines(said: Path) -> None:
    """Drop what stands after the last whole line: a write that a kill has cut off acknowledges nothing."""
    said.write_text(said.read_text().rpartition("\n")[0] + "\n")


def run(engine: str, kills: int) -> dict[str, object]:
    """Measure one engine; a PostgreSQL server is started for the purpose."""
    with tempfile.TemporaryDirectory() as folder:
        if engine == "sqlite":
            return asyncio.run(measure(Path(folder), "", kills, None))
        binaries = find_binaries()
        if binaries is None:
            raise SystemExit("no PostgreSQL is installed here")
        server = PostgresServer(binaries)
        try:
            server.start()
            return asyncio.run(measure(Path(folder), server.fresh(), kills, server))
        finally:
            server.remove()


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], action="append")
    parser.add_argument("--kills", type=int, default=100)
    options = parser.parse_args()
    figures = [run(engine, options.kills) for engine in options.engine or ["sqlite", "postgres"]]
    print(json.dumps(figures, indent=1))
    if any(found[name] for found in figures for name in ("runs_lost", "messages_lost")):
        raise SystemExit("something that was acknowledged is lost")


if __name__ == "__main__":
    main()
