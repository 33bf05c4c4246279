"""What Bedrock says in a Converse reply, and in the parts of a streamed one, as far as we read it."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Raw, Struct

from proviso.models.failure import CallFailed, Kind
from proviso.models.responses import UNREADABLE, Count
from proviso.models.shapes import Block, Cited, Reasoning, Reply, SourceSpan, Text, ToolUse
from proviso.types import StopReason, Usage

STOPS: Final = {
    "end_turn": StopReason.END,
    "tool_use": StopReason.TOOL_USE,
    "max_tokens": StopReason.MAX_TOKENS,
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "guardrail_intervened": StopReason.GUARDRAIL,
    "content_filtered": StopReason.FILTERED,
    "malformed_model_output": StopReason.MALFORMED_OUTPUT,
    "malformed_tool_use": StopReason.MALFORMED_TOOL_USE,
    "model_context_window_exceeded": StopReason.CONTEXT_EXCEEDED,
}
# How a guardrail's trace says that something was blocked, or masked. Quotes inside of what it found are escaped.
_ACTED: Final = re.compile(rb'"action"\s*:\s*"(?:BLOCKED|ANONYMIZED)"')
# A trace with nothing in it is no sign that the guardrail ran.
_NO_TRACE: Final = re.compile(rb"\s*(?:\{\s*\}|null)\s*")

# --- the parts ------------------------------------------------------------------------------------


class TokenUsage(Struct, gc=False, rename="camel"):
    """`usage`. `inputTokens` leaves out what the cache gave or took."""

    input_tokens: Count
    output_tokens: Count
    cache_read_input_tokens: Count = 0
    cache_write_input_tokens: Count = 0

    def usage(self) -> Usage:
        """The same as a value of ours."""
        return Usage(
            self.input_tokens, self.output_tokens, self.cache_read_input_tokens, self.cache_write_input_tokens
        )


class Metrics(Struct, gc=False, rename="camel"):
    """`metrics`."""

    latency_ms: Count = 0


class Tier(Struct, gc=False):
    """`serviceTier`: the one that served."""

    type: str = ""


class Trace(Struct):
    """`trace`. Of the guardrail's assessments nothing is read but whether it acted: they quote what they found."""

    guardrail: Raw = Raw(b"null")

    def there(self) -> bool:
        """Whether the guardrail ran."""
        return _NO_TRACE.fullmatch(bytes(self.guardrail)) is None

    def acted(self) -> bool:
        """Whether the guardrail blocked or masked."""
        return _ACTED.search(bytes(self.guardrail)) is not None


class Span(Struct, gc=False, rename="camel"):
    """Where in which document."""

    document_index: Count | None = None
    start: Count = 0
    end: Count = 0


class Location(Struct, rename="camel"):
    """`location` of a citation; those of the web and of search results are of no use to us."""

    document_char: Span | None = None
    document_page: Span | None = None
    document_chunk: Span | None = None


class Words(Struct):
    """A union of which we read `text`."""

    text: str = ""


class Citation(Struct, rename="camel"):
    """A citation, whole or as a delta of a stream."""

    title: str = ""
    source_content: list[Words] = []
    location: Location | None = None

    def span(self) -> SourceSpan | None:
        """The place that it names; None where that is not in a document of the request."""
        place = self.location
        if place is None:
            return None
        for unit, span in (
            ("char", place.document_char),
            ("page", place.document_page),
            ("chunk", place.document_chunk),
        ):
            if span is not None and span.document_index is not None:
                quote = "".join([part.text for part in self.source_content])
                return SourceSpan(span.document_index, span.start, span.end, unit, self.title, quote)
        return None


def cited(text: str, citations: Sequence[Citation]) -> Text | Cited:
    """Words with what of their citations points into a document of the request; plain words without any."""
    spans = tuple([span for span in [citation.span() for citation in citations] if span is not None])
    return Cited(text, spans) if spans else Text(text)


# --- the whole ------------------------------------------------------------------------------------


class _ReasoningText(Struct, gc=False):
    text: str
    signature: str = ""


class _Reasoning(Struct, rename="camel"):
    reasoning_text: _ReasoningText | None = None
    redacted_content: bytes = b""

    def block(self) -> Reasoning:
        if self.reasoning_text is None:
            return Reasoning(redacted=self.redacted_content)
        return Reasoning(self.reasoning_text.text, self.reasoning_text.signature)


class _ToolUse(Struct, rename="camel"):
    tool_use_id: str
    name: str
    input: Raw


class _CitedContent(Struct):
    content: list[Words] = []
    citations: list[Citation] = []


class _Block(Struct, rename="camel"):
    """A union: one of them, or none where the kind is new; nothing that we ask for answers with another kind."""

    text: str = ""
    tool_use: _ToolUse | None = None
    reasoning_content: _Reasoning | None = None
    citations_content: _CitedContent | None = None

    def block(self) -> Block | None:
        if self.text:
            return Text(self.text)
        if self.tool_use is not None:
            use = self.tool_use
            # A copy: the original holds on to the bytes of the whole response.
            return ToolUse(use.tool_use_id, use.name, use.input.copy())
        if self.citations_content is not None:
            words = "".join([part.text for part in self.citations_content.content])
            return cited(words, self.citations_content.citations) if words else None
        return self.reasoning_content.block() if self.reasoning_content is not None else None


class _Message(Struct):
    content: list[_Block]


class _Output(Struct):
    message: _Message


class _Response(Struct, rename="camel"):
    output: _Output
    stop_reason: str
    usage: TokenUsage
    metrics: Metrics = msgspec.field(default_factory=Metrics)
    trace: Trace | None = None
    service_tier: Tier = msgspec.field(default_factory=Tier)


class _Counted(Struct, rename="camel"):
    input_tokens: Count


_RESPONSE: Final = msgspec.json.Decoder(_Response)
_COUNTED: Final = msgspec.json.Decoder(_Counted)


def read_converse(body: bytes, *, request_id: str = "") -> Reply:
    """Return the reply of a Converse response's body, unchecked. Raises `CallFailed` (`garbled`)."""
    try:
        response = _RESPONSE.decode(body)
    except UNREADABLE as error:
        raise CallFailed(Kind.GARBLED, "the response is no Converse response") from error
    blocks = [block.block() for block in response.output.message.content]
    trace = response.trace or Trace()
    return Reply(
        tuple([block for block in blocks if block is not None]),
        STOPS.get(response.stop_reason, StopReason.UNKNOWN),
        response.usage.usage(),
        raw_stop=response.stop_reason,
        guarded=trace.there(),
        intervened=trace.acted() or response.stop_reason == "guardrail_intervened",
        latency_ms=response.metrics.latency_ms,
        request_id=request_id,
        tier=response.service_tier.type,
    )


def read_count(body: bytes) -> int:
    """Return the tokens of a CountTokens response's body. Raises `CallFailed` (`garbled`)."""
    try:
        return _COUNTED.decode(body).input_tokens
    except UNREADABLE as error:
        raise CallFailed(Kind.GARBLED, "the response is no CountTokens response") from error
