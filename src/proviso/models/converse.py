"""A call as the bytes of a Converse, ConverseStream or CountTokens request."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from proviso.models.failure import CallFailed, Kind
from proviso.models.shapes import (
    Block,
    CachePoint,
    Call,
    Cited,
    File,
    Guard,
    Image,
    Inference,
    Reasoning,
    SourceSpan,
    Text,
    ToolResult,
    ToolUse,
)

_Json = dict[str, Any]

# `RequestMetadata` of the service model: at most 16 pairs, these characters, at most 256 of them.
_MOST_METADATA: Final = 16
_LONGEST_METADATA: Final = 256
_METADATA: Final = re.compile(r"[a-zA-Z0-9 :_@$#=/+,\-.]*")
_NOT_METADATA: Final = re.compile(r"[^a-zA-Z0-9 :_@$#=/+,\-.]")
# Names of documents: letters, digits, single spaces, hyphens, parentheses and square brackets, at most 200.
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9 \-()\[\]]")
_SPACES: Final = re.compile(r" {2,}")
_LONGEST_NAME: Final = 200
_LOCATIONS: Final = {"char": "documentChar", "page": "documentPage", "chunk": "documentChunk"}


def converse_body(call: Call, *, stream: bool = False) -> bytes:
    """Return the body of a Converse request, of a ConverseStream one with `stream`. Raises `CallFailed` (`invalid`)."""
    body = _asked(call)
    body["inferenceConfig"] = _inference(call)
    if call.schema is not None:
        schema = {"schema": bytes(call.schema).decode(), "name": call.schema_name}
        body["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}
    if call.guard is not None:
        body["guardrailConfig"] = _guard(call.guard, stream=stream)
    if call.metadata:
        body["requestMetadata"] = request_metadata(call.metadata)
    _serving(call.inference, body)
    return _encoded(body)


def count_body(call: Call) -> bytes:
    """Return the body of a CountTokens request. Raises `CallFailed` (`invalid`)."""
    return _encoded({"input": {"converse": _asked(call)}})


def request_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return metadata as providers take it: characters that they refuse become `_`, long values are cut.

    Raises `CallFailed` (`invalid`) for more than 16 pairs and for a key that is not allowed: a changed key would
    be another one.
    """
    if len(metadata) > _MOST_METADATA:
        raise CallFailed(
            Kind.INVALID, f"a call may carry {_MOST_METADATA} pairs of metadata, not {len(metadata)}"
        )
    taken = {}
    for key, value in metadata.items():
        if not 0 < len(key) <= _LONGEST_METADATA or not _METADATA.fullmatch(key):
            raise CallFailed(
                Kind.INVALID, f"`{key[:_LONGEST_METADATA]}` cannot be a key of a call's metadata"
            )
        clean = value if _METADATA.fullmatch(value) else _NOT_METADATA.sub("_", value)
        taken[key] = clean[:_LONGEST_METADATA]
    return taken


def has_tool_blocks(call: Call) -> bool:
    """Whether the conversation so far has called tools: then their descriptions must be sent again."""
    return any(isinstance(block, ToolUse | ToolResult) for turn in call.messages for block in turn.content)


def _encoded(body: _Json) -> bytes:
    try:
        return msgspec.json.encode(body)
    except (UnicodeEncodeError, TypeError, RecursionError) as error:
        raise CallFailed(
            Kind.INVALID, f"the call cannot be written as JSON ({type(error).__name__})"
        ) from error


def _asked(call: Call) -> _Json:
    """What counts as input: messages, system, tools and the model's own fields."""
    body: _Json = {
        "messages": [
            {"role": turn.role, "content": [_block(block) for block in turn.content]}
            for turn in call.messages
        ]
    }
    if call.system:
        body["system"] = [_block(block) for block in call.system]
    # Converse has no way to say `none`. Where the conversation has tool blocks the tools must be named again; a
    # tool that is called nevertheless is a failure of the reply (`checked`).
    if call.tools and (call.tool_choice != "none" or has_tool_blocks(call)):
        body["toolConfig"] = _tools(call)
    if call.inference.extra:
        body["additionalModelRequestFields"] = dict(call.inference.extra)
    return body


def _inference(call: Call) -> _Json:
    inference = call.inference
    config: _Json = {"maxTokens": call.max_tokens}
    if inference.temperature is not None:
        config["temperature"] = inference.temperature
    if inference.top_p is not None:
        config["topP"] = inference.top_p
    if inference.stop_sequences:
        config["stopSequences"] = inference.stop_sequences
    return config


def _serving(inference: Inference, body: _Json) -> None:
    if inference.tier:
        body["serviceTier"] = {"type": inference.tier}
    if inference.fast:
        body["performanceConfig"] = {"latency": "optimized"}


def _guard(guard: Guard, *, stream: bool) -> _Json:
    config = {"guardrailIdentifier": guard.identifier, "guardrailVersion": guard.version, "trace": "enabled"}
    if stream:
        # Asynchronous checking lets text out before it is checked, and cannot mask.
        config["streamProcessingMode"] = "sync"
    return config


def _tools(call: Call) -> _Json:
    tools = []
    for tool in call.tools:
        spec: _Json = {"name": tool.name, "inputSchema": {"json": tool.schema}}
        if tool.description:
            spec["description"] = tool.description
        tools.append({"toolSpec": spec})
    config: _Json = {"tools": tools}
    match call.tool_choice:
        case "none":
            pass
        case "auto" | "any":
            config["toolChoice"] = {call.tool_choice: {}}
        case name:
            config["toolChoice"] = {"tool": {"name": name}}
    return config


def _block(block: Block) -> _Json:
    match block:
        case Text(text, guard):
            return {"guardContent": {"text": {"text": text}}} if guard else {"text": text}
        case CachePoint(ttl):
            return {"cachePoint": {"type": "default", "ttl": ttl} if ttl else {"type": "default"}}
        case Image(kind, content):
            return {"image": {"format": kind, "source": {"bytes": content}}}
        case File():
            return {"document": _document(block)}
        case ToolUse(use, name, written):
            return {"toolUse": {"toolUseId": use, "name": name, "input": written}}
        case ToolResult():
            return {"toolResult": _result(block)}
        case Reasoning():
            return {"reasoningContent": _reasoning(block)}
        case Cited(text, citations):
            cited = {"content": [{"text": text}], "citations": [_citation(span) for span in citations]}
            return {"citationsContent": cited}


def _document(file: File) -> _Json:
    name = _SPACES.sub(" ", _NOT_IN_NAMES.sub("-", file.name))[:_LONGEST_NAME]
    document: _Json = {"format": file.format, "name": name, "source": {"bytes": file.content}}
    if file.citations:
        document["citations"] = {"enabled": True}
    return document


def _result(result: ToolResult) -> _Json:
    content: list[_Json] = []
    if result.json is not None:
        content.append({"json": result.json})
    if result.text is not None:
        content.append({"text": result.text})
    return {
        "toolUseId": result.id,
        "content": content,
        "status": "error" if result.failed else "success",
    }


def _reasoning(reasoning: Reasoning) -> _Json:
    if reasoning.redacted:
        return {"redactedContent": reasoning.redacted}
    text = {"text": reasoning.text}
    if reasoning.signature:
        text["signature"] = reasoning.signature
    return {"reasoningText": text}


def _citation(span: SourceSpan) -> _Json:
    unit = _LOCATIONS.get(span.unit)
    if unit is None:
        raise CallFailed(Kind.INVALID, f"`{span.unit}` is no unit of a citation: char, page and chunk are")
    location = {"documentIndex": span.document, "start": span.start, "end": span.end}
    citation: _Json = {"location": {unit: location}}
    if span.title:
        citation["title"] = span.title
    if span.quote:
        citation["sourceContent"] = [{"text": span.quote}]
    return citation
