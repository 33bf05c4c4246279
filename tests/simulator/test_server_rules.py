"""What the service model lets through and the service does not."""

from typing import Any

import pytest
from msgspec import structs

from bedrock_simulator import converse_rules
from bedrock_simulator.exchange import ServiceError
from bedrock_simulator.scenario import SimulatedModel

MODEL = SimulatedModel(max_output=100, context=1_000)
TOOL = {"toolSpec": {"name": "find", "inputSchema": {"json": {"type": "object"}}}}
CONFIG = {"tools": [TOOL]}
CACHE = {"cachePoint": {"type": "default"}}
ASK = {"text": "Hello"}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def use(name: str, given: Any = None, **more: str) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": name, "name": "find", "input": {} if given is None else given} | more}


def result(name: str) -> dict[str, Any]:
    return {"toolResult": {"toolUseId": name, "content": [ASK]}}


def document(name: str) -> dict[str, Any]:
    return {"document": {"name": name, "format": "txt", "source": {"text": "x"}}}


def image() -> dict[str, Any]:
    return {"image": {"format": "png", "source": {"bytes": "AA=="}}}


@pytest.mark.parametrize(
    "params",
    [
        {"messages": [user(ASK)]},
        {"messages": [user(ASK), assistant(ASK), user(ASK), assistant(ASK)]},
        {"messages": [user(ASK), {"role": "system", "content": [ASK]}, assistant(ASK)]},
        {
            "messages": [user(ASK), assistant(use("a"), use("b")), user(result("b"), result("a"))],
            "toolConfig": CONFIG,
        },
        {
            "messages": [user(ASK), assistant(use("a", type="server_tool_use")), user(ASK)],
            "toolConfig": CONFIG,
        },
        {
            "messages": [user(ASK, CACHE)],
            "system": [ASK, CACHE],
            "toolConfig": {"tools": [TOOL, {"cachePoint": {"type": "default"}}]},
        },
        {"messages": [user(ASK, document("Report (2) [final]-a"))]},
        {"messages": [user(ASK)], "inferenceConfig": {"maxTokens": 100}},
    ],
)
def test_what_the_service_takes_is_taken(params: dict[str, Any]) -> None:
    converse_rules.check(params, MODEL, 10)


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({}, "must start with a user message"),
        ({"messages": [assistant(ASK)]}, "must start with a user message"),
        ({"messages": [user(ASK), user(ASK)]}, "must alternate between user and assistant roles"),
        ({"messages": [user()]}, "The content field in the Message object at messages.0 is empty"),
        (
            {"messages": [user({"text": " \n"})]},
            "The text field in the ContentBlock object at messages.0.content.0 is blank",
        ),
        (
            {"messages": [user(ASK)], "system": [{"text": " "}]},
            "The text field in the SystemContentBlock object at system.0",
        ),
        (
            {"messages": [user(ASK), assistant(use("a")), user(result("a"))]},
            "The toolConfig field must be defined",
        ),
        (
            {"messages": [user(use("a"))], "toolConfig": CONFIG},
            "only allowed in a message of the role assistant",
        ),
        ({"messages": [user(ASK), assistant(document("a"))]}, "only allowed in a message of the role user"),
        ({"messages": [user(image())]}, "This model doesn't support the image field"),
        ({"messages": [user(document("a"))]}, "A text block must be included"),
        ({"messages": [user(ASK, document("a.txt"))]}, "can only contain alphanumeric characters"),
        ({"messages": [user(ASK, document("two  blanks"))]}, "more than one consecutive whitespace"),
        ({"messages": [user(ASK, *[document("a")] * 6)]}, "exceeds the limit of 5"),
        ({"messages": [user(ASK, *[CACHE] * 5)]}, "A maximum of 4 blocks with cachePoint"),
        (
            {"messages": [user(ASK)], "inferenceConfig": {"maxTokens": 101}},
            "exceeds the model limit of 100",
        ),
        (
            {"messages": [user(ASK)], "toolConfig": {"tools": [TOOL, TOOL]}},
            "find is used more than once",
        ),
        (
            {"messages": [user(ASK)], "toolConfig": CONFIG | {"toolChoice": {"tool": {"name": "other"}}}},
            "The tool other of",
        ),
        (
            {
                "messages": [user(ASK)],
                "toolConfig": {"tools": [{"toolSpec": {"name": "a", "inputSchema": {"json": "{}"}}}]},
            },
            "toolConfig.tools.0.toolSpec.inputSchema.json is invalid. Provide a json object",
        ),
        (
            {
                "messages": [user(ASK)],
                "toolConfig": {"tools": [{"toolSpec": {"name": "a", "inputSchema": {"json": {}}}}]},
            },
            "inputSchema.json.type must be one of the following: object.",
        ),
        (
            {
                "messages": [user(ASK)],
                "outputConfig": {
                    "textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{"}}}
                },
            },
            "jsonSchema.schema is invalid",
        ),
    ],
)
def test_what_the_service_refuses_is_refused(params: dict[str, Any], told: str) -> None:
    with pytest.raises(ServiceError) as refused:
        converse_rules.check(params, MODEL, 10)
    assert (refused.value.code, refused.value.status) == ("ValidationException", 400)
    assert told in refused.value.message


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        (
            [assistant(use("a"), use("b")), user(result("a"))],
            "Expected toolResult blocks at messages.2.content",
        ),
        ([assistant(use("a")), user(ASK)], "for the following Ids: a"),
        ([assistant(use("a"))], "Expected toolResult blocks at messages.2.content for the following Ids: a"),
        ([assistant(use("a")), user(result("x"))], "for the following Ids: a"),
        ([assistant(use("a")), user(result("a"), result("x"))], "exceeds the number of toolUse blocks"),
        ([assistant(ASK), user(result("a"))], "exceeds the number of toolUse blocks of previous turn"),
        ([assistant(use("a"), use("a")), user(result("a"))], "contain duplicate Ids"),
        ([assistant(use("a"), use("b")), user(result("a"), result("a"))], "contain duplicate Ids"),
        ([assistant(use("a", "text")), user(result("a"))], "toolUse.input is invalid"),
    ],
)
def test_tool_results_match_the_tools_that_were_used(messages: list[Any], told: str) -> None:
    with pytest.raises(ServiceError) as refused:
        converse_rules.check({"messages": [user(ASK), *messages], "toolConfig": CONFIG}, MODEL, 10)
    assert told in refused.value.message


def test_a_prompt_longer_than_the_context_is_refused() -> None:
    with pytest.raises(ServiceError, match="Input is too long for requested model"):
        converse_rules.check({"messages": [user(ASK)]}, MODEL, 1_001)


def test_an_embedding_model_does_not_converse() -> None:
    with pytest.raises(ServiceError, match="supported text or chat model"):
        converse_rules.check({"messages": [user(ASK)]}, SimulatedModel(kind="titan-embed"), 1)


def test_a_model_without_streaming_does_not_stream() -> None:
    with pytest.raises(ServiceError, match="unsupported for streaming"):
        converse_rules.check_streaming(structs.replace(MODEL, streaming=False))
