"""AWS's own clients work against the simulator unchanged, and find its answers of the shapes that they know."""

import json
from typing import Any

import pytest
from aiobotocore.session import AioSession
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from bedrock_simulator.scenario import (
    Answers,
    Document,
    Fault,
    Rule,
    Scenario,
    SimulatedGuardrail,
    SimulatedModel,
)
from bedrock_simulator.simulator import Simulator
from tests.simulator.clients import ECHO, HELLO, ClientFor, reaching

TOOLS = {
    "tools": [
        {
            "toolSpec": {
                "name": "look_up",
                "inputSchema": {
                    "json": {
                        "type": "object",
                        "properties": {"term": {"type": "string"}},
                        "required": ["term"],
                    }
                },
            }
        }
    ]
}
CALLS = Scenario(answers=Answers(rules=(Rule(tool="look_up", reasoning="I should look that up."),)))
RERANKER = "amazon.rerank-v1:0"
WIDE = Scenario(
    models={
        "amazon.titan-embed-text-v2:0": SimulatedModel(kind="titan-embed"),
        "cohere.embed-v4:0": SimulatedModel(kind="cohere-embed"),
        RERANKER: SimulatedModel(kind="rerank"),
    },
    guardrails={"abc": SimulatedGuardrail(blocked_words=("secret",))},
    knowledge_bases={"KB12345678": (Document(text="Travel is paid for by the office."),)},
)


def fits(client: Any, operation: str, response: dict[str, Any]) -> None:
    """Hold a parsed response against the shape of its operation, by botocore's own validator."""
    shape = client.meta.service_model.operation_model(operation).output_shape
    members = {name: value for name, value in response.items() if name != "ResponseMetadata"}
    report = ParamValidator().validate(members, shape)
    assert not report.has_errors(), report.generate_report()


def events_of(client: Any, response: dict[str, Any]) -> list[tuple[str, Any]]:
    """Read a stream to its end, and hold each event against its shape."""
    stream = (
        client.meta.service_model.operation_model("ConverseStream").output_shape.members["stream"].members
    )
    events = [next(iter(event.items())) for event in response["stream"]]
    for name, payload in events:
        report = ParamValidator().validate(payload, stream[name])
        assert not report.has_errors(), report.generate_report()
    return events


def text_of(events: list[tuple[str, Any]]) -> str:
    deltas = [payload["delta"] for name, payload in events if name == "contentBlockDelta"]
    return "".join(delta.get("text", "") for delta in deltas)


def test_boto3_converses(runtime: Any) -> None:
    response = runtime.converse(modelId=ECHO, messages=HELLO)
    fits(runtime, "Converse", response)
    assert response["stopReason"] == "end_turn"
    assert response["usage"]["inputTokens"] > 0


def test_boto3_reads_a_stream_that_says_the_same(runtime: Any, simulator: Simulator) -> None:
    whole = runtime.converse(modelId=ECHO, messages=HELLO)["output"]["message"]["content"]
    simulator.reset()
    events = events_of(runtime, runtime.converse_stream(modelId=ECHO, messages=HELLO))
    names = [name for name, _ in events]
    assert (names[0], names[-2:]) == ("messageStart", ["messageStop", "metadata"])
    assert text_of(events) == "".join(block["text"] for block in whole)


def test_a_tool_call_and_reasoning_are_whole_and_in_pieces_alike(runtime: Any, simulator: Simulator) -> None:
    simulator.reset(CALLS)
    response = runtime.converse(modelId=ECHO, messages=HELLO, toolConfig=TOOLS)
    fits(runtime, "Converse", response)
    simulator.reset()
    events = events_of(runtime, runtime.converse_stream(modelId=ECHO, messages=HELLO, toolConfig=TOOLS))
    pieces = [
        payload["delta"]["toolUse"]["input"]
        for name, payload in events
        if name == "contentBlockDelta" and "toolUse" in payload["delta"]
    ]
    (use,) = [block["toolUse"] for block in response["output"]["message"]["content"] if "toolUse" in block]
    assert (response["stopReason"], json.loads("".join(pieces))) == ("tool_use", use["input"])


def test_a_guardrail_leaves_its_trace_in_both(runtime: Any, simulator: Simulator) -> None:
    simulator.reset(WIDE)
    config = {"guardrailIdentifier": "abc", "guardrailVersion": "1", "trace": "enabled"}
    asked = {"modelId": ECHO, "messages": [{"role": "user", "content": [{"text": "a secret"}]}]}
    response = runtime.converse(**asked, guardrailConfig=config)
    fits(runtime, "Converse", response)
    events = dict(events_of(runtime, runtime.converse_stream(**asked, guardrailConfig=config)))
    assert response["stopReason"] == events["messageStop"]["stopReason"] == "guardrail_intervened"
    assert events["metadata"]["trace"]["guardrail"] == response["trace"]["guardrail"]


async def test_aiobotocore_converses_and_streams(simulator: Simulator, aio_session: AioSession) -> None:
    async with aio_session.create_client("bedrock-runtime", **reaching(simulator.url)) as client:
        whole = await client.converse(modelId=ECHO, messages=HELLO)
        response = await client.converse_stream(modelId=ECHO, messages=HELLO)
        events = [next(iter(event.items())) async for event in response["stream"]]
    fits(client, "Converse", whole)
    assert text_of(events) == whole["output"]["message"]["content"][0]["text"]
    assert [request.outcome for request in simulator.requests] == ["answered", "answered"]


async def test_aiobotocore_gets_errors_as_its_own_classes(
    simulator: Simulator, aio_session: AioSession
) -> None:
    async with aio_session.create_client("bedrock-runtime", **reaching(simulator.url)) as client:
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            await client.converse(modelId="nobody.knows-v1:0", messages=HELLO)
        with pytest.raises(client.exceptions.ValidationException, match="start with a user message"):
            await client.converse(modelId=ECHO, messages=[{"role": "assistant", "content": [{"text": "x"}]}])


def test_an_exception_in_mid_stream_is_raised_by_boto3(runtime: Any, simulator: Simulator) -> None:
    simulator.reset(Scenario(faults=(Fault(kind="stream-throttling", after=1),)))
    with pytest.raises(ClientError, match="throttlingException"):
        list(runtime.converse_stream(modelId=ECHO, messages=HELLO)["stream"])


@pytest.mark.parametrize(
    ("model", "body"),
    [
        ("amazon.titan-embed-text-v2:0", {"inputText": "travel", "dimensions": 256}),
        ("cohere.embed-v4:0", {"texts": ["travel"], "input_type": "search_query"}),
    ],
)
def test_embeddings_are_invoked_and_tell_their_tokens(
    runtime: Any, simulator: Simulator, model: str, body: dict[str, Any]
) -> None:
    simulator.reset(WIDE)
    response = runtime.invoke_model(modelId=model, body=json.dumps(body))
    headers = response["ResponseMetadata"]["HTTPHeaders"]
    assert int(headers["x-amzn-bedrock-input-token-count"]) > 0
    assert {"x-amzn-bedrock-invocation-latency", "x-amzn-bedrock-output-token-count"} <= headers.keys()
    assert "embedding" in json.dumps(json.loads(response["body"].read()))


@pytest.mark.parametrize(
    ("service", "operation", "method", "asked"),
    [
        (
            "bedrock-runtime",
            "CountTokens",
            "count_tokens",
            {"modelId": ECHO, "input": {"converse": {"messages": HELLO}}},
        ),
        (
            "bedrock-runtime",
            "ApplyGuardrail",
            "apply_guardrail",
            {
                "guardrailIdentifier": "abc",
                "guardrailVersion": "1",
                "source": "INPUT",
                "content": [{"text": {"text": "a secret"}}],
            },
        ),
        (
            "bedrock-agent-runtime",
            "Retrieve",
            "retrieve",
            {"knowledgeBaseId": "KB12345678", "retrievalQuery": {"text": "travel"}},
        ),
        (
            "bedrock-agent-runtime",
            "Rerank",
            "rerank",
            {
                "queries": [{"type": "TEXT", "textQuery": {"text": "travel"}}],
                "sources": [
                    {
                        "type": "INLINE",
                        "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": "by train"}},
                    }
                ],
                "rerankingConfiguration": {
                    "type": "BEDROCK_RERANKING_MODEL",
                    "bedrockRerankingConfiguration": {
                        "modelConfiguration": {
                            "modelArn": f"arn:aws:bedrock:us-east-1::foundation-model/{RERANKER}"
                        }
                    },
                },
            },
        ),
    ],
)
def test_the_neighbours_answer_in_their_shapes(
    simulator: Simulator,
    client_for: ClientFor,
    service: str,
    operation: str,
    method: str,
    asked: dict[str, Any],
) -> None:
    simulator.reset(WIDE)
    client = client_for(service)
    fits(client, operation, getattr(client, method)(**asked))


def test_guardrail_checks_answer_in_their_shape(runtime: Any) -> None:
    checks = {"contentFilter": {"categories": [{"category": "VIOLENCE"}]}}
    messages = [{"role": "user", "content": [{"text": "hello"}]}]
    response = runtime.invoke_guardrail_checks(messages=messages, checks=checks)
    fits(runtime, "InvokeGuardrailChecks", response)


def test_what_was_received_can_be_asserted(runtime: Any, simulator: Simulator) -> None:
    runtime.converse(modelId=f"us.{ECHO}", messages=HELLO, requestMetadata={"app": "a"})
    (request,) = simulator.requests
    assert (request.operation, request.model_id, request.region) == ("Converse", ECHO, "us-east-1")
    assert request.params["requestMetadata"] == {"app": "a"}
    assert request.outcome == "answered"


def test_a_fault_is_the_outcome_of_its_request(runtime: Any, simulator: Simulator) -> None:
    simulator.reset(Scenario(faults=(Fault(kind="throttling"),)))
    with pytest.raises(runtime.exceptions.ThrottlingException):
        runtime.converse(modelId=ECHO, messages=HELLO)
    assert [request.outcome for request in simulator.requests] == ["ThrottlingException"]
