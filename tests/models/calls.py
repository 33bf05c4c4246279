"""Calls with everything in them, and the parameters that a user of boto3 would write for the same."""

from typing import Any, Final

from msgspec import Raw

from proviso.models.shapes import (
    CachePoint,
    Call,
    Cited,
    File,
    Guard,
    Image,
    Inference,
    Message,
    Reasoning,
    SourceSpan,
    Text,
    Tool,
    ToolResult,
    ToolUse,
)

SCHEMA: Final = b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}'
LOOK_UP: Final = Tool("look_up", "Looks a rate up.", Raw(SCHEMA))


def asked(text: str = "What is the rate in Oslo?") -> tuple[Message, ...]:
    """A question."""
    return (Message("user", (Text(text),)),)


PLAIN: Final = Call(asked(), 300)
TOOLED: Final = Call(asked(), 300, tools=(LOOK_UP,))
GUARDED: Final = Call(asked(), 300, guard=Guard("gr1", "1"))

FULL: Final = Call(
    (
        Message(
            "user",
            (
                Text("Which rate holds?", guard=True),
                Image("png", b"\x89PNG"),
                File("pdf", "rates_2026.v2", b"%PDF", citations=True),
                CachePoint("1h"),
                Text("Say it short. Grüße 🙂"),
            ),
        ),
        Message(
            "assistant",
            (
                Reasoning("I should look.", "c2ln"),
                Reasoning(redacted=b"\x00\x01"),
                Cited("It is 180.", (SourceSpan(0, 3, 9, "page", "Rates", "180 EUR"),)),
                ToolUse("t1", "look_up", Raw(b'{"city":"Oslo"}')),
                ToolUse("t2", "look_up", Raw(b"{}")),
            ),
        ),
        Message(
            "user",
            (ToolResult("t1", json=Raw(b'{"rate":180}')), ToolResult("t2", text="no city", failed=True)),
        ),
    ),
    400,
    system=(Text("You answer."), CachePoint()),
    inference=Inference(0.0, 0.9, ("###",), {"top_k": 3}, "flex", fast=True),
    tools=(LOOK_UP,),
    tool_choice="look_up",
    schema=Raw(SCHEMA),
    guard=Guard("gr1", "2"),
    metadata={"app": "policy-qa", "group": "Zürich <a>"},
)

FULL_PARAMS: Final[dict[str, Any]] = {
    "messages": [
        {
            "role": "user",
            "content": [
                {"guardContent": {"text": {"text": "Which rate holds?"}}},
                {"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}},
                {
                    "document": {
                        "format": "pdf",
                        "name": "rates-2026-v2",
                        "source": {"bytes": b"%PDF"},
                        "citations": {"enabled": True},
                    }
                },
                {"cachePoint": {"type": "default", "ttl": "1h"}},
                {"text": "Say it short. Grüße 🙂"},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "I should look.", "signature": "c2ln"}}},
                {"reasoningContent": {"redactedContent": b"\x00\x01"}},
                {
                    "citationsContent": {
                        "content": [{"text": "It is 180."}],
                        "citations": [
                            {
                                "title": "Rates",
                                "sourceContent": [{"text": "180 EUR"}],
                                "location": {"documentPage": {"documentIndex": 0, "start": 3, "end": 9}},
                            }
                        ],
                    }
                },
                {"toolUse": {"toolUseId": "t1", "name": "look_up", "input": {"city": "Oslo"}}},
                {"toolUse": {"toolUseId": "t2", "name": "look_up", "input": {}}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "toolResult": {
                        "toolUseId": "t1",
                        "content": [{"json": {"rate": 180}}],
                        "status": "success",
                    }
                },
                {"toolResult": {"toolUseId": "t2", "content": [{"text": "no city"}], "status": "error"}},
            ],
        },
    ],
    "system": [{"text": "You answer."}, {"cachePoint": {"type": "default"}}],
    "inferenceConfig": {"maxTokens": 400, "temperature": 0.0, "topP": 0.9, "stopSequences": ["###"]},
    "toolConfig": {
        "tools": [
            {
                "toolSpec": {
                    "name": "look_up",
                    "description": "Looks a rate up.",
                    "inputSchema": {
                        "json": {
                            "type": "object",
                            "properties": {"city": {"type": "string"}},
                            "required": ["city"],
                        }
                    },
                }
            }
        ],
        "toolChoice": {"tool": {"name": "look_up"}},
    },
    "guardrailConfig": {"guardrailIdentifier": "gr1", "guardrailVersion": "2", "trace": "enabled"},
    "additionalModelRequestFields": {"top_k": 3},
    "requestMetadata": {"app": "policy-qa", "group": "Z_rich _a_"},
    "performanceConfig": {"latency": "optimized"},
    "serviceTier": {"type": "flex"},
    "outputConfig": {
        "textFormat": {
            "type": "json_schema",
            "structure": {"jsonSchema": {"schema": SCHEMA.decode(), "name": "answer"}},
        }
    },
}
