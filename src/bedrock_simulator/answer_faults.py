"""Answers that are sound on the wire and wrong in what they say: stop reasons, usage, traces, events."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import structs

from bedrock_simulator import event_stream
from bedrock_simulator.exchange import Frame, Outgoing

Json = Any  # a value that came out of JSON
Event = tuple[str, Json]  # its type, its payload

_CONTENT = frozenset({"contentBlockStart", "contentBlockDelta", "contentBlockStop"})
_STOPS: Mapping[str, str] = {
    "empty-end-turn": "end_turn",
    "malformed-tool-use": "malformed_tool_use",
    "malformed-output": "malformed_model_output",
    "unknown-stop": "simulated_stop",
}
_STRANGE = "🙂"  # four bytes in UTF-8


def rewrite(kind: str, outgoing: Outgoing) -> Outgoing:
    """Return what the fault makes of an answer: the same one where it does nothing to its content."""
    if outgoing.status != 200:
        return outgoing
    if outgoing.frames is None:
        return _rewritten_body(kind, outgoing)
    return _rewritten_frames(kind, outgoing, outgoing.frames)


def dumped(value: Json) -> bytes:
    """Return JSON without spaces, its characters as they are in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def payload_at(frame: bytes) -> tuple[int, int]:
    """Return where the payload of an encoded frame is: between its headers and its last CRC."""
    return 12 + int.from_bytes(frame[4:8]), len(frame) - 4


def _rewritten_body(kind: str, outgoing: Outgoing) -> Outgoing:
    change = _BODIES.get(kind)
    if change is None or not outgoing.body.startswith(b"{"):  # an array, or the XML of a neighbour
        return outgoing
    body = json.loads(outgoing.body)
    change(kind, body)
    return structs.replace(outgoing, body=dumped(body))


def _rewritten_frames(kind: str, outgoing: Outgoing, frames: Sequence[Frame]) -> Outgoing:
    change = _FRAMES.get(kind)
    if change is None:
        return outgoing
    changed: list[Frame] = []
    for frame in frames:
        start, end = payload_at(frame.content)
        for event, payload in change(kind, frame.event, json.loads(frame.content[start:end])):
            changed.append(Frame(event, event_stream.event(event, dumped(payload)), frame.text))
    return structs.replace(outgoing, frames=tuple(changed))


# -- whole bodies, changed in place


def _stop_body(kind: str, body: dict[str, Json]) -> None:
    body["stopReason"] = _STOPS[kind]
    message = body["output"]["message"]
    if kind == "empty-end-turn":
        message["content"] = []
    for block in message["content"] if kind == "malformed-tool-use" else ():
        if "toolUse" in block:
            block["toolUse"]["input"] = _half(json.dumps(block["toolUse"]["input"]))


def _strip_usage(_kind: str, body: dict[str, Json]) -> None:
    body.pop("usage", None)


def _strip_trace(_kind: str, body: dict[str, Json]) -> None:
    body.pop("trace", None)


def _strange_body(_kind: str, body: dict[str, Json]) -> None:
    """Put a character of several bytes into the first text, where the body has none."""
    if dumped(body).isascii():
        blocks = body.get("output", {}).get("message", {}).get("content", [])
        block = next((block for block in blocks if "text" in block), None)
        if block is None:
            body["simulated"] = _STRANGE  # a member that clients skip
        else:
            block["text"] += _STRANGE


# -- events, each into those that take its place


def _stop_event(kind: str, event: str, payload: Json) -> list[Event]:
    if event == "messageStop":
        return [(event, payload | {"stopReason": _STOPS[kind]})]
    if kind == "empty-end-turn" and event in _CONTENT:
        return []
    delta = payload.get("delta", {}) if event == "contentBlockDelta" else {}
    if kind == "malformed-tool-use" and "toolUse" in delta:
        half = {"toolUse": {"input": _half(delta["toolUse"]["input"])}}
        return [(event, payload | {"delta": half})]
    return [(event, payload)]


def _no_metadata(_kind: str, event: str, payload: Json) -> list[Event]:
    return [] if event == "metadata" else [(event, payload)]


def _no_trace(_kind: str, event: str, payload: Json) -> list[Event]:
    if event == "metadata":
        payload.pop("trace", None)
    return [(event, payload)]


def _two_stops(_kind: str, event: str, payload: Json) -> list[Event]:
    return [(event, payload)] * (2 if event == "messageStop" else 1)


def _strange_event(_kind: str, event: str, payload: Json) -> list[Event]:
    delta = payload.get("delta", {}) if event == "contentBlockDelta" else {}
    if "text" in delta and delta["text"].isascii():
        delta["text"] += _STRANGE
    return [(event, payload)]


def _half(text: str) -> str:
    return text[: len(text) // 2]


_BODIES: Mapping[str, Callable[[str, dict[str, Json]], None]] = {
    **dict.fromkeys(_STOPS, _stop_body),
    "no-usage": _strip_usage,
    "missing-trace": _strip_trace,
    "split-utf8": _strange_body,
}
_FRAMES: Mapping[str, Callable[[str, str, Json], list[Event]]] = {
    **dict.fromkeys(_STOPS, _stop_event),
    "no-usage": _no_metadata,
    "missing-trace": _no_trace,
    "duplicate-stop": _two_stops,
    "split-utf8": _strange_event,
}
