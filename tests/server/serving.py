"""A real `proviso serve` in a process of its own, and ways to call it."""

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from proviso.app import Site
from proviso.settings import Settings
from proviso.types import Purpose
from tests.waiting import PATIENCE_S

PROVISO = (sys.executable, "-m", "proviso.cli")
CHAT = "/v1/chat/completions"
RUNS = "/v1/apps/policy-qa/runs"
OSLO = "What is the per diem for Oslo?"


class Reply(Struct):
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


class Serving(Struct):
    """A server of a workspace that runs, and its process where it has one of its own."""

    folder: Path
    url: str
    process: "subprocess.Popen[str] | None" = None

    def call(self, method: str, path: str, key: str = "", body: Any = None, **more: str) -> Reply:
        """Send one request; what is not bytes is sent as JSON. `more`: headers, with `_` for `-`."""
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=PATIENCE_S)
        try:
            connection.request(method, path, raw, headers)
            reply = connection.getresponse()
            return Reply(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def ask(self, key: str, question: str = OSLO) -> Any:
        """Ask the app in the native dialect, and return the run."""
        reply = self.call("POST", RUNS, key, {"question": question})
        assert reply.status == 200, reply.body
        return reply.json


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Serving]:
    """Run `proviso serve` on a free port until the block ends; at its end it must have exited with 0."""
    command = [*PROVISO, "serve", "-w", str(folder), "--port", "0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            found = re.search(r"http://[\d.]+:\d+", said)
            assert found, said + process.stderr.read()
            yield Serving(folder, found[0], process)
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()


@contextmanager
def inside(site: Site, folder: Path) -> Iterator[Serving]:
    """Serve a site over HTTP from a thread of this process."""
    ready = threading.Event()
    server = site.server(lambda _: ready.set())
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert ready.wait(PATIENCE_S)
        yield Serving(folder, server.url)
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
    assert not thread.is_alive()


def open_site(folder: Path) -> Site:
    """Open the apps of a workspace as a server does."""
    return Site.open(folder, Settings(port=0), Purpose.TEST)
