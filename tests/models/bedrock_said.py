"""What Bedrock says: one turn as the body of a Converse response, and as the frames of a stream."""

import json
from typing import Any, Final

from bedrock_simulator import event_stream
from tests.models.recorded import Part, Recording

USAGE: Final[dict[str, int]] = {
    "inputTokens": 9,
    "outputTokens": 5,
    "totalTokens": 18,
    "cacheReadInputTokens": 4,
}
TRACE: Final[dict[str, Any]] = {
    "guardrail": {"inputAssessment": {"gr1": {"wordPolicy": {"customWords": []}}}}
}
WORDS: Final = ("The rate ", "is 180 EUR", ". Grüße 🙂")
CITATION: Final[dict[str, Any]] = {
    "title": "Rates",
    "sourceContent": [{"text": "180 EUR"}],
    "location": {"documentChar": {"documentIndex": 0, "start": 4, "end": 11}},
}


def frame(event: str, **payload: Any) -> bytes:
    """One event."""
    return event_stream.event(event, json.dumps(payload | {"p": "abcdef"}).encode())


def delta(index: int = 0, **parts: Any) -> bytes:
    """One piece of a block."""
    return frame("contentBlockDelta", contentBlockIndex=index, delta=parts)


def texts(*words: str) -> tuple[bytes, ...]:
    """A block of text."""
    return (*[delta(text=word) for word in words], frame("contentBlockStop", contentBlockIndex=0))


def tool(written: str, *, index: int = 0, size: int = 4) -> tuple[bytes, ...]:
    """A block of a tool's use."""
    pieces = [written[place : place + size] for place in range(0, len(written), size)]
    start = {"toolUse": {"toolUseId": "t1", "name": "look_up"}}
    return (
        frame("contentBlockStart", contentBlockIndex=index, start=start),
        *[delta(index, toolUse={"input": piece}) for piece in pieces],
        frame("contentBlockStop", contentBlockIndex=index),
    )


def ending(stop: str = "end_turn", **more: Any) -> tuple[bytes, ...]:
    """What a stream ends with."""
    return (frame("messageStop", stopReason=stop), metadata(**more))


def metadata(**more: Any) -> bytes:
    """The last event."""
    return frame("metadata", usage=USAGE, metrics={"latencyMs": 7}, **more)


def turn(*blocks: bytes, stop: str = "end_turn", **more: Any) -> tuple[bytes, ...]:
    """The frames of a whole turn."""
    return (frame("messageStart", role="assistant"), *blocks, *ending(stop, **more))


def streamed(*parts: Part) -> Recording:
    """A response of ConverseStream."""
    headers = {"Content-Type": event_stream.CONTENT_TYPE, "x-amzn-RequestId": "r1"}
    return Recording(parts, headers=headers)


def whole(*content: dict[str, Any], stop: str = "end_turn", **more: Any) -> Recording:
    """A response of Converse."""
    body = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop,
        "usage": USAGE,
        "metrics": {"latencyMs": 7},
    } | more
    headers = {"Content-Type": "application/json", "x-amzn-RequestId": "r1"}
    return Recording((json.dumps(body).encode(),), headers=headers)


def refused(status: int, code: str = "", message: str = "no", **headers: str) -> Recording:
    """A response that is an error."""
    named = {"x-amzn-errortype": f"{code}:http://internal.amazon.com/"} if code else {}
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return Recording((json.dumps({"message": message}).encode(),), status, named | more)
