"""Connections that are kept to one worker each, and how long every worker takes to answer otherwise than before."""

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psutil
from msgspec import Struct

from tests.server.serving import RUNS, Reply, Serving

_EVERY_S = 0.02


class Kept:
    """A connection that stays with the worker that has accepted it."""

    def __init__(self, server: Serving) -> None:
        self._connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=20)
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
            for _ in range(40):
                kept = Kept(server)
                open_ones.callback(kept.close)
                kept.call("GET", "/healthz", "")
                for process in processes(server):
                    ports = [one.raddr[1:2] for one in process.net_connections("tcp")]  # none of what listens
                    if (kept.port,) in ports:
                        found[process.pid] = kept
        assert set(found) == wanted, "a worker has no connection"
        yield list(found.values())


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
        _until(lambda: all(note.old for note in heard))
        act()
        done = time.monotonic()
        _until(lambda: all(note.new for note in heard))
        time.sleep(0.3)
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
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


def _until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < end, "it has not come to that"
        time.sleep(0.005)
