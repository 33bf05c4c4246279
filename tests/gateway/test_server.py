"""The server: where it may listen, and how it ends."""

import asyncio
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import urllib.request

import pytest

from proviso.errors import GateClosed
from proviso.gateway import Gateway, Server
from proviso.gateway.server import CannotListen, bind
from proviso.settings import Settings
from proviso.types import Environment
from tests.gateway.house import House, served
from tests.waiting import PATIENCE_S


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "::ffff:10.0.0.1"])
def test_in_dev_only_this_machine_can_reach_it(host: str) -> None:
    with pytest.raises(GateClosed) as caught:
        bind(Settings(host=host, port=0))
    assert "PROVISO_HOST=127.0.0.1" in caught.value.fix


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_in_dev_loopback_addresses_are_fine(host: str) -> None:
    bind(Settings(host=host, port=0)).close()


def test_outside_dev_any_address_of_the_machine_is_fine() -> None:
    bind(Settings(host="0.0.0.0", port=0, environment=Environment.PILOT)).close()


def test_a_taken_port_is_said_so_with_the_fix() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(CannotListen) as caught:
        bind(Settings(port=taken.getsockname()[1]))
    assert "PROVISO_PORT" in caught.value.fix


@pytest.mark.parametrize("host", ["no such host", "", "x" * 300])
def test_a_host_that_is_none_is_said_so(host: str) -> None:
    with pytest.raises(CannotListen, match="not an address"):
        bind(Settings(host=host))


def test_head_and_paths_with_escapes_are_harmless_over_the_wire(house: House) -> None:
    with served(house) as url:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE_S)
        for method, path, status in (
            ("HEAD", "/healthz", 200),
            ("GET", "/v1/models/..%2f..%2fetc%2fpasswd", 404),
            ("GET", "/v1/../healthz", 404),
            ("GET", "/%00", 404),
        ):
            connection.request(method, path)
            reply = connection.getresponse()
            assert (reply.status, reply.getheader("server")) == (status, None)
            assert method != "HEAD" or reply.read() == b""
            reply.read()
        connection.close()


def test_answers_under_way_leave_before_the_parts_are_closed(house: House) -> None:
    house.gate = asyncio.Event()
    replies: list[int] = []

    def go() -> None:
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=PATIENCE_S)
        body = '{"question": "Oslo?"}'
        headers = {"authorization": "Bearer pv_dana", "content-type": "application/json"}
        connection.request("POST", "/v1/apps/policy-qa/runs", body, headers)
        replies.append(connection.getresponse().status)
        assert not house.closed
        connection.close()

    ready = threading.Event()
    server = Server(Gateway(house.parts(), Settings()), Settings(port=0), on_ready=lambda _: ready.set())
    loop_of = threading.Thread(target=server.run)
    loop_of.start()
    assert ready.wait(PATIENCE_S)
    caller = threading.Thread(target=go)
    caller.start()
    assert house.started.wait(PATIENCE_S)
    server.should_exit = True
    assert not replies
    house.release()
    caller.join(PATIENCE_S)
    loop_of.join(PATIENCE_S)
    assert replies == [200]
    assert house.closed


SCRIPT = """
import sys
from proviso.gateway import Gateway, run_server
from proviso.settings import Settings
from tests.gateway.house import House
house = House()
run_server(Gateway(house.parts(), Settings()), Settings(port=0), on_ready=lambda url: print(url, flush=True))
print("closed" if house.closed else "lost", flush=True)
"""


def test_sigterm_ends_it_in_order_with_exit_code_0() -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "closed\n"
        assert process.wait(PATIENCE_S) == 0


LOGGED = SCRIPT.replace("flush=True))\nprint", "flush=True), log=True)\nprint")


def test_with_log_each_request_is_a_line_of_json_on_stderr() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LOGGED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        with urllib.request.urlopen(
            f"{process.stdout.readline().strip()}/healthz", timeout=PATIENCE_S
        ) as reply:
            assert reply.status == 200
        process.send_signal(signal.SIGINT)
        _, logged = process.communicate(timeout=PATIENCE_S)
    assert [json.loads(line)["route"] for line in logged.splitlines()] == ["/healthz"]
