"""The governed request beside the smallest possible proxy, in one run: CPU per request of the server process.

Everything is on: key, masking, refused purposes, search, prompt, the extractive model, verification, citations, the
record with fsync, rollups. The last line is JSON.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from load import Figures, free_port, measure, post, running
from proviso.app import open_reader
from proviso.settings import load_settings

PROVISO = Path(sys.executable).parent / "proviso"
PROXY = str(Path(__file__).parent / "proxy.py")
CONNECTIONS = (1, 16)
ROUNDS = 3
COUNT = 1500
QUESTIONS = (
    "What is the per diem for Oslo when I stay there for three full days and nobody else pays for any of my meals?",
    "How far ahead do I have to book a flight inside Europe, and which class may I book when the flight is short?",
    "By when do I have to hand in my expense claim after a business trip, and what happens if I hand it in late?",
    "Which receipts do I need for a taxi from the airport to the hotel, and is there a limit on what I can claim?",
)


@dataclass(frozen=True)
class Loads:
    """The figures of each round, by connections."""

    rounds: dict[int, list[Figures]]

    def add(self, connections: int, figures: Figures) -> None:
        """Keep one round."""
        self.rounds.setdefault(connections, []).append(figures)

    def median(self, connections: int) -> Figures:
        """Return the round with the median of the CPU time."""
        return sorted(self.rounds[connections], key=lambda figures: figures.cpu_ms)[ROUNDS // 2]


def workspace(folder: Path) -> str:
    """Make and index the example; return a key for it."""
    run(["init", str(folder), "--example", "policy-qa"])
    run(["-w", str(folder)], verb="index")
    made = run(["create", "-w", str(folder), "--user", "dana", "--group", "employees", "--json"], verb="keys")
    return str(json.loads(made)["secret"])


def run(arguments: list[str], *, verb: str = "") -> bytes:
    """Run a verb of the command and return what it prints."""
    return subprocess.run(
        [PROVISO, *([verb] if verb else []), *arguments], check=True, stdout=subprocess.PIPE
    ).stdout


def requests(key: str) -> list[bytes]:
    """Return the questions as requests of the OpenAI dialect; the proxy gets the same bytes."""
    messages = [[{"role": "user", "content": question}] for question in QUESTIONS]
    bodies = [json.dumps({"model": "policy-qa", "messages": each}).encode() for each in messages]
    return [post("/v1/chat/completions", body, key) for body in bodies]


def paired(folder: Path, key: str) -> tuple[Loads, Loads, dict[str, float]]:
    """Load the product and the proxy in turns, so that a noisy machine is noisy for both."""
    port, sent, began = free_port(), requests(key), time.perf_counter()
    with running([str(PROVISO), "serve", "-w", str(folder), "--port", str(port)], port) as server:
        facts = {"start_s": round(time.perf_counter() - began, 2)}
        with proxy() as (yardstick, proxy_port):
            ours, theirs = Loads({}), Loads({})
            for connections in CONNECTIONS:
                for _ in range(ROUNDS):
                    load = {"connections": connections, "count": COUNT}
                    ours.add(connections, measure(server, port, sent, **load))
                    if yardstick:
                        theirs.add(connections, measure(yardstick, proxy_port, sent, **load))
        facts["rss_mb"] = round(server.memory_info().rss / 1e6)
    return ours, theirs, facts


@contextmanager
def proxy() -> Iterator[tuple[psutil.Process | None, int]]:
    """Run the yardstick and its upstream; without its library, say so and go on."""
    if importlib.util.find_spec("aiohttp") is None:
        sys.stdout.write("missing peer: the proxy needs aiohttp\n")
        yield None, 0
        return
    upstream, port = free_port(), free_port()
    with (
        running([sys.executable, PROXY, "upstream", str(upstream)], upstream),
        running([sys.executable, PROXY, "proxy", str(port), str(upstream)], port) as server,
    ):
        yield server, port


def breakdown(folder: Path) -> dict[str, int]:
    """Return the median wall time of each step in microseconds, from the runs' own records."""
    with open_reader(folder, load_settings()) as reader:
        timings = [
            r.finished.timings for r in reader.recent(2000) if r.finished and r.finished.outcome == "answer"
        ]
    steps = timings[0]
    return {step: sorted(t[step] for t in timings if step in t)[len(timings) // 2] for step in steps}


def figures(ours: Figures, theirs: Figures | None) -> dict[str, float | None]:
    """Return one row of the report."""
    return {
        "cpu_ms": ours.cpu_ms,
        "proxy_cpu_ms": theirs.cpu_ms if theirs else None,
        "ratio": round(ours.cpu_ms / theirs.cpu_ms, 2) if theirs else None,
        "p50_ms": ours.p50_ms,
        "p99_ms": ours.p99_ms,
    }


def main() -> None:
    """Print a table and the line of JSON: at 16 connections, and at one."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "work"
        key = workspace(folder)
        ours, theirs, facts = paired(folder, key)
        steps = breakdown(folder)
    report = {c: figures(ours.median(c), theirs.median(c) if theirs.rounds else None) for c in CONNECTIONS}
    for connections, row in report.items():
        sys.stdout.write(f"{connections:>3} connections: {row}\n")
    sys.stdout.write(f"steps in µs: {steps}\n")
    last = {**report[16], "n": ROUNDS * COUNT, "one_connection": report[1], "steps_us": steps, **facts}
    sys.stdout.write(json.dumps(last) + "\n")


if __name__ == "__main__":
    main()
