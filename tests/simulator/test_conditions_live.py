"""Every fault, whole and streamed, as boto3 and aiobotocore take it with their retries off: nothing hangs.

The table is also a warning: an answer that is cut, lost or no answer at all passes for a success with both clients
wherever it says `ends without a word`, `nothing` or `end_turn`.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, ExitStack, closing, contextmanager
from typing import Any, Protocol

import boto3
import pytest
from aiobotocore.session import get_session
from aiohttp import ClientError as AiohttpError
from botocore.config import Config
from botocore.eventstream import ParserError
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import structs
from urllib3.exceptions import HTTPError

from bedrock_simulator.faults import KINDS, could
from bedrock_simulator.scenario import Answers, Fault, Quota, Rule, Scenario, SimulatedGuardrail
from bedrock_simulator.simulator import Simulator, running
from tests.simulator.conditions_made import exchange

pytestmark = pytest.mark.whole

SAID = "Grüße aus Oslo, and a few words more."
SCENARIO = Scenario(
    answers=Answers(rules=(Rule(text=SAID),)),
    guardrails={"guarded": SimulatedGuardrail()},
    time_scale=0.01,
)
CALL: dict[str, Any] = {
    "modelId": "simulator.echo-v1:0",
    "messages": [{"role": "user", "content": [{"text": "Where from?"}]}],
    "guardrailConfig": {"guardrailIdentifier": "guarded", "guardrailVersion": "1", "trace": "enabled"},
}
ERRORS = (ClientError, BotoCoreError, ParserError, HTTPError, AiohttpError, UnicodeDecodeError)
LONG, SHORT = 60.0, 0.5  # seconds that a client waits for the next byte

SILENT_END = "ends without a word"
WHOLE = "end_turn"

# What a call comes to: the code of an error of the service, the name of any other, or else the stopReason, and how
# often it came. Two entries: boto3's and aiobotocore's.
Table = dict[str, str | tuple[str, str]]
BEFORE: Table = {
    "throttling": "ThrottlingException",
    "retry-after": "ThrottlingException",
    "quota-exceeded": "ServiceQuotaExceededException",
    "model-not-ready": "ModelNotReadyException",
    "unavailable": "ServiceUnavailableException",
    "internal": "InternalServerException",
    "model-timeout": "ModelTimeoutException",
    "model-error": "ModelErrorException",
    "access-denied": "AccessDeniedException",
    "not-found": "ResourceNotFoundException",
    "validation": "ValidationException",
    "expired-token": "ExpiredTokenException",
    "html-error": "502",
    "reset-before": ("ConnectionClosedError", "EndpointConnectionError"),
}
SOUND: Table = {
    "slow-first-byte": WHOLE,
    "idle-gap": WHOLE,
    "split-utf8": WHOLE,
    "tiny-writes": WHOLE,
    "missing-trace": WHOLE,
    "empty-end-turn": WHOLE,
    "no-usage": WHOLE,
    "malformed-tool-use": "malformed_tool_use",
    "malformed-output": "malformed_model_output",
    "unknown-stop": "simulated_stop",
}
UNARY: Table = {
    **BEFORE,
    **SOUND,
    "reset-during": "ConnectionClosedError",
    "never-ends": "timeout",
    "garbage": "UnicodeDecodeError",
    "half-json": "nothing",
    "wrong-length": (WHOLE, "ConnectionClosedError"),
}
STREAMED: Table = {
    **BEFORE,
    **SOUND,
    "stream-throttling": "throttlingException",
    "stream-internal": "internalServerException",
    "stream-unavailable": "serviceUnavailableException",
    "stream-validation": "validationException",
    "stream-model-error": "modelStreamErrorException",
    "stream-error": "InternalFailure",
    "stream-cut-in-frame": SILENT_END,
    "stream-cut-before-stop": SILENT_END,
    "stream-closed": ("ProtocolError", "ClientPayloadError"),
    "reset-during": ("ProtocolError", "ClientPayloadError"),
    "never-ends": "timeout",
    "bad-crc": "ChecksumMismatch",
    "bad-prelude-crc": "ChecksumMismatch",
    "bad-length": "InvalidPayloadLength",
    "garbage": "ChecksumMismatch",
    "half-json": WHOLE,  # an event without its content
    "duplicate-stop": "end_turn end_turn",
    "unknown-event": WHOLE,
}
CASES = [("Converse", kind) for kind in UNARY] + [("ConverseStream", kind) for kind in STREAMED]


class Caller(Protocol):
    """A client that makes one call under a fault, and tells what it comes to."""

    def __call__(self, operation: str, kind: str) -> str: ...


def settings(simulator: Simulator, patience: float) -> dict[str, Any]:
    off = Config(retries={"total_max_attempts": 1}, read_timeout=patience)
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return {"region_name": "eu-central-1", "endpoint_url": simulator.url, "config": off, **keys}


class Asking:
    """Puts the header that asks for a fault on whatever a client sends."""

    def __init__(self, client: Any) -> None:
        self.kind = ""
        client.meta.events.register("before-sign.bedrock-runtime", self.put)

    def put(self, request: Any, **_: Any) -> None:
        request.headers["x-simulate-fault"] = self.kind


def told(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response["Error"]["Code"])
    name = type(error).__name__
    return "timeout" if "Timeout" in name else name  # which one depends on how far the answer had come


def stops(events: list[dict[str, Any]]) -> str:
    return (
        " ".join(event["messageStop"]["stopReason"] for event in events if "messageStop" in event)
        or SILENT_END
    )


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with running(SCENARIO) as started:
        yield started


@pytest.fixture(scope="module")
def boto(simulator: Simulator) -> Caller:
    session = boto3.Session()
    clients = {each: session.client("bedrock-runtime", **settings(simulator, each)) for each in (LONG, SHORT)}
    asking = {each: Asking(client) for each, client in clients.items()}

    def call(operation: str, kind: str) -> str:
        patience = SHORT if kind == "never-ends" else LONG
        asking[patience].kind = kind
        try:
            if operation == "Converse":
                return str(clients[patience].converse(**CALL).get("stopReason", "nothing"))
            with closing(clients[patience].converse_stream(**CALL)["stream"]) as events:
                return stops(list(events))
        except ERRORS as error:
            return told(error)

    return call


@contextmanager
def loop_in_a_thread() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Run coroutines from tests that are none, all in one loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(120)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def aio_call(client: Any, operation: str) -> str:
    try:
        if operation == "Converse":
            return str((await client.converse(**CALL)).get("stopReason", "nothing"))
        with closing((await client.converse_stream(**CALL))["stream"]) as events:
            return stops([event async for event in events])
    except ERRORS as error:
        return told(error)


@pytest.fixture(scope="module")
def aiobotocore(simulator: Simulator) -> Iterator[Caller]:
    async def opened(patience: float) -> Any:
        return await stack.enter_async_context(
            get_session().create_client("bedrock-runtime", **settings(simulator, patience))
        )

    with loop_in_a_thread() as run:
        stack = AsyncExitStack()
        clients = {each: run(opened(each)) for each in (LONG, SHORT)}
        asking = {each: Asking(client) for each, client in clients.items()}

        def call(operation: str, kind: str) -> str:
            patience = SHORT if kind == "never-ends" else LONG
            asking[patience].kind = kind
            return str(run(aio_call(clients[patience], operation)))

        yield call
        run(stack.aclose())


def test_the_table_has_each_kind_wherever_it_can_happen() -> None:
    for operation, table in (("Converse", UNARY), ("ConverseStream", STREAMED)):
        request = exchange(operation, guardrailConfig={})
        assert set(table) | {"regional-outage"} == {kind for kind in KINDS if could(kind, request)}


@pytest.mark.parametrize(("operation", "kind"), CASES)
def test_what_boto3_makes_of_a_fault(boto: Caller, operation: str, kind: str) -> None:
    expected = (UNARY if operation == "Converse" else STREAMED)[kind]
    assert boto(operation, kind) == (expected if isinstance(expected, str) else expected[0])


@pytest.mark.parametrize(("operation", "kind"), CASES)
def test_what_aiobotocore_makes_of_a_fault(aiobotocore: Caller, operation: str, kind: str) -> None:
    expected = (UNARY if operation == "Converse" else STREAMED)[kind]
    assert aiobotocore(operation, kind) == (expected if isinstance(expected, str) else expected[1])


def client_of(simulator: Simulator) -> Any:
    return boto3.Session().client("bedrock-runtime", **settings(simulator, LONG))


def outcome(call: Callable[..., Any]) -> str:
    try:
        call(**CALL)
    except ERRORS as error:
        return told(error)
    return "answered"


def test_a_plan_of_faults_can_be_repeated() -> None:
    faults = (
        Fault(kind="throttling", share=0.3),
        Fault(kind="regional-outage", region="eu-central-1", share=0.3),
    )
    with (
        running(structs.replace(SCENARIO, faults=faults)) as simulator,
        closing(client_of(simulator)) as client,
    ):
        first = [outcome(client.converse) for _ in range(30)]
        simulator.reset()
        assert first == [outcome(client.converse) for _ in range(30)]
    assert set(first) == {
        "answered",
        "ThrottlingException",
        "ServiceUnavailableException",
        "ConnectionClosedError",
    }


def test_a_quota_throttles_who_leaves_max_tokens_unset_while_an_answer_is_on_its_way() -> None:
    scenario = structs.replace(
        SCENARIO, faults=(Fault(kind="never-ends", nth=(1,)),), quotas={"*": Quota(100_000)}
    )
    with ExitStack() as stack:
        client = stack.enter_context(closing(client_of(stack.enter_context(running(scenario)))))
        events = stack.enter_context(closing(client.converse_stream(**CALL)["stream"]))
        next(iter(events))
        assert outcome(client.converse) == "ThrottlingException"
        assert client.converse(**CALL, inferenceConfig={"maxTokens": 500})["stopReason"] == "end_turn"


def test_a_throttle_says_when_to_come_back() -> None:
    faults = (Fault(kind="retry-after", seconds=150),)
    with (
        running(structs.replace(SCENARIO, faults=faults)) as simulator,
        closing(client_of(simulator)) as client,
        pytest.raises(ClientError) as caught,
    ):
        client.converse(**CALL)
    assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amz-retry-after"] == "1500"


def test_a_simulator_stops_although_an_answer_never_ends() -> None:
    running_one = running(structs.replace(SCENARIO, faults=(Fault(kind="never-ends"),)))
    with ExitStack() as stack:
        with running_one as simulator:
            client = stack.enter_context(closing(client_of(simulator)))
            events = stack.enter_context(closing(client.converse_stream(**CALL)["stream"]))
            arriving = iter(events)
            assert "messageStart" in next(arriving)
        with pytest.raises(HTTPError):
            list(arriving)
