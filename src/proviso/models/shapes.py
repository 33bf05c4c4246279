"""A conversation in the shapes of Bedrock's Converse, which every hosted model is asked in: blocks, calls, replies."""

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from proviso.types import StopReason, Usage

# --- blocks ---------------------------------------------------------------------------------------


class Text(Struct, frozen=True):
    """Words. `guard`: shown to the guardrail as what it has to check."""

    text: str
    guard: bool = False


class Image(Struct, frozen=True):
    """A picture. `format`: png, jpeg, gif or webp."""

    format: str
    content: bytes


class File(Struct, frozen=True):
    """A document. `format`: pdf, docx, csv, …; `name` must not say more than the model may know."""

    format: str
    name: str
    content: bytes
    citations: bool = False


class ToolUse(Struct, frozen=True):
    """A tool that the model wants called. `input` is JSON as the model wrote it."""

    id: str
    name: str
    input: msgspec.Raw


class ToolResult(Struct, frozen=True):
    """What a tool returned: text, or `json`."""

    id: str
    text: str | None = None
    json: msgspec.Raw | None = None
    failed: bool = False


class Reasoning(Struct, frozen=True):
    """The model's own thoughts; sent back unchanged where tools are used, never stored. `redacted`: encrypted ones."""

    text: str = ""
    signature: str = ""
    redacted: bytes = b""


class Cited(Struct, frozen=True):
    """Words with the citations that the model gives for them."""

    text: str
    citations: tuple["SourceSpan", ...]


class SourceSpan(Struct, frozen=True):
    """A place in one of the documents of the request, counted from 0. `unit` is of its bounds: char, page, chunk."""

    document: int
    start: int
    end: int
    unit: str = "char"
    title: str = ""
    quote: str = ""


class CachePoint(Struct, frozen=True):
    """What stands before this is kept by the provider for the next call. `ttl`: `5m` or `1h`, empty for its default."""

    ttl: str = ""


Block = Text | Image | File | ToolUse | ToolResult | Reasoning | Cited | CachePoint


class Message(Struct, frozen=True):
    """One turn. `user` or `assistant`."""

    role: Literal["user", "assistant"]
    content: tuple[Block, ...]


# --- calls ----------------------------------------------------------------------------------------


class Tool(Struct, frozen=True):
    """A tool that the model may ask for; `schema` is a JSON Schema as compact JSON."""

    name: str
    description: str
    schema: msgspec.Raw


class Guard(Struct, frozen=True):
    """A Bedrock guardrail. Its trace is always asked for: where it is missing, the guardrail did not run."""

    identifier: str
    version: str


class Inference(Struct, frozen=True):
    """Settings of a model that shape its answers; None: the model's own."""

    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: tuple[str, ...] = ()
    extra: Mapping[str, object] = {}  # additionalModelRequestFields
    tier: str = ""  # serviceTier: priority, default, flex, reserved
    fast: bool = False  # performanceConfig latency: optimized


class Call(Struct, frozen=True):
    """What a hosted model is asked, whoever hosts it. `max_tokens` is mandatory: an unset one reserves 64k tokens."""

    messages: tuple[Message, ...]
    max_tokens: int
    system: tuple[Text | CachePoint, ...] = ()
    inference: Inference = Inference()
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"  # auto, any, none, or the name of a tool
    schema: msgspec.Raw | None = None  # the answer must be JSON of this schema
    schema_name: str = "answer"
    guard: Guard | None = None
    metadata: Mapping[str, str] = {}  # at most 16: app, release, prompt, run, group
    size: int = 0  # bytes of UTF-8 of all text in it, for estimates


class Reply(Struct, frozen=True):
    """A whole turn of a model."""

    content: tuple[Block, ...]
    stop: StopReason
    usage: Usage
    raw_stop: str = ""  # as the provider said it
    guarded: bool = False  # the guardrail's trace was there
    intervened: bool = False  # the guardrail blocked or masked
    latency_ms: int = 0  # as the provider says
    request_id: str = ""  # the provider's
    tier: str = ""

    @property
    def text(self) -> str:
        """The words of the reply."""
        return "".join([block.text for block in self.content if isinstance(block, Text | Cited)])
