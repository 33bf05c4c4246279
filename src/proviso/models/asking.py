"""A rendered prompt as a call of a hosted model, and its reply as a draft."""

import re
from typing import Final

from msgspec import Struct

from proviso.models.endpoint import Target
from proviso.models.place import Traits
from proviso.models.protocol import ModelRequest
from proviso.models.shapes import CachePoint, Call, Cited, Message, Reply, SourceSpan, Text
from proviso.types import Draft, DraftCitation, Passage, Rendered, StopReason, Turn

_CACHE_POINT: Final = CachePoint()
_PROMPTS_KEPT: Final = 256

# `NO EVIDENCE`, alone but for quotes, emphasis and a stop. What is longer says something else.
_AROUND: Final = r"[\s\"'*_`.!“”‘’]*"
_NO_EVIDENCE: Final = re.compile(rf"{_AROUND}NO[\s_-]+EVIDENCE{_AROUND}", re.IGNORECASE)
_LONGEST_NO_EVIDENCE: Final = 64
# What may still become that: each of its letters only after the one before.
_BEGINNING: Final = re.compile(
    rf"{_AROUND}(?:N(?:O(?:[\s_-]+(?:E(?:V(?:I(?:D(?:E(?:N(?:C(?:E{_AROUND})?)?)?)?)?)?)?)?)?)?)?",
    re.IGNORECASE,
)

# Marks as `[1]` and `[1, 3]`.
_MARK: Final = re.compile(r"\[\d{1,3}(?:\s?[,;]\s?\d{1,3})*\]")
_NUMBER: Final = re.compile(r"\d+")
_TIGHT: Final = ("", " ", "\t")
# What ends a sentence, or closes after its end.
_ENDS: Final = ".!?…؟۔।。！？｡\"'”’»)]」』）】"
# The last place of a text after which a sentence may begin: greedy, so that it is found from the end.
_LAST_STOP: Final = re.compile(r".*(?:[.!?…؟۔।](?=\W)|[。！？｡\n|])\W*", re.DOTALL)


class Sizes(Struct, frozen=True, gc=False):
    """How many bytes of UTF-8 a prompt has: `written` by the caller, `chosen` by the team, `system` with it."""

    system: int
    written: int
    chosen: int


class Prefixes:
    """Which prompts have a system part that stays the same byte by byte; only that is worth a provider's cache."""

    def __init__(self) -> None:
        self._seen: dict[str, str | None] = {}

    def is_stable(self, rendered: Rendered) -> bool:
        """Whether this prompt has begun with the same words before, and never with others."""
        key, system = rendered.version, rendered.system
        seen = self._seen.get(key, "")
        if seen == system and system:
            return True
        if seen is not None:
            if len(self._seen) >= _PROMPTS_KEPT:
                self._seen.clear()
            self._seen[key] = None if seen else system
        return False


# --- the way there --------------------------------------------------------------------------------


def sizes_of(request: ModelRequest) -> Sizes:
    """Measure what any model will read; what holds it to a schema comes on top."""
    rendered = request.rendered
    system = _size(rendered.system)
    question = _size(rendered.question.text)
    chosen = system + max(0, _size(rendered.user) - question)
    return Sizes(system, question + sum([_size(turn.text) for turn in rendered.history]), chosen)


def call_of(
    request: ModelRequest, traits: Traits, max_tokens: int, size: int, *, is_cached: bool = False
) -> Call:
    """Return what to ask a model. `is_cached`: whether the provider is to keep the system part.

    Where the model cannot be held to a schema, the caller's own check of the answer is what there is.
    """
    rendered = request.rendered
    system: tuple[Text | CachePoint, ...] = (Text(rendered.system),) if rendered.system.strip() else ()
    return Call(
        messages=_messages(rendered.history, rendered.user),
        max_tokens=max_tokens,
        system=(*system, _CACHE_POINT) if is_cached and system else system,
        inference=traits.inference,
        schema=request.schema if traits.structured else None,
        guard=traits.guard,
        metadata=request.metadata,
        size=size,
    )


def _messages(history: tuple[Turn, ...], user: str) -> tuple[Message, ...]:
    """Return turns that alternate and begin with the user's: providers take nothing else, and no blank text."""
    if not history:
        return (Message("user", (Text(user),)),)
    messages: list[Message] = []
    for turn in (*history, Turn("user", user)):
        role = "user" if turn.role == "user" else "assistant"
        if not turn.text.strip() or (not messages and role == "assistant"):
            continue
        before = messages.pop().content if messages and messages[-1].role == role else ()
        messages.append(Message("user" if role == "user" else "assistant", (*before, Text(turn.text))))
    return tuple(messages)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


# --- the way back ---------------------------------------------------------------------------------


def says_no_evidence(text: str) -> bool:
    """Whether a reply says nothing but that the passages do not answer."""
    return len(text) <= _LONGEST_NO_EVIDENCE and _NO_EVIDENCE.fullmatch(text) is not None


def may_say_no_evidence(beginning: str) -> bool:
    """Whether a reply that begins so may yet turn out to say only that."""
    return len(beginning) <= _LONGEST_NO_EVIDENCE and _BEGINNING.fullmatch(beginning) is not None


def draft_of(reply: Reply, target: Target, request: ModelRequest) -> Draft:
    """Return the draft that a reply is. What the model thought, and its tool calls, stay behind.

    Spans are given for marks in the text, without a quote, and for what the model cited in a document of the request,
    where documents are the passages in their order. Places in JSON say nothing of its strings: it gets no spans.
    """
    text, citations = _said(reply, request.rendered.passages)
    stop = reply.stop
    if stop is StopReason.END and says_no_evidence(text):
        text, citations, stop = "", [], StopReason.NO_EVIDENCE
    elif request.schema is not None:
        citations = []
    elif "[" in text:
        citations += _marked(text, citations)
    return Draft(
        text,
        tuple(citations),
        stop,
        reply.usage,
        target.provider,
        target.model,
        target.name,
        target.region,
        target.origin,
    )


def _said(reply: Reply, passages: tuple[Passage, ...]) -> tuple[str, list[DraftCitation]]:
    """The words of a reply, and what the model itself cited for them."""
    pieces: list[str] = []
    citations: list[DraftCitation] = []
    position = 0
    for block in reply.content:
        if isinstance(block, Cited):
            end = position + len(block.text)
            citations += [_cited(position, end, span, passages) for span in block.citations]
        elif not isinstance(block, Text):
            continue
        pieces.append(block.text)
        position += len(block.text)
    return "".join(pieces), citations


def _cited(start: int, end: int, span: SourceSpan, passages: tuple[Passage, ...]) -> DraftCitation:
    """One citation of the model's own. One of a document that was not there keeps a number that no passage has."""
    if span.document >= len(passages):
        return DraftCitation(start, end, 0)
    passage = passages[span.document]
    quote = passage.text[span.start : span.end] if span.unit == "char" else ""
    if quote and len(quote) == span.end - span.start and span.quote in ("", quote):
        return DraftCitation(start, end, passage.number, span.start, span.end)
    return DraftCitation(start, end, passage.number)


def _marked(text: str, known: list[DraftCitation]) -> list[DraftCitation]:
    """The words before each mark: within the sentence that it closes, perhaps only the last part of that.

    INVARIANT: a mark is never given to more than verification gives it to, which goes by whole sentences.
    """
    found: list[DraftCitation] = []
    begin = start = end = 0
    for mark in _MARK.finditer(text):
        gap = text[begin : mark.start()]
        if not begin or gap not in _TIGHT:
            start, end = _body(text, begin, mark.start())
            gap = text[end : mark.start()]
        begin = mark.end()
        numbers = _NUMBER.findall(mark.group())
        # Behind a sentence's own stop, a mark that is not right there is of the next sentence.
        if start < end and text[end - 1] in _ENDS and (gap not in _TIGHT or len(numbers) > 1):
            end = start
        if start < end:
            each = dict.fromkeys(map(int, numbers))
            found += [DraftCitation(start, end, one) for one in each if not _has(known, start, end, one)]
    return found


def _body(text: str, begin: int, stop: int) -> tuple[int, int]:
    """Where the words that end right before `stop` begin and end; nothing where a line ends there."""
    end = begin + len(text[begin:stop].rstrip(" \t"))
    core = begin + len(text[begin:end].rstrip(_ENDS))
    if core == begin or text[end - 1] == "\n":
        return end, end
    last = _LAST_STOP.match(text, begin, core)
    start = last.end() if last else begin
    return start + len(text[start:core]) - len(text[start:core].lstrip(" \t,;:")), end


def _has(known: list[DraftCitation], start: int, end: int, number: int) -> bool:
    return any(one.number == number and one.start < end and one.end > start for one in known)
