"""A worker that ended in the middle of runs: whoever wants to be told is told, once."""

import asyncio
from pathlib import Path

import pytest

from proviso.app import Site, put_in_force
from proviso.app.notices import open_queue
from proviso.app.wiring import open_recorder, opened
from proviso.settings import Settings
from proviso.types import Purpose
from tests.cli.steps import change
from tests.ledger.samples import new_run, started

HOOK = (
    "notifications:\n  hook: {webhook: {url: 'http://127.0.0.1:9/', secrets: [HOOK]}, topics: [worker.*]}\n"
)


def leave_open(folder: Path, runs: int) -> None:
    """Do what a process does that starts runs and dies."""
    with opened(Settings(), folder) as store:
        recorder = open_recorder(store)
        for _ in range(runs):
            asyncio.run(recorder.started(started(new_run())))
        recorder.release()


def test_who_wants_to_know_is_told_of_runs_that_a_dead_worker_left_and_only_once(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", "whsec_" + "A" * 44)
    change(workspace, "proviso.yaml", "people:\n", f"{HOOK}\npeople:\n")
    put_in_force(workspace, Settings())
    leave_open(workspace, 3)
    for _ in range(2):
        put_in_force(workspace, Settings())  # as `proviso serve` does first
        Site.attach(workspace, Settings(), Purpose.LIVE).release()
    with open_queue(workspace, Settings()) as queue:
        titles = [message.title for message in queue.list()]
    assert titles == ["A worker ended in the middle of 3 runs"]
