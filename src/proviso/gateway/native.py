"""The native dialect: what `POST /v1/apps/{app}/runs` takes and gives, whole or as events."""

from typing import Literal

import msgspec
from msgspec import Struct

from proviso.errors import BadRequest
from proviso.gateway.intake import decode
from proviso.types import Answer, Citation, Decision, Purpose, Refusal, Request, Served, Turn, Usage


class EarlierTurn(Struct, frozen=True, forbid_unknown_fields=True):
    """One earlier message of the conversation."""

    role: Literal["user", "assistant"]
    text: str


class RunRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A question, the conversation before it, and whether the answer comes as server-sent events."""

    question: str
    history: list[EarlierTurn] = []
    stream: bool = False


class RunResult(Struct, frozen=True):
    """A finished run. `clause` and `reason` are a refusal's; costs are in micro-dollars, durations in µs."""

    run: str
    app: str
    outcome: Literal["answer", "refusal"]
    text: str
    clause: str | None
    reason: str | None
    citations: tuple[Citation, ...]
    decisions: tuple[Decision, ...]
    release: str
    terms: str
    model: str
    provider: str
    usage: Usage
    cost_micro_usd: int
    duration_us: int
    purpose: Purpose
    unapproved: bool


class TextEvent(Struct, frozen=True):
    """A checked piece of the answer, in the event `text`."""

    text: str


_BODY = msgspec.json.Decoder(RunRequest)
_CHOICES = {"role": "`user` or `assistant`"}
_ENCODER = msgspec.json.Encoder()


def read_question(app: str, body: bytes, purpose: Purpose) -> Request:
    """Read a request; raise `BadRequest` with the JSON path of what is wrong."""
    asked = decode(_BODY, body, _CHOICES)
    if not asked.question.strip():
        raise BadRequest("`$.question` is empty", where="$.question", fix="write the question there")
    history = tuple(Turn(turn.role, turn.text) for turn in asked.history if turn.text)
    return Request(app, asked.question, history, purpose, stream=asked.stream)


def verdict(
    outcome: Answer | Refusal,
) -> tuple[Literal["answer", "refusal"], str | None, str | None, tuple[Citation, ...]]:
    """Return what came out, the clause and the reason of a refusal, and the citations of an answer."""
    if isinstance(outcome, Answer):
        return "answer", None, None, outcome.citations
    return "refusal", outcome.clause, outcome.reason, ()


def result(served: Served) -> bytes:
    """Encode a run with everything that its caller may know of it."""
    outcome, clause, reason, citations = verdict(served.outcome)
    return _ENCODER.encode(
        RunResult(
            run=served.run,
            app=served.app,
            outcome=outcome,
            text=served.outcome.text,
            clause=clause,
            reason=reason,
            citations=citations,
            decisions=served.decisions,
            release=served.release,
            terms=served.terms,
            model=served.model,
            provider=served.provider,
            usage=served.usage,
            cost_micro_usd=served.cost_micro_usd,
            duration_us=served.duration_us,
            purpose=served.purpose,
            unapproved=served.unapproved,
        )
    )


def text_event(piece: str) -> bytes:
    """Encode a piece of the answer as a server-sent event."""
    return b"event: text\ndata: " + _ENCODER.encode(TextEvent(piece)) + b"\n\n"


def run_event(served: Served) -> bytes:
    """Encode the finished run as the last server-sent event."""
    return b"event: run\ndata: " + result(served) + b"\n\n"
