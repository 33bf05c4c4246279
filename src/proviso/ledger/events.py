"""What may be recorded: one type an event, each with the only fields that it may have.

An event is identifiers, digests, decisions and counts: no payload and no raw identifier of a person.
`subject` is a random pseudonym that the vault keeps. Times are UTC microseconds since the epoch,
durations microseconds, money micro-dollars: there are no floats and all keys are ASCII, so that an
event's sorted compact JSON is its RFC 8785 form. Where an event stands (writer, sequence) is not part of
it: the store gives it its place.
"""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from proviso.errors import ProvisoError
from proviso.types import Decision, Environment, Purpose

# RFC 8785 writes numbers as IEEE doubles: beyond 2^53 they would no longer be exact.
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Offset = Annotated[int, Meta(ge=-1, le=2**53 - 1)]
RunId = Annotated[str, Meta(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class EventRefused(ProvisoError):
    """Something that no event may say. It is a fault of ours, and nothing was written."""

    code = "event_refused"


class Outcome(StrEnum):
    """How a run ended."""

    ANSWER = "answer"
    REFUSAL = "refusal"
    ERROR = "error"
    CANCELLED = "cancelled"
    PARTIAL = "partial"  # the caller left in the middle of a stream


class Closed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record that has its declared fields and no other."""


class PassageRef(Closed, frozen=True, kw_only=True):
    """A passage that the answer could rest on: a place in a document's version, no text."""

    id: str
    source: str
    document: str
    version: str
    start: Count
    end: Count


class CitationRef(Closed, frozen=True, kw_only=True):
    """A citation of the answer: `[start, end)` of the document's text. The quote is the vault's."""

    number: Count
    passage: str
    start: Offset
    end: Offset


class AttemptRef(Closed, frozen=True, kw_only=True):
    """One call of a hosted model: what was really called and where, how it ended, and what it used or may have."""

    model: str  # its name in models.yaml
    provider: str
    called: str  # the ID, the inference profile or its ARN
    region: str
    outcome: str  # `answered`, or the kind of the failure
    duration_us: Count
    input_tokens: Count = 0
    output_tokens: Count = 0
    cache_read_tokens: Count = 0
    cache_write_tokens: Count = 0


class RunStarted(Closed, frozen=True, kw_only=True, tag_field="event", tag="run.started"):
    """A run whose answer will leave in pieces: durable before the first of them."""

    run: RunId
    at: Count
    app: str
    workflow: str
    release: str
    terms: str
    purpose: Purpose
    environment: Environment
    unapproved: bool
    subject: str
    groups: tuple[str, ...]  # sorted
    key: str  # the credential's public ID


class RunFinished(Closed, frozen=True, kw_only=True, tag_field="event", tag="run.finished"):
    """A run that has ended, however it did: durable before its answer, or the last piece of it, leaves."""

    run: RunId
    at: Count  # when the request came
    app: str
    workflow: str
    release: str
    terms: str
    snapshot: str
    purpose: Purpose
    environment: Environment
    unapproved: bool
    outcome: Outcome
    subject: str
    groups: tuple[str, ...]  # sorted
    key: str
    duration_us: Count
    clause: str = ""  # of a refusal: the clause that asked for it
    reason: str = ""  # of a refusal or an error: a stable word
    prompt: str = ""
    prompt_version: str = ""
    provider: str = ""
    model: str = ""
    region: str = ""  # where the model was called
    endpoint: str = ""  # who answered there: scheme and host
    stop: str = ""  # why the model stopped
    attempts: tuple[AttemptRef, ...] = ()  # of hosted models, in order
    retrieval_empty: str = ""  # why nothing was found, a stable word
    passages: tuple[PassageRef, ...] = ()
    citations: tuple[CitationRef, ...] = ()
    decisions: tuple[Decision, ...] = ()
    timings: dict[str, Count] = {}
    input_tokens: Count = 0
    output_tokens: Count = 0
    cache_read_tokens: Count = 0
    cache_write_tokens: Count = 0
    cost_micro_usd: Count = 0  # of all attempts


class RunGap(Closed, frozen=True, kw_only=True, tag_field="event", tag="run.gap"):
    """A run that started and will not end: its process died, or could not write the end."""

    run: RunId
    at: Count  # when it was found
    started: Count
    app: str
    workflow: str
    release: str
    purpose: Purpose
    groups: tuple[str, ...]
    reason: str


class KeyCreated(Closed, frozen=True, kw_only=True, tag_field="event", tag="key.created"):
    """An API key was made."""

    at: Count
    key: str
    subject: str
    groups: tuple[str, ...]
    roles: tuple[str, ...]
    expires: Count
    service: bool = False


class KeyRevoked(Closed, frozen=True, kw_only=True, tag_field="event", tag="key.revoked"):
    """An API key was revoked."""

    at: Count
    key: str


class SnapshotBuilt(Closed, frozen=True, kw_only=True, tag_field="event", tag="snapshot.built"):
    """An app's documents were indexed."""

    at: Count
    app: str
    snapshot: str
    documents: Count
    passages: Count
    unreadable: Count


class ReleaseBuilt(Closed, frozen=True, kw_only=True, tag_field="event", tag="release.built"):
    """A release was made from a workspace, and its bundle stored."""

    at: Count
    app: str
    release: str
    terms: str
    snapshot: str


class AppDeployed(Closed, frozen=True, kw_only=True, tag_field="event", tag="app.deployed"):
    """A release or terms of an app went in force. `old_*` are empty the first time, `subject` where nobody acted."""

    at: Count
    app: str
    old_release: str
    old_terms: str
    release: str
    terms: str
    snapshot: str
    subject: str
    policies: tuple[str, ...]  # by which the actor might


class AccessChanged(Closed, frozen=True, kw_only=True, tag_field="event", tag="access.changed"):
    """People, groups, roles, policies or policy.yaml went in force. `old` is empty for the first, the bootstrap."""

    at: Count
    old: str
    new: str
    subject: str
    policies: tuple[str, ...]


Fact = KeyCreated | KeyRevoked | SnapshotBuilt | ReleaseBuilt | AppDeployed | AccessChanged  # of no run
Event = RunStarted | RunFinished | RunGap | Fact

_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """Return the RFC 8785 form of an event.

    It is read back before it is let out, 2 µs, so that nothing undeclared, no float and no number out of
    range can reach the log: raises `EventRefused`.
    """
    try:
        body = _ENCODER.encode(event)
        _DECODER.decode(body)
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        raise EventRefused(
            f"a `{type(event).__name__}` may not say this: {error}",
            fix="report it: the caller builds the event wrongly",
        ) from error
    return body


def decode(body: bytes) -> Event:
    """Return the event of its encoded form. Raises `EventRefused` if it is none."""
    try:
        event: Event = _DECODER.decode(body)
    except msgspec.MsgspecError as error:
        raise EventRefused(
            f"what is stored is no event of this version: {error}",
            fix="run `proviso` in the version that wrote it",
        ) from error
    return event


def kind(event: Event) -> str:
    """Return an event's name, such as `run.finished`."""
    return str(type(event).__struct_config__.tag)
