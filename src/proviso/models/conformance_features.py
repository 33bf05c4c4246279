"""What an endpoint must do where the register says so: tools, schemas, documents, pictures, caches, guardrails."""

import struct
import time
import zlib
from typing import Any, Final, Protocol, runtime_checkable

import msgspec
from msgspec import Raw, structs

from proviso.models.conformance_protocol import MOST, answered, asked, said, streamed
from proviso.models.conformance_terms import Outcome, Subject, Verdict, judged, missed, quoted
from proviso.models.responses import UNREADABLE
from proviso.models.shapes import (
    Block,
    CachePoint,
    Call,
    Cited,
    File,
    Image,
    Message,
    Reply,
    Text,
    Tool,
    ToolResult,
    ToolUse,
)
from proviso.types import StopReason

_SCHEMA: Final = Raw(
    b'{"type":"object","properties":{"city":{"type":"string"},"nights":{"type":"integer"}},'
    b'"required":["city","nights"],"additionalProperties":false}'
)
_WEATHER: Final = Tool(
    "look_up_weather",
    "Looks up the weather of a city now. The only way to know it.",
    Raw(b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}'),
)
_COMPILING_S: Final = 300.0  # a provider may take minutes for a schema that it sees for the first time
_FACT: Final = "The door code of the Vantholm office is 4711. It is changed every year in March."
_WORDS_PER_TOKEN: Final = 1  # of English it is less: so many words are enough tokens for any tokeniser
_OFF: Final = 0.15  # by which share a count may be off, besides a few tokens
_FEW: Final = 10


@runtime_checkable
class CountsTokens(Protocol):
    """An endpoint that can be asked how long a call is."""

    async def count_tokens(self, call: Call, deadline: float) -> int:
        """Return how many tokens the call's input has."""
        ...


async def structured(subject: Subject) -> Outcome:
    """The answer is JSON of the schema."""
    question = "I was in Oslo for three nights. Give the city and the number of nights as JSON."
    reply = await answered(subject, structs.replace(said(question, subject), schema=_SCHEMA), _COMPILING_S)
    try:
        found = msgspec.json.decode(reply.text.encode(), type=dict[str, Any])
    except UNREADABLE:
        return missed(f"no JSON object: {quoted(reply.text)}")
    right = (
        set(found) == {"city", "nights"} and isinstance(found["city"], str) and type(found["nights"]) is int
    )
    return judged(right, quoted(reply.text))


async def tools(subject: Subject) -> Outcome:
    """A tool is called with an input of its schema; with its result the model answers."""
    first = Message("user", (Text("What is the weather in Oslo now? Look it up with the tool."),))
    call = structs.replace(asked((first,), subject), tools=(_WEATHER,))
    reply = await answered(subject, call)
    use = next((block for block in reply.content if isinstance(block, ToolUse)), None)
    if use is None or reply.stop is not StopReason.TOOL_USE:
        return missed(f"{reply.stop}, and no tool was called: {quoted(reply.text)}")
    if not isinstance(msgspec.json.decode(use.input, type=dict[str, Any]).get("city"), str):
        return missed(f"`{use.name}` was called without a city")
    uses = [block for block in reply.content if isinstance(block, ToolUse)]
    results: tuple[Block, ...] = tuple(ToolResult(one.id, text="Snow, minus four degrees.") for one in uses)
    turns = (first, Message("assistant", reply.content), Message("user", results))
    last = await answered(subject, structs.replace(call, messages=turns))
    right = last.stop is StopReason.END and bool(last.text.strip())
    return judged(right, f"`{use.name}` was called; then {last.stop}: {quoted(last.text)}")


async def documents(subject: Subject) -> Outcome:
    """A document is read."""
    reply = await answered(subject, _about_file(subject, citations=False))
    return judged("4711" in reply.text, quoted(reply.text))


async def citations(subject: Subject) -> Outcome:
    """Words come with the place in the document that they are from."""
    reply = await answered(subject, _about_file(subject, citations=True))
    cited = [block for block in reply.content if isinstance(block, Cited) and block.citations]
    spans = [span for block in cited for span in block.citations]
    right = bool(spans) and all(span.document == 0 and span.start <= span.end for span in spans)
    return judged(right, f"{len(spans)} citations: {quoted(reply.text)}")


def _about_file(subject: Subject, *, citations: bool) -> Call:
    file = File("txt", "Office", _FACT.encode(), citations)
    question = Text("What is the door code of the Vantholm office? Answer from the document.")
    return asked((Message("user", (file, question)),), subject)


async def images(subject: Subject) -> Outcome:
    """A picture is seen: one that is all red."""
    question = Text("Which colour is this picture? Answer with the colour alone.")
    reply = await answered(subject, asked((Message("user", (Image("png", _red()), question)),), subject))
    return judged("red" in reply.text.lower(), quoted(reply.text))


def _red(side: int = 64) -> bytes:
    """Return a red square as PNG (https://www.w3.org/TR/png-3/): a header, its rows, an end."""
    rows = (b"\x00" + b"\xff\x00\x00" * side) * side
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in parts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def cache_tokens(subject: Subject) -> int:
    """Return how many tokens the long beginning of the cache's check has at most: a word has three or fewer."""
    return 3 * _words(subject)


def _words(subject: Subject) -> int:
    return subject.cache_min_tokens * _WORDS_PER_TOKEN + _FEW


async def cache(subject: Subject) -> Outcome:
    """The second call reads the beginning that the first one has written, or found."""
    words = " ".join(f"heron{number % 97}" for number in range(_words(subject)))
    told = f"Ignore this list of names: {words}."
    call = structs.replace(said("Say hello.", subject, 50), system=(Text(told), CachePoint()))
    first = (await answered(subject, call)).usage
    second = (await answered(subject, call)).usage
    seen = f"first {first.cache_write_tokens} written and {first.cache_read_tokens} read, "
    seen += f"then {second.cache_write_tokens} written and {second.cache_read_tokens} read"
    return judged(second.cache_read_tokens > 0, seen)


async def count(subject: Subject) -> Outcome:
    """Tokens are counted as a call then has them, nearly: providers add a few of their own."""
    endpoint = subject.endpoint
    if not isinstance(endpoint, CountsTokens):
        return Outcome(Verdict.SKIPPED, "this kind of server cannot be asked for a count")
    call = said(f"Repeat this: {_FACT}", subject, MOST)
    counted = await endpoint.count_tokens(call, time.monotonic() + 90.0)
    used = (await answered(subject, call)).usage.input_tokens
    return judged(abs(counted - used) <= used * _OFF + _FEW, f"{counted} counted, {used} used")


async def guardrail(subject: Subject) -> Outcome:
    """The guardrail's trace is there, whole and streamed. An endpoint fails a reply that lacks it."""
    call = structs.replace(said("Say hello.", subject), guard=subject.guard)
    whole = await answered(subject, call)
    last = (await streamed(subject, call))[-1]
    assert isinstance(last, Reply)  # an endpoint's stream ends with it, or raises
    intervened = whole.intervened or last.intervened
    return judged(whole.guarded and last.guarded, "it intervened" if intervened else "its trace is there")
