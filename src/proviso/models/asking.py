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

_NUMBER: Final = re.compile(r"\d+")
_TIGHT: Final = ("", " ", "\t")
_BREAKS: Final = "\n|"
_LEADING: Final = " \t,;:"
# What ends a sentence, or closes after its end, and the white space about that.
_ENDS: Final = ".!?…؟۔।。！？｡\"'”’»)]」』）】 \t,;:"
# Marks as `[1]` and `[1, 3]`, and every place where a sentence may end: more of them than do.
_PLACES: Final = re.compile(
    r"\[(\d{1,3}(?:\s?[,;]\s?\d{1,3})*)\]"
    r"|[.!?…؟۔।]+[\"'”’»)\]」』）】]*(?=\W|$)|[。！？｡]+[\"'”’»)\]」』）】]*|[\n|]"
)


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
    # Only the release says where a model stops: what ends there is as whole as the team wants it.
    stop = StopReason.END if reply.stop is StopReason.STOP_SEQUENCE else reply.stop
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
    before = start = 0  # where the part of a sentence before the last stop begins, and the one behind it
    first = last = after = 0  # the words of the mark before this one, and where it ends
    for place in _PLACES.finditer(text):
        at, end = place.span()
        numbers = place[1]
        if numbers is None:
            before, start = (end, end) if text[at] in _BREAKS else (start, end)
            continue
        if not after or text[after:at] not in _TIGHT:
            first, last = _words(text, start, at)
            if first == last and text[start:at] in _TIGHT:  # its stop stands before the mark
                first, last = _words(text, before, start)
        before = start = after = end
        each = [int(numbers)] if numbers.isdigit() else list(map(int, _NUMBER.findall(numbers)))
        if len(each) > 1 and text[last - 1] in _ENDS:
            first = last  # behind a stop, a mark of several is taken for the next sentence's
        if first < last:
            found += [DraftCitation(first, last, number) for number in each]
    return [one for one in found if not _has(known, one)] if known else found


def _words(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the white space and the commas around it."""
    words = text[start:end]
    bare = words.rstrip(" \t")
    if not bare.strip(_ENDS):
        return end, end
    return start + len(words) - len(words.lstrip(_LEADING)), start + len(bare)


def _has(known: list[DraftCitation], new: DraftCitation) -> bool:
    return any(one.number == new.number and one.start < new.end and one.end > new.start for one in known)
