"""A call as the bytes of a chat completion request, as OpenAI and those who follow it take it."""

from base64 import b64encode
from typing import Any, Final

import msgspec

from proviso.models.failure import CallFailed, Kind
from proviso.models.shapes import (
    CachePoint,
    Call,
    Cited,
    File,
    Image,
    Inference,
    Message,
    Reasoning,
    Text,
    Tool,
    ToolResult,
    ToolUse,
)

_Json = dict[str, Any]
_CHOICES: Final = {"auto": "auto", "any": "required", "none": "none"}
_TIERS: Final = ("priority", "default", "flex")


def chat_body(call: Call, model: str, *, limit: str = "max_tokens", stream: bool = False) -> bytes:
    """Return the body of a request. `limit`: the field for `max_tokens`, as the server names it.

    Left out, because they change no answer: cache points, the model's earlier reasoning, and the citations of earlier
    turns, whose words stay. What else the dialect cannot say is refused. Raises `CallFailed` (`invalid`).
    """
    if call.guard is not None:
        raise _cannot("a guardrail", "leave it out, or call the model on Bedrock")
    body: _Json = {"model": model, "messages": _messages(call), limit: call.max_tokens}
    if stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    if call.tools:
        body["tools"] = [_tool(tool) for tool in call.tools]
        named = {"type": "function", "function": {"name": call.tool_choice}}
        body["tool_choice"] = _CHOICES.get(call.tool_choice, named)
    if call.schema is not None:
        schema = {"name": call.schema_name, "schema": call.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    _infer(call.inference, body)
    try:
        return msgspec.json.encode(body)
    except (UnicodeEncodeError, TypeError, RecursionError) as error:
        raise CallFailed(
            Kind.INVALID, f"the call cannot be written as JSON ({type(error).__name__})"
        ) from error


def _infer(inference: Inference, body: _Json) -> None:
    if inference.fast:
        raise _cannot("`fast`", "leave it out")
    if inference.tier and inference.tier not in _TIERS:
        raise _cannot(f"tier `{inference.tier}`", f"take one of {', '.join(_TIERS)}")
    settings = {
        "temperature": inference.temperature,
        "top_p": inference.top_p,
        "stop": list(inference.stop_sequences) or None,
        "service_tier": inference.tier or None,
    }
    body.update({name: value for name, value in settings.items() if value is not None})
    for name, value in inference.extra.items():
        # Several choices at once, another limit, a stored conversation: none of it may come in by the side door.
        if name in body or name in (
            "n",
            "stream",
            "max_tokens",
            "max_completion_tokens",
            "tools",
            "functions",
        ):
            raise CallFailed(Kind.INVALID, f"`extra` may not set `{name}`, which the call itself says")
        body[name] = value


def _cannot(what: str, fix: str) -> CallFailed:
    return CallFailed(Kind.INVALID, f"{what} cannot be said to an OpenAI-compatible server: {fix}")


def _tool(tool: Tool) -> _Json:
    function: _Json = {"name": tool.name, "parameters": tool.schema}
    if tool.description:
        function["description"] = tool.description
    return {"type": "function", "function": function}


def _messages(call: Call) -> list[_Json]:
    messages: list[_Json] = []
    system = [block.text for block in call.system if isinstance(block, Text)]
    if system:
        messages.append({"role": "system", "content": "\n\n".join(system)})
    for turn in call.messages:
        messages.extend(_said(turn) if turn.role == "assistant" else _asked(turn))
    return messages


def _asked(turn: Message) -> list[_Json]:
    """A turn of the user: what tools returned comes first, each in a message of its own, then everything else."""
    messages: list[_Json] = []
    parts: list[_Json] = []
    for block in turn.content:
        match block:
            case ToolResult():
                messages.append({"role": "tool", "tool_call_id": block.id, "content": _result(block)})
            case Text(text):
                parts.append({"type": "text", "text": text})
            case Image(kind, content):
                url = f"data:image/{kind};base64,{b64encode(content).decode()}"
                parts.append({"type": "image_url", "image_url": {"url": url}})
            case CachePoint():
                pass
            case File():
                raise _cannot("a document", "give its text as a passage, or call the model on Bedrock")
            case _:
                raise CallFailed(Kind.INVALID, f"a turn of the user cannot hold `{type(block).__name__}`")
    if parts:
        # Not every server takes a list where there is but one text.
        plain = len(parts) == 1 and "text" in parts[0]
        messages.append({"role": "user", "content": parts[0]["text"] if plain else parts})
    return messages


def _result(result: ToolResult) -> str:
    parts = [bytes(result.json).decode()] if result.json is not None else []
    if result.text is not None:
        parts.append(result.text)
    said = "\n".join(parts)
    # There is no field that says that a tool has failed.
    return f"error: {said}" if result.failed else said


def _said(turn: Message) -> list[_Json]:
    words: list[str] = []
    uses: list[_Json] = []
    for block in turn.content:
        match block:
            case Text(text) | Cited(text):
                words.append(text)
            case ToolUse(use, name, written):
                function = {"name": name, "arguments": bytes(written).decode()}
                uses.append({"id": use, "type": "function", "function": function})
            case Reasoning() | CachePoint():
                pass
            case _:
                raise CallFailed(Kind.INVALID, f"a turn of the model cannot hold `{type(block).__name__}`")
    message: _Json = {"role": "assistant", "content": "".join(words) or None}
    if uses:
        message["tool_calls"] = uses
    return [message]
