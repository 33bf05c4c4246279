"""A small server that speaks OpenAI's chat completions, by the types of OpenAI's own package, and fails as told."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from pydantic import TypeAdapter

from bedrock_simulator.http import Server
from bedrock_simulator.messages import Received, Reply

MODEL: Final = "small-1"
KEY: Final = "sk-test"
USAGE: Final[dict[str, Any]] = {
    "prompt_tokens": 12,
    "completion_tokens": 5,
    "total_tokens": 17,
    "prompt_tokens_details": {"cached_tokens": 4},
}
_WHOLE: Final = TypeAdapter(CompletionCreateParamsNonStreaming)
_STREAMED: Final = TypeAdapter(CompletionCreateParamsStreaming)

_REFUSALS: Final[Mapping[str, tuple[int, str | None, str]]] = {
    "throttling": (429, "rate_limit_exceeded", "requests"),
    "quota-exceeded": (429, "insufficient_quota", "insufficient_quota"),
    "unavailable": (503, None, "server_error"),
    "internal": (500, None, "server_error"),
    "access-denied": (401, "invalid_api_key", "invalid_request_error"),
    "not-found": (404, "model_not_found", "invalid_request_error"),
    "validation": (400, "context_length_exceeded", "invalid_request_error"),
}


class OpenAIServer:
    """Says the last text of the user again, or calls the tool, or fills the schema. `fault`: what goes wrong."""

    def __init__(self) -> None:
        self.fault = ""
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.replies: list[Reply] = []
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["OpenAIServer"]:
        server = Server(self._answer)
        self.url = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}"
        try:
            yield self
        finally:
            await server.stop()

    async def _answer(self, received: Received, reply: Reply) -> None:
        self.replies.append(reply)
        self.headers.append(received.headers)
        body = json.loads(received.body)
        adapter: TypeAdapter[Any] = _STREAMED if body.get("stream") else _WHOLE
        adapter.validate_python(body)
        self.bodies.append(body)
        if (
            received.headers.get("authorization") != f"Bearer {KEY}"
            or received.path != "/v1/chat/completions"
        ):
            await _refuse(reply, 401, "invalid_api_key", "invalid_request_error")
        elif self.fault in _REFUSALS:
            await _refuse(reply, *_REFUSALS[self.fault])
        elif self.fault == "html-error":
            await _whole(reply, 502, "text/html", b"<html>Bad Gateway</html>")
        elif self.fault == "reset-before":
            reply.reset()
        elif body.get("stream"):
            await self._stream(body, reply)
        else:
            await self._converse(body, reply)

    async def _converse(self, body: dict[str, Any], reply: Reply) -> None:
        message, finish = self._turn(body)
        completion: dict[str, Any] = {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": MODEL,
            "choices": [{"index": 0, "message": {"role": "assistant"} | message, "finish_reason": finish}],
            "usage": None if self.fault == "no-usage" else USAGE,
        }
        if self.fault != "unknown-stop":
            ChatCompletion.model_validate(completion)
        content = json.dumps(completion, ensure_ascii=False).encode()
        if self.fault == "garbage":
            content = b"\xff" * 99
        if self.fault == "half-json":
            content = content[: len(content) // 2]
        reply.start(200, [("content-type", "application/json")], length=len(content))
        await self._play([content[:60], content[60:]], reply)

    async def _stream(self, body: dict[str, Any], reply: Reply) -> None:
        reply.start(200, [("content-type", "text/event-stream")], length=None)
        await self._play(list(self._events(body)), reply)

    def _events(self, body: dict[str, Any]) -> Sequence[bytes]:
        message, finish = self._turn(body)
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        text = message.get("content") or ""
        deltas += [{"content": text[place : place + 3]} for place in range(0, len(text), 3)]
        for call in message.get("tool_calls", ()):
            written = call["function"]["arguments"]
            deltas.append(
                {"tool_calls": [call | {"index": 0, "function": call["function"] | {"arguments": ""}}]}
            )
            deltas += [
                {"tool_calls": [{"index": 0, "function": {"arguments": written[place : place + 5]}}]}
                for place in range(0, len(written), 5)
            ]
        choices: list[list[dict[str, Any]]]
        choices = [[{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas]
        choices.append([{"index": 0, "delta": {}, "finish_reason": finish}])
        events = [self._event(choice) for choice in choices]
        usage = [] if self.fault == "no-usage" else [self._event([], usage=USAGE)]
        return self._struck([*events, *usage, b"data: [DONE]\n\n"])

    def _event(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> bytes:
        chunk: dict[str, Any] = {
            "id": "c1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": MODEL,
            "choices": choices,
        }
        chunk["usage"] = usage
        if self.fault != "unknown-stop":
            ChatCompletionChunk.model_validate(chunk)
        return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"

    def _struck(self, events: list[bytes]) -> list[bytes]:
        """The stream, with whatever is wrong with it."""
        match self.fault:
            case "stream-cut-before-stop":
                return events[:3]
            case "stream-cut-in-frame":
                return [*events[:3], events[3][:20]]
            case "no-done":
                return events[:-1]
            case "no-finish":
                return [*events[:3], *events[-2:]]
            case "stream-throttling":
                return [*events[:3], b'data: {"error": {"message": "no", "code": 429}}\n\n']
            case "stream-internal":
                return [*events[:3], b'data: {"error": {"message": "no", "type": "server_error"}}\n\n']
            case "garbage":
                return [*events[:3], b"data: \xff\xff\n\n", *events[4:]]
            case "half-json":
                return [*events[:3], events[3][:20] + b"\n\n", *events[4:]]
            case "unknown-event":
                return [*events[:3], b": still here\n\nevent: news\nid: 7\r\n\r\n", *events[3:]]
        return events

    def _turn(self, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
        message: dict[str, Any] = {"content": _last(body)}
        finish = "stop"
        if body.get("tools") and body.get("tool_choice") != "none":
            name = body["tools"][0]["function"]["name"]
            written = '{"city": "Os' if self.fault == "malformed-tool-use" else '{"city": "Oslo"}'
            call = {"id": "t1", "type": "function", "function": {"name": name, "arguments": written}}
            message, finish = {"content": None, "tool_calls": [call]}, "tool_calls"
        elif body.get("response_format"):
            message = {"content": '{"city": "Oslo"}'}
        if self.fault == "empty-end-turn":
            message = {"content": ""}
        if len((message["content"] or "").split()) > body["max_tokens"]:
            words = message["content"].split()
            message, finish = {"content": " ".join(words[: body["max_tokens"]])}, "length"
        return message, "paused" if self.fault == "unknown-stop" else finish

    async def _play(self, parts: list[bytes], reply: Reply) -> None:
        if self.fault == "tiny-writes":
            parts = [bytes([byte]) for part in parts for byte in part]
        for place, part in enumerate(parts):
            if place == (1 if len(parts) == 2 else 3):
                if self.fault == "reset-during":
                    return reply.reset()
                if self.fault == "stream-closed":
                    return reply.close()
                if self.fault == "never-ends":
                    await asyncio.Event().wait()
            await reply.write(part)
        return await reply.finish()


def _last(body: dict[str, Any]) -> str:
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


async def _refuse(reply: Reply, status: int, code: str | None, kind: str) -> None:
    error = {"error": {"message": "no", "type": kind, "param": None, "code": code}}
    await _whole(reply, status, "application/json", json.dumps(error).encode())


async def _whole(reply: Reply, status: int, kind: str, content: bytes) -> None:
    reply.start(status, [("content-type", kind)], length=len(content))
    await reply.write(content)
    await reply.finish()
