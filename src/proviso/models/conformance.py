"""What any endpoint must do, as data: named checks that are run against a real one, and what they cost at most."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from msgspec import Struct

from proviso.models import conformance_features as features
from proviso.models import conformance_protocol as protocol
from proviso.models.conformance_terms import Check, Outcome, Subject, Verdict
from proviso.models.failure import CallFailed

_ALLOWANCE: Final = 400  # input tokens of a call besides its text: what providers put around it

__all__ = ["SUITE", "Bound", "Check", "Outcome", "Subject", "Verdict", "bound", "run"]

SUITE: Final[tuple[Check, ...]] = (
    Check("converse", "A question is answered whole.", protocol.converse),
    Check("stream", "A stream has the shape of a whole answer: its pieces are its text.", protocol.stream),
    Check("max-tokens", "An answer that is cut off says so.", protocol.max_tokens),
    Check("system", "The system prompt is followed.", protocol.system),
    Check("history", "What was said before is known.", protocol.history),
    Check("usage", "Tokens in and out are told, whole and streamed.", protocol.usage, calls=2),
    Check("metadata", "Sixteen pairs of metadata are accepted.", protocol.metadata),
    Check("unknown-model", "A model that does not exist is not found.", protocol.unknown_model, output=0),
    Check("deadline", "A call ends by its deadline.", protocol.deadline),
    Check(
        "cancellation",
        "A call that nobody waits for ends, and the next one works.",
        protocol.cancellation,
        calls=3,
    ),
    Check(
        "structured-output",
        "The answer is JSON of the schema.",
        features.structured,
        feature="structured-output",
    ),
    Check("tools", "A tool is called, and its result is used.", features.tools, feature="tools", calls=2),
    Check("documents", "A document is read.", features.documents, feature="documents", input=1_000),
    Check("images", "A picture is seen.", features.images, feature="images", input=2_000),
    Check(
        "citations",
        "Words come with the place they are from.",
        features.citations,
        feature="citations",
        input=1_000,
    ),
    Check(
        "prompt-cache",
        "The second call reads what the first one kept.",
        features.cache,
        feature="prompt-cache",
        calls=2,
    ),
    Check(
        "count-tokens", "Tokens are counted as a call then has them.", features.count, feature="count-tokens"
    ),
    Check(
        "guardrail",
        "The guardrail's trace is there, whole and streamed.",
        features.guardrail,
        feature="guardrail",
        calls=2,
    ),
)
"""The checks in their order. A feature that the register does not name is not asked for."""


class Bound(Struct, frozen=True):
    """What a run uses at most: calls, and the tokens of all of them."""

    calls: int
    input_tokens: int
    output_tokens: int


def bound(subject: Subject, suite: Sequence[Check] = SUITE) -> Bound:
    """Return what a run against a subject may use at most, each call repeated as often as it may be."""
    taken = [check for check in suite if not _why_not(check, subject)]
    calls = sum(check.calls for check in taken)
    sent = sum(check.calls * (check.input or _ALLOWANCE) for check in taken)
    cached = sum(
        check.calls * features.cache_tokens(subject) for check in taken if check.name == "prompt-cache"
    )
    written = sum(check.calls * check.output for check in taken)
    return Bound(calls * protocol.TRIES, (sent + cached) * protocol.TRIES, written * protocol.TRIES)


async def run(subject: Subject, suite: Sequence[Check] = SUITE) -> AsyncIterator[tuple[Check, Outcome]]:
    """Run a suite, check by check. A call that fails where it should not fails its check."""
    for check in suite:
        yield check, await _outcome(check, subject)


async def _outcome(check: Check, subject: Subject) -> Outcome:
    if why := _why_not(check, subject):
        return Outcome(Verdict.SKIPPED, why)
    try:
        return await check.run(subject)
    except CallFailed as error:
        return Outcome(Verdict.FAIL, f"{error.kind}: {error.message}")


def _why_not(check: Check, subject: Subject) -> str:
    """Say why a check does not apply; empty: it does."""
    if check.feature == "guardrail":
        return "" if subject.guard else "no guardrail is bound to it"
    if check.feature and check.feature not in subject.features:
        return f"models.yaml does not name `{check.feature}`"
    return ""
