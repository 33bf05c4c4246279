"""The words of the conformance suite: what is looked at, a check, and what came of it."""

from collections.abc import Awaitable, Callable
from enum import StrEnum

from msgspec import Struct

from proviso.models.endpoint import Endpoint
from proviso.models.shapes import Guard, Inference


class Verdict(StrEnum):
    """What came of a check."""

    PASS = "pass"  # noqa: S105  a verdict, no password
    FAIL = "fail"
    SKIPPED = "skipped"


class Outcome(Struct, frozen=True):
    """What came of a check, and what was seen."""

    verdict: Verdict
    seen: str


class Subject(Struct, frozen=True):
    """An endpoint, and what its model is said to do. `unknown`: the same place, with a model that does not exist.

    `pause_s`: how long to wait before what was throttled is tried again. `slack_s`: how much longer than its deadline a
    call may take to end, on a busy machine.
    """

    endpoint: Endpoint
    unknown: Endpoint
    features: frozenset[str] = frozenset()
    guard: Guard | None = None
    inference: Inference = Inference()
    cache_min_tokens: int = 1_024
    pause_s: float = 2.0
    slack_s: float = 5.0


class Check(Struct, frozen=True):
    """One thing that an endpoint must do. `feature`: what the register must name for it to apply, empty for always.

    `calls`: how many it makes; `input` and `output`: how many tokens each has at most, `input` 0 for the usual.
    """

    name: str
    what: str
    run: Callable[[Subject], Awaitable[Outcome]]
    feature: str = ""
    calls: int = 1
    input: int = 0
    output: int = 300


def passed(seen: str) -> Outcome:
    """It does what it must."""
    return Outcome(Verdict.PASS, seen)


def missed(seen: str) -> Outcome:
    """It does not do what it must."""
    return Outcome(Verdict.FAIL, seen)


def judged(right: bool, seen: str) -> Outcome:  # noqa: FBT001  what is judged
    """It does what it must, or not."""
    return passed(seen) if right else missed(seen)


def quoted(text: str) -> str:
    """Return the beginning of what a model said, in one line."""
    line = " ".join(text.split())
    return f"`{line[:80]}{'…' if len(line) > 80 else ''}`"
