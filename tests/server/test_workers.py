"""`proviso serve --workers N`: workers that end are replaced, renewed or drained, and no answer is lost."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from msgspec import Struct

from proviso.app import open_reader
from proviso.errors import Unavailable
from proviso.gateway import Board, CannotListen, Inherited, Supervisor
from proviso.gateway.restarts import ATTEMPTS, Restarts
from proviso.gateway.server import bind
from proviso.settings import InvalidSetting, Settings, load_settings
from tests.cli.steps import CONTRACT, change, run_json
from tests.conftest import Command
from tests.server.kept import fewest_of
from tests.server.serving import OSLO, PROVISO, RUNS, Serving, serving
from tests.server.test_kills import Told, call_until_dead, kinds, streamed, unary
from tests.server.test_stopping import ask_and_stop
from tests.waiting import PATIENCE_S, until

# --- whether and when: pure ---------------------------------------------------------------------------


def test_a_worker_that_dies_young_is_waited_for_longer_each_time_up_to_ten_seconds() -> None:
    restarts, now, pauses = Restarts(), 100.0, []
    for _ in range(9):
        pauses.append(restarts.ended(now, ready_s=4.9))
        now = restarts.not_before + 1
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10])


def test_a_worker_that_served_for_a_while_is_replaced_at_once() -> None:
    restarts = Restarts()
    restarts.ended(100.0, ready_s=0)
    assert restarts.ended(200.0, ready_s=5.0) == 0
    assert restarts.ended(300.0, ready_s=0) == pytest.approx(0.1)


def test_workers_that_die_together_count_once() -> None:
    restarts = Restarts()
    assert [restarts.ended(100.0, ready_s=1) for _ in range(4)] == pytest.approx([0.1] * 4)


def test_before_any_worker_was_ready_one_that_has_said_why_is_the_end() -> None:
    assert Restarts().gives_up(2)


def test_before_any_worker_was_ready_killed_ones_are_tried_again_but_not_for_ever() -> None:
    restarts = Restarts()
    assert [restarts.gives_up(-9) for _ in range(ATTEMPTS)] == [False] * (ATTEMPTS - 1) + [True]


def test_once_a_worker_was_ready_nothing_is_given_up() -> None:
    restarts = Restarts()
    restarts.ready()
    assert not any(restarts.gives_up(code) for code in (2, -9) * ATTEMPTS)


# --- start-up -----------------------------------------------------------------------------------------


def test_what_keeps_workers_from_starting_is_said_once_as_with_one_process(
    proviso: Command, tmp_path: Path
) -> None:
    proviso("init", tmp_path / "example")
    serve = [*PROVISO, "serve", "-w", str(tmp_path / "example"), "--port", "0", "--workers"]
    one, three = (
        subprocess.run([*serve, n], capture_output=True, text=True, timeout=PATIENCE_S) for n in "13"
    )
    assert "proviso index" in three.stderr
    assert (three.stderr, three.returncode) == (one.stderr, one.returncode)


def test_workers_that_are_killed_before_one_is_ready_are_given_up() -> None:
    starts: list[int] = []

    def killed(inherited: Inherited) -> list[str]:
        starts.append(inherited.place)
        return ["sh", "-c", "kill -9 $$"]

    with pytest.raises(Unavailable, match="SIGKILL") as caught:
        Supervisor(Settings(port=0, workers=2), killed, lambda _url, _apps: None).run()
    assert (len(starts), caught.value.exit) == (ATTEMPTS, 4)


def test_a_worker_that_cannot_even_be_started_is_said_so() -> None:
    with pytest.raises(Unavailable, match="no such file"):
        Supervisor(Settings(port=0, workers=2), lambda _: ["/no/such/python"], lambda _url, _apps: None).run()


@pytest.mark.parametrize("workers", ["0", "65", "two", "-1"])
def test_a_number_of_workers_that_is_none_is_said_so(workers: str) -> None:
    with pytest.raises(InvalidSetting, match="PROVISO_WORKERS"):
        load_settings({"PROVISO_WORKERS": workers})


def test_an_inherited_socket_is_served_instead_of_host_and_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as given:
        inherited = bind(Settings(port=1, listen_fd=given.fileno()))
        assert inherited.getsockname() == given.getsockname()
        inherited.detach()


def test_what_is_inherited_and_no_tcp_socket_is_said_so() -> None:
    near, far = socket.socketpair()
    with near, far, Path("/dev/null").open() as file:
        for descriptor in (near.fileno(), file.fileno()):
            with pytest.raises(CannotListen, match="is no"):
                bind(Settings(listen_fd=descriptor))


def test_orphans_are_let_go_and_workers_are_left_to_their_owner() -> None:
    script = """if True:
        import os
        from proviso.gateway.supervisor import reap_orphans
        orphan = os.posix_spawn("/bin/true", ["true"], {})
        os.waitid(os.P_PID, orphan, os.WEXITED | os.WNOWAIT)
        worker = os.posix_spawn("/bin/true", ["true"], {})
        os.waitid(os.P_PID, worker, os.WEXITED | os.WNOWAIT)
        reap_orphans({worker})
        assert os.waitpid(-1, os.WNOHANG)[0] == worker
    """
    subprocess.run([sys.executable, "-c", script], check=True, timeout=PATIENCE_S)


def test_the_board_tells_the_fewest_connections_of_those_who_take_more() -> None:
    with contextlib.closing(Board()) as board:
        assert board.fewest() == 0
        for place, connections in enumerate((7, 3, 5)):
            board.write(place, connections)
        seen = Board(os.dup(board.descriptor))
        assert seen.fewest() == 3
        board.leave(1)
        assert seen.fewest() == 5
        seen.close()


# --- real servers -------------------------------------------------------------------------------------


class Load(Struct):
    """What callers got while workers came and went."""

    runs: set[str]
    lost: list[str]


def ask_for_ever(url: str, key: str, load: Load, stop: threading.Event, *, keep: bool) -> None:
    """Ask over kept or fresh connections. Whatever goes wrong is a lost request: nothing is tried twice.

    A kept connection is given up when an answer says so, as HTTP asks of a client.
    """
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE_S)
    while not stop.is_set():
        try:
            connection.request("POST", RUNS, json.dumps({"question": OSLO}), headers)
            load.runs.add(json.loads(connection.getresponse().read())["run"])
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            load.lost.append(repr(error))
            connection.close()
        if not keep:
            connection.close()
    connection.close()


@contextmanager
def under_load(server: Serving, key: str) -> Iterator[Load]:
    """Keep eight callers asking while the block runs."""
    load, stop = Load(set(), []), threading.Event()
    callers = [
        threading.Thread(
            target=ask_for_ever, args=(server.url, key, load, stop), kwargs={"keep": bool(n % 2)}
        )
        for n in range(8)
    ]
    for caller in callers:
        caller.start()
    try:
        until(lambda: len(load.runs) > 20)
        yield load
    finally:
        stop.set()
        for caller in callers:
            caller.join(PATIENCE_S)


def workers(server: Serving) -> list[psutil.Process]:
    assert server.process is not None
    return psutil.Process(server.process.pid).children()


def events(server: Serving, last: str) -> list[dict[str, Any]]:
    """Return the supervisor's lines up to the first of a kind."""
    assert server.process is not None
    assert server.process.stderr is not None
    found = []
    for line in server.process.stderr:
        found.append(json.loads(line))
        if found[-1]["event"] == last:
            break
    return found


def all_there(folder: Path, runs: set[str]) -> bool:
    with open_reader(folder, Settings()) as reader:
        return all((record := reader.run(run)) and record.finished for run in runs)


@pytest.fixture
def key(proviso: Command, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A key of the workspace, which is served by two workers from here on."""
    monkeypatch.setenv("PROVISO_WORKERS", "2")
    secret: str = run_json(proviso, "keys", "create", "-w", workspace, "--user", "dana")["secret"]
    return secret


@pytest.mark.slow
def test_answers_in_flight_leave_when_two_workers_are_told_to_end(workspace: Path, key: str) -> None:
    broken: list[str] = []
    runs: list[str] = []
    with serving(workspace) as server:
        assert len(workers(server)) == 2
        assert ask_and_stop(server, key, broken, runs) == 0
    assert broken == []
    assert all_there(workspace, set(runs))


@pytest.mark.slow
def test_kept_connections_are_shared_evenly(workspace: Path, key: str) -> None:
    with serving(workspace) as server:
        # One of three rounds: a worker that the machine does not let run leaves its share to the other.
        assert any(fewest_of(server, 20) >= 7 for _ in range(3))


@pytest.mark.slow
def test_renewing_all_workers_under_load_loses_no_request(workspace: Path, key: str) -> None:
    with serving(workspace) as server, under_load(server, key) as load:
        before = {worker.pid for worker in workers(server)}
        assert server.process is not None
        server.process.send_signal(signal.SIGHUP)
        until(lambda: len(now := {one.pid for one in workers(server)}) == 2 and not now & before)
        count = len(load.runs)
        until(lambda: len(load.runs) > count + 20)
    assert load.lost == []
    assert all_there(workspace, load.runs)


@pytest.mark.slow
def test_a_worker_that_an_operator_ends_is_replaced_and_loses_no_request(workspace: Path, key: str) -> None:
    with serving(workspace) as server, under_load(server, key) as load:
        leaver, stayer = workers(server)
        leaver.terminate()
        until(lambda: len(now := workers(server)) == 2 and leaver not in now and stayer in now)
        time.sleep(1)  # until the new one has started
    assert load.lost == []


@pytest.mark.slow
def test_a_contract_that_is_broken_leaves_the_old_workers_serving(workspace: Path, key: str) -> None:
    with serving(workspace) as server:
        before = workers(server)
        change(workspace, CONTRACT, "tier: ", "teir: ")
        assert server.process is not None
        server.process.send_signal(signal.SIGHUP)
        assert server.process.stderr is not None
        said = [next(server.process.stderr)]
        while "renewal_stopped" not in said[-1]:
            said.append(next(server.process.stderr))
        assert "contract.yaml" in "".join(said)
        assert workers(server) == before
        server.ask(key)


@pytest.fixture
def bereaved(workspace: Path, key: str) -> Iterator[tuple[Serving, Told]]:
    """A server of which one worker was killed under load, and what callers had been told."""
    told = Told(set(), set())
    with serving(workspace) as server:
        callers = [
            threading.Thread(target=call_until_dead, args=(server.url, key, ask, told), daemon=True)
            for ask in (unary, streamed) * 8
        ]
        for caller in callers:
            caller.start()
        until(lambda: len(told.whole) > 50)
        workers(server)[0].kill()
        yield server, told
        for worker in workers(server):  # ends the callers' connections
            worker.kill()
        for caller in callers:
            caller.join(PATIENCE_S)
        until(lambda: len(workers(server)) == 2)


@pytest.mark.slow
def test_a_worker_killed_under_load_is_replaced_and_what_it_acknowledged_is_there(
    bereaved: tuple[Serving, Told], key: str
) -> None:
    server, told = bereaved
    count = len(told.whole)
    assert events(server, "worker_ended")[-1]["signal"] == "SIGKILL"
    until(lambda: len(workers(server)) == 2)
    until(lambda: len(told.whole) > count + 20)
    server.ask(key)
    assert all_there(server.folder, set(told.whole))


@pytest.mark.slow
def test_what_a_killed_worker_left_open_becomes_a_gap_once_while_others_serve(
    bereaved: tuple[Serving, Told],
) -> None:
    server, told = bereaved
    begun = set(told.begun)

    def ends() -> Counter[str]:
        return Counter(run for run, kind in kinds(server.folder) if kind in ("run.finished", "run.gap"))

    until(lambda: begun <= ends().keys())
    assert {ends()[run] for run in begun} == {1}


@pytest.mark.slow
def test_workers_end_in_order_when_their_supervisor_is_killed_and_the_port_is_free(
    workspace: Path, key: str
) -> None:
    with contextlib.suppress(Killed), serving(workspace) as server:
        orphans, process = workers(server), server.process
        server.ask(key)
        assert process is not None
        process.kill()
        process.wait(PATIENCE_S)
        assert psutil.wait_procs(orphans, timeout=PATIENCE_S)[1] == []
        bind(Settings(port=int(server.url.rpartition(":")[2]))).close()
        raise Killed


class Killed(Exception):
    """The server of this block was killed, so that it has no orderly end."""


@pytest.mark.slow
def test_a_second_signal_ends_all_at_once(workspace: Path, key: str) -> None:
    with serving(workspace) as server:
        host, port = server.url.removeprefix("http://").split(":")
        assert server.process is not None
        with socket.create_connection((host, int(port))) as slow:
            head = f"POST {RUNS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
            head += "content-type: application/json\r\ncontent-length: 99\r\nexpect: 100-continue\r\n\r\n"
            slow.sendall(f"{head}{{".encode())
            assert b" 100 " in slow.recv(100)  # it has begun to read the body
            server.process.send_signal(signal.SIGTERM)
            time.sleep(1.5)
            assert server.process.poll() is None  # it waits for that request
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(20) == 0  # it would wait 30 s for the body


@pytest.mark.slow
def test_readiness_goes_first_while_requests_are_still_answered(
    workspace: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVISO_LINGER_S", "40")
    with serving(workspace) as server:
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        until(lambda: server.call("GET", "/readyz").status == 503)
        until(lambda: server.call("POST", RUNS, key, {"question": OSLO}).headers.get("connection") == "close")
        reply = server.call("POST", RUNS, key, {"question": OSLO})
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        server.process.send_signal(signal.SIGTERM)  # it need not linger for all that time
