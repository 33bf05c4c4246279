"""The governed request beside the smallest possible proxy, in one run: CPU per request of the server process.

Everything is on: key, masking, refused purposes, search, prompt, the extractive model, verification, citations, the
record with fsync, rollups. The last line is JSON.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from load import Figures, free_port, measure, post, running
from proviso.app import open_reader
from proviso.settings import load_settings

PROVISO = Path(sys.executable).parent / "proviso"
PROXY = str(Path(__file__).parent / "proxy.py")
QUESTIONS = (
    "What is the per diem for Oslo when I stay there for three full days and nobody else pays for any of my meals?",
    "How far ahead do I have to book a flight inside Europe, and which class may I book when the flight is short?",
    "By when do I have to hand in my expense claim after a business trip, and what happens if I hand it in late?",
    "Which receipts do I need for a taxi from the airport to the hotel, and is there a limit on what I can claim?",
)


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


def governed(folder: Path, key: str) -> dict[int, Figures]:
    """Measure the governed request at 1 and 16 connections."""
    port = free_port()
    bodies = [
        json.dumps({"model": "policy-qa", "messages": [{"role": "user", "content": q}]}).encode()
        for q in QUESTIONS
    ]
    requests = [post("/v1/chat/completions", body, key) for body in bodies]
    with running([str(PROVISO), "serve", "-w", str(folder), "--port", str(port)], port) as server:
        return {c: measure(server, port, requests, connections=c, count=2000) for c in (1, 16)}


def proxied() -> dict[int, Figures]:
    """Measure the yardstick at 1 and 16 connections."""
    upstream, port = free_port(), free_port()
    request = post(
        "/v1/chat/completions", json.dumps({"messages": [{"role": "user", "content": QUESTIONS[0]}]}).encode()
    )
    with (
        running([sys.executable, PROXY, "upstream", str(upstream)], upstream),
        running([sys.executable, PROXY, "proxy", str(port), str(upstream)], port) as server,
    ):
        return {c: measure(server, port, [request], connections=c, count=2000) for c in (1, 16)}


def breakdown(folder: Path) -> dict[str, int]:
    """Return the median wall time of each step in microseconds, from the runs' own records."""
    with open_reader(folder, load_settings()) as reader:
        timings = [
            r.finished.timings for r in reader.recent(2000) if r.finished and r.finished.outcome == "answer"
        ]
    steps = timings[0]
    return {step: sorted(t[step] for t in timings if step in t)[len(timings) // 2] for step in steps}


def main() -> None:
    """Print a table and the line of JSON."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "work"
        key = workspace(folder)
        ours, steps = governed(folder, key), breakdown(folder)
        proxy = proxied()
    report = {
        str(c): {
            "cpu_ms": ours[c].cpu_ms,
            "proxy_cpu_ms": proxy[c].cpu_ms,
            "ratio": round(ours[c].cpu_ms / proxy[c].cpu_ms, 2),
            "p50_ms": ours[c].p50_ms,
            "p99_ms": ours[c].p99_ms,
            "n": ours[c].requests,
        }
        for c in (1, 16)
    }
    for connections, figures in report.items():
        sys.stdout.write(f"{connections:>3} connections: {figures}\n")
    sys.stdout.write(f"steps in µs: {steps}\n")
    sys.stdout.write(json.dumps({**report["16"], "one_connection": report["1"], "steps_us": steps}) + "\n")


if __name__ == "__main__":
    main()
