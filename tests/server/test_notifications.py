"""Notifications in a running server: what the command causes arrives signed, once, also when servers die in between."""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests.cli.steps import change, run_json
from tests.conftest import Command
from tests.server.serving import serving
from tests.waiting import until

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
ARRIVES_S = 2.0
ARRIVES_AT_LAST_S = 150.0  # a message that was being sent by a process that died is held for a minute

pytestmark = pytest.mark.slow


class Posted(Struct, frozen=True):
    """A webhook as it arrived: when (monotonic seconds), and what."""

    at: float
    id: str
    genuine: bool
    body: dict[str, Any]


class Receiver:
    """A webhook's receiver on this machine."""

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        posted = self.posted

        class Take(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                at, body = time.monotonic(), self.rfile.read(int(self.headers["content-length"]))
                name = self.headers["webhook-id"]
                posted.append(Posted(at, name, is_genuine(self.headers, body), json.loads(body)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def wait_for(self, key: str) -> Posted:
        """Return what was posted about a key that was revoked."""
        until(lambda: self._about(key), ARRIVES_AT_LAST_S)
        return self._about(key)[0]

    def _about(self, key: str) -> list[Posted]:
        told = [(one, one.body) for one in list(self.posted)]
        return [
            one for one, body in told if (body["topic"], body["facts"].get("key")) == ("key.revoked", key)
        ]


def is_genuine(headers: Any, body: bytes) -> bool:
    """Check a signature as docs/notifications.md tells receivers to."""
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mine = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    return fresh and any(hmac.compare_digest(mine, one) for one in headers["webhook-signature"].split())


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


@pytest.fixture(params=["sqlite", "postgres"])
def told(
    request: pytest.FixtureRequest,
    proviso: Command,
    workspace: Path,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A workspace on each engine whose notices of keys go to the receiver."""
    webhook = f"{{url: {receiver.url}, secrets: [HOOK_SECRET]}}"
    entry = f"notifications:\n  hook:\n    webhook: {webhook}\n    topics: [key.*]\n\npeople:\n"
    change(workspace, "proviso.yaml", "people:\n", entry)
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    if request.param == "postgres":
        monkeypatch.setenv("PROVISO_STORE", request.getfixturevalue("database_url"))
        assert proviso("index", "-w", workspace).code == 0
    return workspace


@pytest.fixture
def revoked(proviso: Command, told: Path) -> Callable[[], str]:
    """Make a key and revoke it; return its public name."""

    def revoke() -> str:
        key: str = run_json(proviso, "keys", "create", "-w", told, "--user", "dana")["key"]
        assert proviso("keys", "revoke", "-w", told, key).code == 0
        return key

    return revoke


def states(proviso: Command, folder: Path) -> list[str]:
    """Return the state of every message."""
    return [message["state"] for message in run_json(proviso, "outbox", "list", "-w", folder)]


def test_a_revoked_key_is_told_signed_within_two_seconds(
    told: Path, receiver: Receiver, revoked: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(told, "--workers", "2"):
        took = []
        for _ in range(5):
            key, done = revoked(), time.monotonic()
            posted = receiver.wait_for(key)
            took.append(posted.at - done)
    with capsys.disabled():
        print(f"\n  webhook: at most {max(0.0, *took):.2f} s after the command")
    assert sorted(took)[1] <= ARRIVES_S  # a busy machine may delay some, but not nearly all
    assert all(one.genuine for one in receiver.posted)
    assert posted.body["workspace"] == "vantholm"
    assert set(posted.body["facts"]) == {"key"}


def test_what_is_caused_while_no_server_lives_arrives_when_one_starts(
    told: Path, receiver: Receiver, revoked: Callable[[], str], proviso: Command
) -> None:
    with contextlib.suppress(Killed), serving(told) as server:
        assert server.process is not None
        server.process.kill()
        server.process.wait()
        raise Killed
    key = revoked()
    time.sleep(0.5)
    assert receiver.posted == []
    with serving(told):
        receiver.wait_for(key)
        until(lambda: states(proviso, told) == ["delivered"] * 2)  # created and revoked
        time.sleep(0.5)
    assert len(receiver.posted) == 2


def test_two_replicas_deliver_every_message_once(
    told: Path, receiver: Receiver, revoked: Callable[[], str], proviso: Command
) -> None:
    with serving(told, "--workers", "2"), serving(told):
        for key in [revoked() for _ in range(10)]:
            receiver.wait_for(key)
        until(lambda: states(proviso, told) == ["delivered"] * 20)
        time.sleep(1)
    times = Counter(one.id for one in receiver.posted)
    assert (len(times), set(times.values())) == (20, {1})


def test_servers_killed_all_the_time_lose_no_message(
    told: Path, receiver: Receiver, revoked: Callable[[], str]
) -> None:
    keys: list[str] = []
    for _ in range(int(os.environ.get("KILLS", "20")) // 5):
        with contextlib.suppress(Killed), serving(told) as server:
            keys += [revoked() for _ in range(3)]
            assert server.process is not None
            server.process.kill()
            server.process.wait()
            raise Killed
    with serving(told):
        for key in keys:
            receiver.wait_for(key)


class Killed(Exception):
    """The server of this block was killed, so that it has no orderly end."""
