"""The events of a ConverseStream, put together into its reply."""

from typing import Final

import msgspec
from msgspec import Raw, Struct

from proviso.models.converse_reply import STOPS, Citation, Metrics, Tier, TokenUsage, Trace, cited
from proviso.models.failure import CallFailed, Kind
from proviso.models.responses import UNREADABLE
from proviso.models.shapes import Block, Reasoning, Reply, ToolUse
from proviso.types import StopReason, Usage


class _ToolDelta(Struct, gc=False):
    input: str


class _ReasoningDelta(Struct, gc=False, rename="camel"):
    text: str = ""
    signature: str = ""
    redacted_content: bytes = b""


class _Delta(Struct, gc=False, rename="camel"):
    text: str | None = None
    tool_use: _ToolDelta | None = None
    reasoning_content: _ReasoningDelta | None = None
    citation: Citation | None = None


class _BlockDelta(Struct, gc=False, rename="camel"):
    delta: _Delta
    content_block_index: int


class _ToolStart(Struct, rename="camel"):
    tool_use_id: str
    name: str


class _Start(Struct, rename="camel"):
    tool_use: _ToolStart | None = None


class _BlockStart(Struct, rename="camel"):
    start: _Start
    content_block_index: int


class _Mark(Struct):
    """An event that only says where the stream is; it must be readable all the same."""


class _MessageStop(Struct, rename="camel"):
    stop_reason: str


class _Metadata(Struct, rename="camel"):
    usage: TokenUsage
    metrics: Metrics = msgspec.field(default_factory=Metrics)
    trace: Trace | None = None
    service_tier: Tier = msgspec.field(default_factory=Tier)


_DELTA: Final = msgspec.json.Decoder(_BlockDelta)
_START: Final = msgspec.json.Decoder(_BlockStart)
_MARK: Final = msgspec.json.Decoder(_Mark)
_MARKS: Final = ("messageStart", "contentBlockStop")
_STOP: Final = msgspec.json.Decoder(_MessageStop)
_METADATA: Final = msgspec.json.Decoder(_Metadata)


class _Open:
    """A block of which more may come."""

    __slots__ = ("citations", "index", "inputs", "reasoning", "redacted", "signature", "text", "tool")

    def __init__(self, index: int) -> None:
        self.index = index
        self.text: list[str] = []
        self.citations: list[Citation] = []
        self.tool: _ToolStart | None = None
        self.inputs: list[str] = []
        self.reasoning: list[str] = []
        self.signature: list[str] = []
        self.redacted: list[bytes] = []

    def blocks(self) -> list[Block]:
        """What has come; a union has one kind, but whatever text was given out must be in the reply."""
        found: list[Block] = []
        if self.redacted:
            found.append(Reasoning(redacted=b"".join(self.redacted)))
        if self.reasoning or self.signature:
            found.append(Reasoning("".join(self.reasoning), "".join(self.signature)))
        if text := "".join(self.text):
            found.append(cited(text, self.citations))
        if self.tool is not None:
            # A tool without parameters may be called without any input. The input is checked with the reply.
            written = "".join(self.inputs).encode() or b"{}"
            found.append(ToolUse(self.tool.tool_use_id, self.tool.name, Raw(written)))
        return found


class ConverseStream:
    """One stream's reply in the making. Events of kinds that are not known here are skipped."""

    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._last = _Open(-1)
        self._stop = ""
        self._metadata: _Metadata | None = None

    @property
    def usage(self) -> Usage | None:
        """What it has used, where the provider has said it."""
        return self._metadata.usage.usage() if self._metadata is not None else None

    @property
    def whole(self) -> bool:
        """Whether all is there: how it stopped, and what it used."""
        return self._metadata is not None and bool(self._stop)

    def take(self, event: str, payload: bytes) -> str:
        """Take an event and return the text that came with it, often none. Raises `CallFailed` (`garbled`)."""
        try:
            if event == "contentBlockDelta":
                return self._delta(_DELTA.decode(payload))
            if event == "contentBlockStart":
                start = _START.decode(payload)
                self._block(start.content_block_index).tool = start.start.tool_use
            elif event == "messageStop":
                self._going_on()
                self._stop = _STOP.decode(payload).stop_reason
            elif event == "metadata":
                self._metadata = _METADATA.decode(payload)
            elif event in _MARKS:
                _MARK.decode(payload)
        except UNREADABLE as error:
            raise CallFailed(Kind.GARBLED, f"an event `{event}` cannot be read", usage=self.usage) from error
        return ""

    def reply(self, *, request_id: str = "") -> Reply:
        """Return the whole reply, unchecked. Raises `CallFailed`, `stream_cut` where the model had not stopped."""
        if not self._stop:
            raise CallFailed(Kind.CUT, "the stream ended before the model had stopped", usage=self.usage)
        metadata = self._metadata
        if metadata is None:
            # Without it neither the cost is known nor whether the guardrail ran.
            raise CallFailed(Kind.GARBLED, "the stream ended without saying what was used")
        trace = metadata.trace or Trace()
        return Reply(
            tuple([block for opened in self._open for block in opened.blocks()]),
            STOPS.get(self._stop, StopReason.UNKNOWN),
            metadata.usage.usage(),
            raw_stop=self._stop,
            guarded=trace.there(),
            intervened=trace.acted() or self._stop == "guardrail_intervened",
            latency_ms=metadata.metrics.latency_ms,
            request_id=request_id,
            tier=metadata.service_tier.type,
        )

    def _block(self, index: int) -> _Open:
        """The block of that number. They come one after the other: a piece is part of the text where it comes."""
        self._going_on()
        last = self._last
        if last.index == index:
            return last
        if index < last.index:
            raise CallFailed(Kind.GARBLED, "the parts of the stream came out of order", usage=self.usage)
        self._last = _Open(index)
        self._open.append(self._last)
        return self._last

    def _going_on(self) -> None:
        if self._stop:
            raise CallFailed(Kind.GARBLED, "the stream went on after the model had stopped", usage=self.usage)

    def _delta(self, event: _BlockDelta) -> str:
        delta, block = event.delta, self._block(event.content_block_index)
        text = delta.text
        if text is not None:
            block.text.append(text)
            return text
        if delta.tool_use is not None:
            block.inputs.append(delta.tool_use.input)
        elif delta.reasoning_content is not None:
            thought = delta.reasoning_content
            if thought.text:
                block.reasoning.append(thought.text)
            if thought.signature:
                block.signature.append(thought.signature)
            if thought.redacted_content:
                block.redacted.append(thought.redacted_content)
        elif delta.citation is not None:
            block.citations.append(delta.citation)
        return ""
