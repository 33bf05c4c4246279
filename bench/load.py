"""A load generator on raw loopback sockets, and the CPU time that a server process spent meanwhile."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Figures:
    """What one load cost: CPU milliseconds of the server per request, and latencies in milliseconds."""

    cpu_ms: float
    p50_ms: float
    p99_ms: float
    requests: int


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(command: Sequence[str], port: int, *, seconds: float = 60) -> "Iterator[psutil.Process]":
    """Run a server until the block ends; wait until its port answers."""
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=sys.stderr)
    try:
        _wait(port, time.monotonic() + seconds, server)
        yield psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait(20)


def _wait(port: int, until: float, server: subprocess.Popen[bytes]) -> None:
    while time.monotonic() < until and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"nothing listens on port {port}")


def post(path: str, body: bytes, token: str = "") -> bytes:
    """Return the bytes of a POST request."""
    authorization = f"authorization: Bearer {token}\r\n" if token else ""
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\n{authorization}content-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def measure(
    server: psutil.Process, port: int, requests: Sequence[bytes], *, connections: int, count: int
) -> Figures:
    """Send `count` requests over `connections` kept-alive connections; every reply must be 200."""
    asyncio.run(_load(port, requests, connections, connections * 20))
    before = _cpu(server)
    latencies = sorted(asyncio.run(_load(port, requests, connections, count)))
    spent = _cpu(server) - before
    return Figures(
        cpu_ms=round(spent * 1000 / len(latencies), 3),
        p50_ms=round(latencies[len(latencies) // 2] * 1000, 2),
        p99_ms=round(latencies[int(len(latencies) * 0.99)] * 1000, 2),
        requests=len(latencies),
    )


def _cpu(server: psutil.Process) -> float:
    processes = [server, *server.children(recursive=True)]
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


async def _load(port: int, requests: Sequence[bytes], connections: int, count: int) -> list[float]:
    left = iter(range(count))
    results = await asyncio.gather(*(_connection(port, requests, left) for _ in range(connections)))
    return [seconds for result in results for seconds in result]


async def _connection(port: int, requests: Sequence[bytes], left: "Iterator[int]") -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    latencies = []
    for number in left:
        start = time.perf_counter()
        writer.write(requests[number % len(requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode(errors="replace"))
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        latencies.append(time.perf_counter() - start)
    writer.close()
    return latencies
