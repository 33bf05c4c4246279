"""Connections that are kept to one worker each, and how long every worker takes to answer otherwise than before."""

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import psutil
from msgspec import Struct

from tests.server.serving import RUNS, Reply, Serving
from tests.waiting import PATIENCE_S, until

_EVERY_S = 0.02
_MOST_TRIES = 200  # connections, until each worker of a server has taken one


class Kept:
    """A connection that stays with the worker that has accepted it."""

    def __init__(self, server: Serving) -> None:
        self._connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=PATIENCE_S)
        self._connection.connect()
        self.port = self._connection.sock.getsockname()[1]

    def call(self, method: str, path: str, key: str, body: Any = None) -> Reply:
        """Send one request; the connection must not be closed by it."""
        raw = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
        self._connection.request(method, path, raw, headers)
        reply = self._connection.getresponse()
        content = reply.read()
        assert self._connection.sock is not None, "the server has closed a kept connection"
        return Reply(reply.status, {k.lower(): v for k, v in reply.getheaders()}, content)

    def ask(self, key: str, question: str) -> Reply:
        """Ask the app in the native dialect."""
        return self.call("POST", RUNS, key, {"question": question})

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def processes(server: Serving) -> list[psutil.Process]:
    """Return the processes that answer: the workers, or the one that has none."""
    assert server.process is not None
    own = psutil.Process(server.process.pid)
    return own.children() or [own]


@contextlib.contextmanager
def one_to_each(servers: Sequence[Serving]) -> Iterator[list[Kept]]:
    """Yield a kept connection to every process that answers for these servers; the system says which is whose."""
    with contextlib.ExitStack() as open_ones:
        found: dict[int, Kept] = {}
        wanted = {process.pid for server in servers for process in processes(server)}
        for server in servers:
            for _ in range(_MOST_TRIES):
                if wanted & {process.pid for process in processes(server)} <= found.keys():
                    break
                kept = Kept(server)
                open_ones.callback(kept.close)
                kept.call("GET", "/healthz", "")
                for process in processes(server):
                    ports = [one.raddr[1:2] for one in process.net_connections("tcp")]  # none of what listens
                    if (kept.port,) in ports:
                        found[process.pid] = kept
        assert set(found) == wanted, "a worker has no connection"
        yield list(found.values())


def connections(server: Serving) -> list[int]:
    """Return how many connections each worker has taken."""
    return [
        sum(one.status == "ESTABLISHED" for one in worker.net_connections("tcp"))
        for worker in processes(server)
    ]


def fewest_of(server: Serving, number: int) -> int:
    """Open so many connections, one after the other, and return how many the worker has that has the fewest."""
    host, port = server.url.removeprefix("http://").split(":")
    with contextlib.ExitStack() as open_ones:
        for _ in range(number):
            before = sum(connections(server))
            open_ones.enter_context(socket.create_connection((host, int(port))))
            until(partial(_has_taken, server, before + 1))
        fewest = min(connections(server))
    until(partial(_has_taken, server, 0))
    return fewest


def _has_taken(server: Serving, number: int) -> bool:
    return sum(connections(server)) == number


class Heard(Struct):
    """When a worker first answered in the new way, and when it last did in the old one (monotonic seconds)."""

    new: float = 0.0
    old: float = 0.0
    wrong: str = ""


def watch(kept: Sequence[Kept], is_new: Callable[[Kept], bool], act: Callable[[], object]) -> list[float]:
    """Ask every worker all the time while `act` happens; return for each how long after it the last old answer began.

    Every worker must answer in the old way before, and in the new way for a while in the end.
    """
    heard, stop = [Heard() for _ in kept], threading.Event()
    threads = [
        threading.Thread(target=_ask_on, args=(one, is_new, note, stop))
        for one, note in zip(kept, heard, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        until(lambda: all(note.old for note in heard))
        act()
        done = time.monotonic()
        until(lambda: all(note.new for note in heard))
        time.sleep(0.3)
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert [note.wrong for note in heard if note.wrong] == []
    assert all(note.new > note.old for note in heard), "a worker went back to what was before"
    return [max(note.new - done, 0.0) for note in heard]


def _ask_on(kept: Kept, is_new: Callable[[Kept], bool], note: Heard, stop: threading.Event) -> None:
    while not stop.is_set():
        began = time.monotonic()
        try:
            new = is_new(kept)
        except AssertionError as error:
            note.wrong = str(error) or "an answer that is neither"
            return
        if not new:
            note.old = began
        elif not note.new:
            note.new = time.monotonic()
        time.sleep(_EVERY_S)
