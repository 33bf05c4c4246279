"""The OpenAI dialect's answer: a completion, whole or in chunks, with a `proviso` object in it."""

from typing import Literal

import msgspec
from msgspec import Struct

from proviso.gateway.chat import Chat
from proviso.gateway.native import verdict
from proviso.types import Answer, Citation, Decision, Purpose, Served


class ProvisoPart(Struct, frozen=True):
    """What Proviso adds to a completion. `ignored` are the JSON paths of what had no effect on the answer."""

    run: str
    release: str
    terms: str
    outcome: Literal["answer", "refusal"]
    clause: str | None
    reason: str | None
    citations: tuple[Citation, ...]
    decisions: tuple[Decision, ...]
    unapproved: bool
    purpose: Purpose
    ignored: tuple[str, ...]


class CompletionMessage(Struct, frozen=True):
    """The assistant's message. A refusal has the same text in `content` and in `refusal`."""

    content: str
    refusal: str | None
    role: Literal["assistant"] = "assistant"


class Choice(Struct, frozen=True):
    """The one choice of a completion."""

    message: CompletionMessage
    finish_reason: Literal["stop", "content_filter"]
    index: Literal[0] = 0
    logprobs: None = None


class CompletionUsage(Struct, frozen=True):
    """Tokens used, as the provider counts them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(Struct, frozen=True):
    """A whole answer. `created`: seconds since the epoch; `system_fingerprint`: the release's digest."""

    id: str
    created: int
    model: str
    system_fingerprint: str
    choices: tuple[Choice]
    usage: CompletionUsage
    proviso: ProvisoPart
    object: Literal["chat.completion"] = "chat.completion"


class Delta(Struct, frozen=True, omit_defaults=True):
    """What a chunk adds to the message."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    refusal: str | None = None


class ChunkChoice(Struct, frozen=True):
    """The one choice of a chunk."""

    delta: Delta
    finish_reason: Literal["stop", "content_filter"] | None = None
    index: Literal[0] = 0
    logprobs: None = None


class Chunk(Struct, frozen=True, omit_defaults=True):
    """A piece of a streamed answer. The one with the `finish_reason` has the `proviso` object."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: tuple[ChunkChoice, ...]
    usage: CompletionUsage | msgspec.UnsetType | None = msgspec.UNSET
    proviso: ProvisoPart | None = None
    system_fingerprint: str | None = None


_ENCODER = msgspec.json.Encoder()
DONE = b"data: [DONE]\n\n"


def completion(served: Served, ignored: tuple[str, ...]) -> bytes:
    """Encode a run as a chat completion."""
    text, refusal, finish = _said(served)
    return _ENCODER.encode(
        ChatCompletion(
            id=f"chatcmpl-{served.run}",
            created=_created(served.run),
            model=served.app,
            system_fingerprint=served.release,
            choices=(Choice(CompletionMessage(text, refusal), finish),),
            usage=_usage(served),
            proviso=_part(served, ignored),
        )
    )


class Chunks:
    """The chunks of one streamed completion, as server-sent events."""

    def __init__(self, run: str, chat: Chat) -> None:
        self._id = f"chatcmpl-{run}"
        self._created = _created(run)
        self._model = chat.request.app
        self._ignored = chat.ignored
        # With `include_usage` each chunk but the last one says `"usage": null`.
        self._include_usage = chat.include_usage
        self._usage = None if chat.include_usage else msgspec.UNSET

    def role(self) -> bytes:
        """Open the message."""
        return self._event((ChunkChoice(Delta("assistant", "")),))

    def text(self, piece: str) -> bytes:
        """Add a piece of text."""
        return self._event((ChunkChoice(Delta(content=piece)),))

    def end(self, served: Served) -> bytes:
        """Say how it ended, with everything that is only known then."""
        _, refusal, finish = _said(served)
        last = self._chunk((ChunkChoice(Delta(refusal=refusal), finish),))
        last = msgspec.structs.replace(
            last, proviso=_part(served, self._ignored), system_fingerprint=served.release
        )
        events = _data(_ENCODER.encode(last))
        if self._include_usage:
            events += _data(_ENCODER.encode(msgspec.structs.replace(self._chunk(()), usage=_usage(served))))
        return events + DONE

    def _chunk(self, choices: tuple[ChunkChoice, ...]) -> Chunk:
        return Chunk(self._id, "chat.completion.chunk", self._created, self._model, choices, self._usage)

    def _event(self, choices: tuple[ChunkChoice, ...]) -> bytes:
        return _data(_ENCODER.encode(self._chunk(choices)))


def _data(line: bytes) -> bytes:
    return b"data: " + line + b"\n\n"


def _created(run: str) -> int:
    """Return the second in which a run began: a UUIDv7 opens with its milliseconds (RFC 9562, 5.7)."""
    return int(run[:8] + run[9:13], 16) // 1000


def _said(served: Served) -> tuple[str, str | None, Literal["stop", "content_filter"]]:
    text = served.outcome.text
    return (text, None, "stop") if isinstance(served.outcome, Answer) else (text, text, "content_filter")


def _usage(served: Served) -> CompletionUsage:
    used = served.usage  # in this dialect the prompt's tokens include those of the cache
    return CompletionUsage(used.tokens - used.output_tokens, used.output_tokens, used.tokens)


def _part(served: Served, ignored: tuple[str, ...]) -> ProvisoPart:
    outcome, clause, reason, citations = verdict(served.outcome)
    return ProvisoPart(
        run=served.run,
        release=served.release,
        terms=served.terms,
        outcome=outcome,
        clause=clause,
        reason=reason,
        citations=citations,
        decisions=served.decisions,
        unapproved=served.unapproved,
        purpose=served.purpose,
        ignored=ignored,
    )
