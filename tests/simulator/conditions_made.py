"""A connection that records, a clock that only sleeping moves, and answers made by hand."""

import asyncio
import json
import math
from collections.abc import Sequence
from typing import Any

from botocore.eventstream import EventStreamBuffer

from bedrock_simulator import event_stream
from bedrock_simulator.conditions import Network
from bedrock_simulator.exchange import Exchange, Frame, Outgoing, Tokens
from bedrock_simulator.scenario import Fault, Scenario, SimulatedModel

MODEL = "simulator.echo-v1:0"
USED = Tokens(input=20, output=6)


class Recorder:
    """A `Connection` that keeps what was done to it."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.length: int | None = None
        self.writes: list[bytes] = []
        self.end = ""

    def start(self, status: int, headers: Sequence[tuple[str, str]], *, length: int | None) -> None:
        self.status, self.headers, self.length = status, dict(headers), length

    async def write(self, content: bytes) -> None:
        self.writes.append(content)

    async def finish(self) -> None:
        self.end = "finished"

    def close(self) -> None:
        self.end = "closed"

    def reset(self) -> None:
        self.end = "reset"

    @property
    def body(self) -> bytes:
        return b"".join(self.writes)

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[tuple[str, Any]]:
        """The whole frames, as botocore reads them. Raises where one is not sound."""
        buffer = EventStreamBuffer()
        buffer.add_data(self.body)
        return [_event(message.headers, message.payload) for message in buffer]

    def names(self) -> list[str]:
        return [name for name, _ in self.events()]


def _event(headers: dict[str, Any], payload: bytes) -> tuple[str, Any]:
    name = headers.get(":event-type") or headers.get(":exception-type") or headers[":error-code"]
    return name, json.loads(payload or b"{}")


class Time:
    """Seconds that pass only where something sleeps; a sleep for ever ends by being cancelled."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.silent = asyncio.Event()  # something sleeps for ever

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if math.isinf(seconds):
            self.silent.set()
            await asyncio.get_running_loop().create_future()
        self.now += seconds


def exchange(operation: str = "Converse", /, **changes: Any) -> Exchange:
    """A request of an operation; `changes` are parameters, or region, model_id and headers."""
    outside: dict[str, Any] = {"region": "eu-central-1", "model_id": MODEL}
    outside |= {name: changes.pop(name) for name in ("region", "model_id", "headers") if name in changes}
    params = {"modelId": MODEL, "messages": []} | changes
    return Exchange(operation, params=params, model=SimulatedModel(burn=5.0), **outside)


def whole(text: str = "Hello there.", content: list[Any] | None = None) -> Outgoing:
    """An answer of Converse."""
    blocks = content if content is not None else [{"text": text}]
    body = {
        "output": {"message": {"role": "assistant", "content": blocks}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 20, "outputTokens": 6, "totalTokens": 26},
        "metrics": {"latencyMs": 1},
        "trace": {"guardrail": {}},
    }
    return Outgoing(200, (("content-type", "application/json"),), json.dumps(body).encode())


def stream(*deltas: dict[str, Any]) -> Outgoing:
    """An answer of ConverseStream: seven frames with the two pieces of text that it has unless told."""
    pieces = deltas or ({"text": "Hello "}, {"text": "there."})
    events: list[tuple[str, Any]] = [("messageStart", {"role": "assistant"})]
    events += [("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta}) for delta in pieces]
    events += [("contentBlockStop", {"contentBlockIndex": 0}), ("messageStop", {"stopReason": "end_turn"})]
    events += [("metadata", {"usage": {"inputTokens": 20}, "metrics": {}, "trace": {"guardrail": {}}})]
    frames = tuple(
        Frame(name, event_stream.event(name, json.dumps(value).encode()), "delta" in value)
        for name, value in events
    )
    return Outgoing(200, (("content-type", event_stream.CONTENT_TYPE),), frames=frames)


async def served(fault: Fault, request: Exchange, answer: Outgoing, time: Time | None = None) -> Recorder:
    """What a connection gets of an answer to which a fault happens."""
    time = time or Time()
    network = Network(Scenario(faults=(fault,)), clock=time.clock, sleep=time.sleep)
    connection = Recorder()
    ticket = await network.admit(request, 20)
    await network.deliver(ticket, answer, USED, connection)
    return connection


async def converse(kind: str, answer: Outgoing | None = None, /, **changes: Any) -> Recorder:
    """What Converse gets under a fault."""
    return await served(Fault(kind=kind, **changes), exchange(guardrailConfig={}), answer or whole())


async def converse_stream(kind: str, answer: Outgoing | None = None, /, **changes: Any) -> Recorder:
    """What ConverseStream gets under a fault."""
    request = exchange("ConverseStream", guardrailConfig={})
    return await served(Fault(kind=kind, **changes), request, answer or stream())
