"""How `proviso serve` ends: what it has begun to answer it answers, and it exits with 0."""

import http.client
import json
import signal
import threading
from pathlib import Path

from proviso.app import open_reader
from proviso.settings import Settings
from tests.cli.steps import run_json
from tests.conftest import Command
from tests.server.serving import OSLO, RUNS, Serving, serving
from tests.waiting import PATIENCE_S, until


def keep_asking(url: str, key: str, broken: list[str], runs: list[str]) -> None:
    """Ask until the server takes no more; note whole answers, and answers that broke off."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    while True:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE_S)
        try:
            connection.request("POST", RUNS, json.dumps({"question": OSLO}), headers)
            reply = connection.getresponse()
        except (OSError, http.client.HTTPException):
            return  # not accepted any more
        try:
            runs.append(json.loads(reply.read())["run"])
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            broken.append(repr(error))
        finally:
            connection.close()


def ask_and_stop(server: Serving, key: str, broken: list[str], runs: list[str]) -> int:
    """Ask from four threads, send SIGTERM in the middle of it, and return the exit code."""
    assert server.process is not None
    callers = [threading.Thread(target=keep_asking, args=(server.url, key, broken, runs)) for _ in range(4)]
    for caller in callers:
        caller.start()
    until(lambda: len(runs) >= 20)
    server.process.send_signal(signal.SIGTERM)
    code = server.process.wait(PATIENCE_S)
    for caller in callers:
        caller.join(PATIENCE_S)
    assert not any(caller.is_alive() for caller in callers), "a caller waits for an answer that never comes"
    return code


def test_sigterm_lets_answers_in_flight_leave_and_exits_with_0(proviso: Command, workspace: Path) -> None:
    key = run_json(proviso, "keys", "create", "-w", workspace, "--user", "dana")["secret"]
    broken: list[str] = []
    runs: list[str] = []
    with serving(workspace) as server:
        assert ask_and_stop(server, key, broken, runs) == 0
    assert broken == []
    with open_reader(workspace, Settings()) as reader:
        assert all((record := reader.run(run)) and record.finished for run in runs)
