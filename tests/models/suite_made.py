"""A simulator whose model does all that the conformance suite asks for, and ways to look at it through the suite."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from msgspec import structs

from bedrock_simulator.scenario import Answers, Rule, Scenario, SimulatedGuardrail, SimulatedModel
from bedrock_simulator.simulator import Simulator
from proviso.aws import Keys, open_transport
from proviso.models import BedrockEndpoint, Guard, Target
from proviso.models.conformance import run
from proviso.models.conformance_terms import Outcome, Subject
from proviso.models.endpoint import Endpoint
from tests.models.recorded import Ring

MODEL: Final = "example.able-v1:0"
FEATURES: Final = frozenset(
    ("tools", "structured-output", "documents", "images", "prompt-cache", "count-tokens", "citations")
)
RULES: Final = (
    Rule(system="one word heron", text="heron"),
    Rule(when="What is my code word", text="kestrel"),
    Rule(when="Which colour is this picture", text="Red."),
    Rule(when="What is the weather in Oslo", tool="look_up_weather", input={"city": "Oslo"}),
    Rule(when="Write the numbers", text=", ".join(f"number {number}" for number in range(60))),
    Rule(when="^Say hello", text="Hello to you, whoever you are."),
)
ABLE: Final = Scenario(
    models={MODEL: SimulatedModel(input=("TEXT", "IMAGE"), cache_min_tokens=200)},
    answers=Answers(rules=RULES),
    guardrails={"gr1": SimulatedGuardrail(blocked_words=("forbidden",))},
)


@asynccontextmanager
async def subject_at(scenario: Scenario = ABLE) -> AsyncIterator[Subject]:
    """A subject at a simulator of this scenario."""
    async with Simulator(scenario) as simulator:
        transport = open_transport()
        target = Target("able", "simulator", MODEL, "eu-central-1", simulator.url)
        keys = Ring(Keys("test", "test"))
        unknown: Endpoint = BedrockEndpoint(
            structs.replace(target, model="example.none-v1:0"), transport, keys
        )
        endpoint = BedrockEndpoint(target, transport, keys)
        try:
            yield Subject(endpoint, unknown, FEATURES, Guard("gr1", "1"), cache_min_tokens=200, pause_s=0.0)
        finally:
            await transport.close()


async def outcomes(subject: Subject) -> Mapping[str, Outcome]:
    """What came of every check, by name."""
    return {check.name: outcome async for check, outcome in run(subject)}
