"""Real processes over one store: 64 clients, one process killed in the middle, and not one request too many."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.engines import Engine
from tests.waiting import until

AMOUNT = 1000
CLIENTS = 64
ROOT = Path(__file__).parents[2]


def start(engine: Engine, record: Path, among: int) -> list[subprocess.Popen[bytes]]:
    """Start so many processes that share the clients."""
    engine.open()  # made and migrated
    record.touch()
    rest = [str(CLIENTS // among), str(AMOUNT)]
    command = [sys.executable, "-m", "tests.budgets.worker", str(engine.folder), engine.url, str(record)]
    return [
        subprocess.Popen(
            [*command, f"w{number}", *rest], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for number in range(among)
    ]


def begin_together(workers: list[subprocess.Popen[bytes]]) -> None:
    """Let them begin when all are there: who comes late would find nothing left."""
    for worker in workers:
        assert worker.stdout is not None
        with worker.stdout as said:
            assert said.readline() == b"ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write(b"go\n")
        worker.stdin.close()


@pytest.mark.slow
@pytest.mark.usefixtures("one_day")
@pytest.mark.parametrize("killed", [False, True])
def test_processes_use_exactly_the_amount_even_if_one_is_killed(
    engine: Engine, tmp_path: Path, *, killed: bool
) -> None:
    record = tmp_path / "record"
    workers = start(engine, record, among=4 if engine.url else 2)
    begin_together(workers)
    if killed:
        until(lambda: record.read_text().count("w0") >= 50)
        workers[0].kill()
    ends = [worker.wait(180) for worker in workers]
    assert ends == [-9 if killed else 0, *([0] * (len(workers) - 1))]
    counts = Counter(record.read_text().split())
    assert counts.total() == AMOUNT
    assert len(counts) == len(workers)
