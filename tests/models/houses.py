"""Places to call: Bedrock's endpoint at the simulator, OpenAI's at a small server, each failing as it is told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal, Protocol

from msgspec.structs import replace

from bedrock_simulator.scenario import Answers, Fault, Rule, Scenario, SimulatedGuardrail, SimulatedModel
from bedrock_simulator.simulator import Simulator
from proviso.aws import Keys, Patience, Transport, open_transport
from proviso.models.bedrock import BedrockEndpoint
from proviso.models.endpoint import Endpoint, Target
from proviso.models.openai_compatible import OpenAIEndpoint
from tests.models.openai_server import KEY, MODEL, OpenAIServer
from tests.models.recorded import Ring

SEES: Final = "simulator.sees-v1:0"
SCENARIO: Final = Scenario(
    models={SEES: SimulatedModel(input=("TEXT", "IMAGE"))},
    answers=Answers(persona="echo", rules=(Rule(when="rate", tool="look_up", input={"city": "Oslo"}),)),
    guardrails={"gr1": SimulatedGuardrail(blocked_words=("forbidden",))},
)
# Long enough for any machine, but for what never comes.
PATIENT: Final = Patience(connect=60.0, head=60.0, idle=60.0)
IMPATIENT: Final = Patience(connect=60.0, head=60.0, idle=0.3)


class House(Protocol):
    """An endpoint and what stands behind it."""

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint."""
        ...

    def fail(self, fault: str) -> None:
        """From now on each call goes wrong in this way."""
        ...

    @property
    def endings(self) -> list[str]:
        """How each request ended, as the server saw it: `finished`, or `gone` where the client left first."""
        ...


class AtSimulator:
    """Bedrock's endpoint at the simulator."""

    def __init__(self, simulator: Simulator, transport: Transport, patience: Patience) -> None:
        self._simulator = simulator
        target = Target("sees", "simulator", SEES, "eu-central-1", simulator.url)
        self.endpoint = BedrockEndpoint(target, transport, Ring(Keys("test", "test")), patience=patience)

    def fail(self, fault: str) -> None:
        faults = (Fault(kind=fault, seconds=0.01),)
        self._simulator.reset(replace(SCENARIO, faults=faults))

    @property
    def endings(self) -> list[str]:
        return [request.reply.ended for request in self._simulator.requests]


class AtServer:
    """OpenAI's endpoint at a server that speaks its API."""

    def __init__(self, server: OpenAIServer, transport: Transport, patience: Patience) -> None:
        self._server = server
        target = Target("small", "openai", MODEL, "local", server.url)
        self.endpoint = OpenAIEndpoint(target, transport, KEY, patience=patience)

    def fail(self, fault: str) -> None:
        self._server.fault = fault

    @property
    def endings(self) -> list[str]:
        return [reply.ended for reply in self._server.replies]


@asynccontextmanager
async def at_simulator(
    patience: Patience = PATIENT, *, library: Literal["lean", "aiohttp", "botocore"] = "lean"
) -> AsyncIterator[AtSimulator]:
    """Bedrock's endpoint, and a simulator for it."""
    async with Simulator(SCENARIO) as simulator:
        transport = open_transport(library)
        try:
            yield AtSimulator(simulator, transport, patience)
        finally:
            await transport.close()


@asynccontextmanager
async def at_server(patience: Patience = PATIENT) -> AsyncIterator[AtServer]:
    """OpenAI's endpoint, and a server for it."""
    async with OpenAIServer().running() as server:
        transport = open_transport()
        try:
            yield AtServer(server, transport, patience)
        finally:
            await transport.close()
