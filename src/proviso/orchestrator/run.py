"""One run: what is known of a request while it is answered, and the facts that its record is made of."""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import uuid_utils

from proviso.ledger import CitationRef, PassageRef, Payload, RunFinished, RunStarted
from proviso.orchestrator.release import CompiledRelease
from proviso.retrieval import Found
from proviso.types import Answer, Draft, Principal, Refusal, Request, Screened, Served, Usage

T = TypeVar("T")


class Run:
    """A request under way. `clock` gives UTC microseconds since the epoch."""

    __slots__ = (
        "_marked", "_started", "at", "clock", "deadline", "draft", "found", "id", "outcome", "principal",
        "question", "release", "request", "sent", "sources", "timings",
    )  # fmt: skip

    def __init__(
        self, release: CompiledRelease, request: Request, principal: Principal, clock: Callable[[], int]
    ) -> None:
        self.id = str(uuid_utils.uuid7())
        self.release = release
        self.request = request
        self.principal = principal
        self.clock = clock
        self.at = clock()
        self._started = self._marked = time.perf_counter_ns()
        self.deadline = time.monotonic() + release.terms.deadline_s
        self.sources = release.terms.readable(principal)
        self.timings: dict[str, int] = {}
        self.question: Screened | None = None
        self.found: Found | None = None
        self.draft: Draft | None = None
        self.outcome: Answer | Refusal | None = None
        self.sent = False  # a part of the answer has left

    def step(self, name: str, value: T) -> T:
        """Note how long the step that just ended took, in microseconds, and pass its result on."""
        now = time.perf_counter_ns()
        self.timings[name] = (now - self._marked) // 1000
        self._marked = now
        return value
