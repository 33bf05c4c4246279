"""Calls of Bedrock: CPU of the caller, ours beside aiobotocore and boto3 in threads; the governed request through it.

All talk to one simulator on loopback, in turns in one run. Each client is a process of its own, so that its CPU time is
its own: client, signing, HTTP, decoding, and for boto3 its threads. The last line is JSON.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiobotocore.session
import boto3
from botocore.config import Config

import request
from load import Figures, free_port, measure, running
from proviso.aws import StaticKeys, open_transport
from proviso.models import BedrockEndpoint, Target
from proviso.models.shapes import Call, Message, Text
from request import CONNECTIONS, COUNT, PROVISO, ROUNDS, Loads

SIMULATOR = Path(sys.executable).parent / "bedrock-simulator"
REGION = "eu-central-1"
MODEL = "simulator.echo-v1:0"
CLIENTS = ("ours", "aiobotocore", "boto3")
IN_FLIGHT = 16
CALLS = {"unary": 1600, "stream": 480}
WORDS = 285  # of the echoed text: a hundred events
TEXT = " ".join(f"word{number}" for number in range(WORDS))

One = Callable[[], Awaitable[object]]

BOUND = """
environments:
  dev:
    bedrock:
      regions: [eu-central-1]
      endpoint: {url}
"""
REGISTERED = """
  simulated:
    id: simulator.answers-v1:0
    provider: bedrock
    owner: li
    regions: [eu-central-1]
    context: 200000
    languages: [en]
    settings: {temperature: 0}
    deterministic: true
    data_classes: [public, internal, confidential, restricted]
    price: {input_per_million_usd: 1, output_per_million_usd: 5}
    lifecycle: {status: active}
    trade_off: None that counts.
"""
SCENARIO = """
models:
  simulator.answers-v1:0: {context: 200000, max_output: 8192}
"""


# --- one client, in a process of its own ---------------------------------------------------------------


def client(which: str, kind: str, url: str) -> dict[str, float]:
    """Make the calls of one client; return its CPU milliseconds per call, and how many events a stream had."""
    if which == "boto3":
        return threads(kind, url)
    return asyncio.run({"ours": ours, "aiobotocore": theirs}[which](kind, url))


async def ours(kind: str, url: str) -> dict[str, float]:
    """Our endpoint, signer, transport and decoder."""
    transport = open_transport()
    target = Target("echo", "simulator", MODEL, REGION, url)
    endpoint = BedrockEndpoint(target, transport, StaticKeys("test", "test"))
    call = Call((Message("user", (Text(TEXT),)),), 1000, size=len(TEXT))

    async def unary() -> int:
        return len((await endpoint.converse(call, time.monotonic() + 60)).text)

    async def stream() -> int:
        count = 0
        async for _ in endpoint.stream(call, time.monotonic() + 60):
            count += 1
        return count

    try:
        return await timed(unary if kind == "unary" else stream, kind)
    finally:
        await transport.close()


def asked() -> dict[str, Any]:
    """Return the same call for botocore."""
    messages = [{"role": "user", "content": [{"text": TEXT}]}]
    return {"modelId": MODEL, "messages": messages, "inferenceConfig": {"maxTokens": 1000}}


def settings(url: str) -> dict[str, Any]:
    """Return how botocore's clients are made: no retries, as many connections as calls at once."""
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=IN_FLIGHT)
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return {"region_name": REGION, "endpoint_url": url, "config": config, **keys}


async def theirs(kind: str, url: str) -> dict[str, float]:
    """Call through aiobotocore."""
    async with aiobotocore.session.get_session().create_client("bedrock-runtime", **settings(url)) as made:

        async def unary() -> object:
            return (await made.converse(**asked()))["output"]

        async def stream() -> int:
            count = 0
            async for _ in (await made.converse_stream(**asked()))["stream"]:
                count += 1
            return count

        return await timed(unary if kind == "unary" else stream, kind)


def threads(kind: str, url: str) -> dict[str, float]:
    """Call through boto3 in as many threads as calls at once."""
    made = boto3.client("bedrock-runtime", **settings(url))

    def unary(_: int) -> object:
        return made.converse(**asked())["output"]

    def stream(_: int) -> int:
        return sum(1 for _ in made.converse_stream(**asked())["stream"])

    one, count = (unary, CALLS["unary"]) if kind == "unary" else (stream, CALLS["stream"])
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        list(pool.map(one, range(IN_FLIGHT * 2)))
        began = time.process_time()
        last = list(pool.map(one, range(count)))[-1]
        spent = time.process_time() - began
    return row_of(spent, count, last)


async def timed(one: One, kind: str) -> dict[str, float]:
    """Make the calls, so many at once, after a warm-up."""
    last: object = None

    async def some(count: int) -> None:
        nonlocal last
        for _ in range(count):
            last = await one()

    await asyncio.gather(*(some(2) for _ in range(IN_FLIGHT)))
    count = CALLS[kind] // IN_FLIGHT
    began = time.process_time()
    await asyncio.gather(*(some(count) for _ in range(IN_FLIGHT)))
    return row_of(time.process_time() - began, count * IN_FLIGHT, last)


def row_of(spent: float, count: int, last: object) -> dict[str, float]:
    """Return the figures of one client."""
    return {"cpu_ms": round(spent * 1000 / count, 3), "events": last if isinstance(last, int) else 0}


# --- all of them, in turns -----------------------------------------------------------------------------


def compared(url: str) -> dict[str, dict[str, float]]:
    """Return CPU milliseconds per call by client, the median of the rounds."""
    seen: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for kind in CALLS:
            for which in CLIENTS:
                command = [sys.executable, __file__, "client", which, kind, url]
                said = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
                seen.setdefault((kind, which), []).append(json.loads(said)["cpu_ms"])
    return {kind: {which: sorted(seen[kind, which])[ROUNDS // 2] for which in CLIENTS} for kind in CALLS}


def governed(folder: Path, scenario: Path) -> dict[int, Figures]:
    """Return the figures of the governed request whose draft comes from Bedrock, by connections."""
    key, port, ours = request.workspace(folder), free_port(), Loads({})
    upstream = free_port()
    bind(folder, f"http://127.0.0.1:{upstream}")
    command = [str(SIMULATOR), "--port", str(upstream), "--scenario", str(scenario)]
    with (
        running(command, upstream),
        running([str(PROVISO), "serve", "-w", str(folder), "--port", str(port)], port) as server,
    ):
        for connections in CONNECTIONS:
            for _ in range(ROUNDS):
                sent = request.requests(key)
                ours.add(connections, measure(server, port, sent, connections=connections, count=COUNT))
    return {connections: ours.median(connections) for connections in CONNECTIONS}


def bind(folder: Path, url: str) -> None:
    """Let the example draft through Bedrock."""
    change: dict[str, Callable[[str], str]] = {
        "proviso.yaml": lambda text: text + BOUND.format(url=url),
        "models.yaml": lambda text: text + REGISTERED,
        "policy.yaml": lambda text: text.replace("models: [extractive]", "models: [extractive, simulated]"),
        "apps/policy-qa/workflow.yaml": lambda text: text.replace(
            "drafter: extractive", "drafter: simulated"
        ),
    }
    for name, edit in change.items():
        path = folder / name
        path.write_text(edit(path.read_text("utf-8")), "utf-8")


def main() -> None:
    """Print tables and the line of JSON."""
    if sys.argv[1:2] == ["client"]:
        sys.stdout.write(json.dumps(client(*sys.argv[2:5])) + "\n")
        return
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")  # the simulator's own
    with tempfile.TemporaryDirectory() as temporary:
        folder, port = Path(temporary), free_port()
        with running([str(SIMULATOR), "--port", str(port)], port):
            clients = {} if "governed" in sys.argv else compared(f"http://127.0.0.1:{port}")
        (folder / "scenario.yaml").write_text(SCENARIO, "utf-8")
        requests = governed(folder / "work", folder / "scenario.yaml")
    for kind, figures in clients.items():
        ratios = {which: round(figures[which] / figures["ours"], 1) for which in CLIENTS}
        sys.stdout.write(f"{kind}: CPU ms {figures}, times ours {ratios}\n")
    rows = {connections: request.figures(figures, None) for connections, figures in requests.items()}
    for connections, row in rows.items():
        sys.stdout.write(f"{connections:>3} connections, governed: {row}\n")
    sys.stdout.write(json.dumps({"clients": clients, "governed": rows, "n": ROUNDS * COUNT}) + "\n")


if __name__ == "__main__":
    main()
