"""AWS's own clients, unchanged, on a simulator that all tests of one process share."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from aiobotocore.session import AioSession
from botocore.config import Config

from bedrock_simulator.scenario import Scenario
from bedrock_simulator.simulator import Simulator, running

ECHO = "simulator.echo-v1:0"
REGION = "us-east-1"
HELLO = [{"role": "user", "content": [{"text": "Hello there, how are you?"}]}]
ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=20, read_timeout=20)

ClientFor = Callable[..., Any]


@pytest.fixture(scope="session")
def shared_simulator() -> Iterator[Simulator]:
    with running() as simulator:
        yield simulator


@pytest.fixture
def simulator(shared_simulator: Simulator) -> Simulator:
    """The shared simulator as new. `simulator.reset(scenario)` gives it another scenario."""
    shared_simulator.reset(Scenario())
    return shared_simulator


@pytest.fixture(scope="session")
def client_for(shared_simulator: Simulator) -> ClientFor:
    """Make boto3's clients: `client_for("bedrock-runtime")`; each is made once."""
    session = boto3.Session()
    made: dict[str, Any] = {}

    def client(service: str, **changed: Any) -> Any:
        if changed or service not in made:
            new = session.client(service, **(reaching(shared_simulator.url) | changed))
            if changed:
                return new
            made[service] = new
        return made[service]

    return client


@pytest.fixture
def runtime(simulator: Simulator, client_for: ClientFor) -> Any:
    """boto3's client of the runtime, on a simulator as new."""
    return client_for("bedrock-runtime")


@pytest.fixture(scope="session")
def aio_session() -> AioSession:
    return AioSession()


def reaching(url: str) -> dict[str, Any]:
    """Return what a client needs to reach a simulator."""
    return {
        "region_name": REGION,
        "endpoint_url": url,
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
        "config": ONCE,
    }
