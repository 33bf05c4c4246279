"""Turns what a model said into the answer of Converse, and into the frames of ConverseStream."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from bedrock_simulator import event_stream
from bedrock_simulator.exchange import Frame, Said, Tokens

_PIECES = re.compile(r"(?:\s*\S+){1,3}\s*|\s+")  # of a text: three words
_LONGEST_PIECE = 24  # characters; languages without blanks come in pieces too
_INPUT_PIECE = 16  # characters of a tool's input
_PADDING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_ECHOED = ("performanceConfig", "serviceTier")  # what an answer repeats of its request

Json = dict[str, Any]


def whole(said: Said, params: Json, latency_ms: int) -> bytes:
    """Return the body of Converse's answer."""
    output: Json = {
        "metrics": {"latencyMs": latency_ms},
        "output": {"message": {"content": list(said.content), "role": "assistant"}},
        "stopReason": said.stop,
        "usage": usage_of(said.tokens),
    }
    return msgspec.json.encode(output | _asked_for(said, params))


def frames(said: Said, params: Json, latency_ms: int) -> tuple[Frame, ...]:
    """Return the events of ConverseStream's answer: blocks in pieces of a few words, then how it ended."""
    events = [
        _frame("messageStart", {"role": "assistant"}),
        *(frame for index, block in enumerate(said.content) for frame in _block(index, block)),
        _frame("messageStop", {"stopReason": said.stop}),
    ]
    metadata: Json = {"metrics": {"latencyMs": latency_ms}, "usage": usage_of(said.tokens)}
    events.append(_frame("metadata", metadata | _asked_for(said, params)))
    return tuple(events)


def usage_of(tokens: Tokens) -> Json:
    """Return `usage`. The total counts what went through the cache."""
    total = tokens.input + tokens.output + tokens.cache_read + tokens.cache_write
    return {
        "cacheReadInputTokens": tokens.cache_read,
        "cacheWriteInputTokens": tokens.cache_write,
        "inputTokens": tokens.input,
        "outputTokens": tokens.output,
        "totalTokens": total,
    }


def _asked_for(said: Said, params: Json) -> Json:
    """Return what is in an answer only where the request asked for it."""
    echoed = {name: params[name] for name in _ECHOED if name in params}
    return echoed if said.trace is None else echoed | {"trace": said.trace}


def _block(index: int, block: Json) -> Iterator[Frame]:
    """Yield a block's events. Only tools' blocks have a start of their own, as with the real service."""
    ((kind, value),) = block.items()
    start = _start(kind, value)
    if start is not None:
        yield _frame("contentBlockStart", {"contentBlockIndex": index, "start": {kind: start}})
    for delta in _deltas(kind, value):
        yield _frame("contentBlockDelta", {"contentBlockIndex": index, "delta": delta}, text=True)
    yield _frame("contentBlockStop", {"contentBlockIndex": index})


def _start(kind: str, value: Any) -> Json | None:
    names = {"toolUse": ("toolUseId", "name", "type"), "toolResult": ("toolUseId", "type", "status")}.get(
        kind
    )
    return None if names is None else {name: value[name] for name in names if name in value}


def _deltas(kind: str, value: Any) -> Iterator[Json]:
    if kind == "text":
        yield from ({"text": piece} for piece in _pieces(value))
    elif kind == "toolUse":
        given = value["input"]  # a string: JSON that the model got wrong, which leaves as it is
        text = given if isinstance(given, str) else msgspec.json.encode(given).decode()
        yield {"toolUse": {"input": ""}}
        for at in range(0, len(text), _INPUT_PIECE):
            yield {"toolUse": {"input": text[at : at + _INPUT_PIECE]}}
    elif kind == "toolResult":
        yield {"toolResult": [part for part in value["content"] if "text" in part or "json" in part]}
    elif kind == "reasoningContent":
        yield from _reasoning(value)
    elif kind == "citationsContent":
        for part in value.get("content", ()):
            yield from ({"text": piece} for piece in _pieces(part["text"]))
        yield from ({"citation": citation} for citation in value.get("citations", ()))
    else:
        raise ValueError(f"`{kind}` cannot be streamed: answer with text, tools, reasoning or citations")


def _reasoning(value: Json) -> Iterator[Json]:
    if "redactedContent" in value:
        yield {"reasoningContent": {"redactedContent": value["redactedContent"]}}
        return
    text = value["reasoningText"]
    for piece in _pieces(text["text"]):
        yield {"reasoningContent": {"text": piece}}
    if "signature" in text:
        yield {"reasoningContent": {"signature": text["signature"]}}


def _pieces(text: str) -> Iterator[str]:
    for words in _PIECES.findall(text):
        for at in range(0, len(words), _LONGEST_PIECE):
            yield words[at : at + _LONGEST_PIECE]


def _frame(event: str, payload: Json, *, text: bool = False) -> Frame:
    """Encode an event. `p` is padding, with which the service hides how long a piece is; clients leave it alone."""
    plain = msgspec.json.encode(payload)
    padded = plain[:-1] + b',"p":"%b"}' % _PADDING[: 1 + len(plain) * 7 % 31].encode()
    return Frame(event, event_stream.event(event, padded), text)
