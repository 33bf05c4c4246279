"""What a model reads in a Converse request: the instructions, the question, the passages, what tools returned."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from bedrock_simulator.passages import Passage, in_blocks, in_text, question_in
from bedrock_simulator.tokens import written

Block = dict[str, Any]

_SAYING: Final = r"\b(?:reply|respond|answer|say|write|return|output)\b[^.!?\n:\"“]{0,80}?"
_NO_EVIDENCE: Final = (
    re.compile(_SAYING + r"[:,]?\s{0,3}[\"“`]([^\"”`\n]{1,200})[\"”`]", re.IGNORECASE),
    re.compile(_SAYING + r"\b(?:exactly|only|just)\s{0,3}:\s{0,5}([^\n]{1,200})", re.IGNORECASE),
    re.compile(r"(?i:" + _SAYING + r")((?:[A-Z]{2,}[ _]){1,5}[A-Z]{2,})\b"),
)
NOTHING_FOUND: Final = "I cannot answer this from what I was given."


class Tool(Struct, frozen=True):
    """A tool that may be called, with the JSON Schema of its input."""

    name: str
    schema: Any


class Reading(Struct, frozen=True):
    """A request as a model reads it. `user`: the last turn's text; where tools returned, their `results` instead."""

    system: str
    user: str
    question: str
    passages: tuple[Passage, ...]
    results: tuple[str, ...] = ()
    returned: frozenset[str] = frozenset()  # the names of the tools that returned them
    tools: tuple[Tool, ...] = ()
    choice: str = "auto"  # auto, any, or `tool:NAME`
    no_evidence: str = ""  # what the system prompt says to say where nothing answers

    @property
    def asked(self) -> str:
        """What rules look at: the last turn's text, or what tools returned."""
        return self.user or "\n".join(self.results)


def read(params: dict[str, Any]) -> Reading:
    """Return what a model reads in the parameters of Converse."""
    messages: list[Block] = params.get("messages") or []
    system = "\n".join(
        [
            *texts(params.get("system") or ()),
            *(t for m in messages if m["role"] == "system" for t in texts(m["content"])),
        ]
    )
    turns = [message["content"] for message in messages if message["role"] == "user"]
    last: Sequence[Block] = turns[-1] if turns else ()
    user = "\n".join(texts(last))
    asking = user or next((text for text in map(_joined, reversed(turns)) if text), "")
    prompted = in_text(asking)
    returned = [block["toolResult"] for block in last if "toolResult" in block]
    found = [*prompted.passages, *in_text(system).passages]
    for blocks in (*turns, *(result["content"] for result in returned)):
        found += in_blocks(blocks)
    return Reading(
        system=system,
        user=user,
        question=question_in(prompted.rest),
        passages=tuple(found),
        results=tuple(_result_text(result) for result in returned),
        returned=_names_of(messages, {result["toolUseId"] for result in returned}),
        tools=tuple(_tools(params)),
        choice=_choice(params),
        no_evidence=no_evidence_phrase(system),
    )


def texts(blocks: Sequence[Block]) -> Iterator[str]:
    """Yield the words among content blocks, guarded or not."""
    for block in blocks:
        if "text" in block:
            yield block["text"]
        elif "text" in block.get("guardContent", ()):
            yield block["guardContent"]["text"]["text"]


def no_evidence_phrase(system: str) -> str:
    """Return what a system prompt says to answer, word for word, where nothing answers; empty where it says nothing."""
    for pattern in _NO_EVIDENCE:
        if found := pattern.search(system):
            return found[1].strip().removesuffix(".")
    return ""


def plain(result: Block) -> Iterator[str]:
    """Yield the words and the JSON that a tool returned."""
    for block in result["content"]:
        if "text" in block:
            yield block["text"]
        elif "json" in block:
            yield written(block["json"])


def _joined(blocks: Sequence[Block]) -> str:
    return "\n".join(texts(blocks))


def _result_text(result: Block) -> str:
    return "\n".join(plain(result))


def _names_of(messages: Sequence[Block], ids: set[str]) -> frozenset[str]:
    calls = (block["toolUse"] for message in messages for block in message["content"] if "toolUse" in block)
    return frozenset(call["name"] for call in calls if call["toolUseId"] in ids)


def _tools(params: dict[str, Any]) -> Iterator[Tool]:
    for tool in (params.get("toolConfig") or {}).get("tools", ()):
        if "toolSpec" in tool:
            yield Tool(tool["toolSpec"]["name"], tool["toolSpec"]["inputSchema"].get("json", {}))


def _choice(params: dict[str, Any]) -> str:
    choice = (params.get("toolConfig") or {}).get("toolChoice") or {}
    if "tool" in choice:
        return f"tool:{choice['tool']['name']}"
    return "any" if "any" in choice else "auto"
