"""One run: what is known of a request while it is answered, and the facts that its record is made of."""

import asyncio
import sys
import time
from typing import TypeVar

import uuid_utils
from msgspec import Struct

from proviso.errors import ProvisoError
from proviso.ledger import (
    AttemptRef,
    CitationRef,
    Outcome,
    PassageRef,
    Payload,
    RunFinished,
    RunStarted,
)
from proviso.models import ModelRequest
from proviso.orchestrator.release import CompiledRelease
from proviso.retrieval import Found
from proviso.types import (
    Answer,
    Attempt,
    Decision,
    Draft,
    Principal,
    Refusal,
    Rendered,
    Request,
    Screened,
    Served,
    Usage,
)

T = TypeVar("T")

_LONGEST_VALUE = 256  # of a pair of the provider's request metadata

_NOTHING = Usage()


class Caller(Struct, frozen=True):
    """Who asks, and the pseudonym by which the record knows them."""

    principal: Principal
    subject: str


class Allowance(Struct, frozen=True):
    """What one run may use: the longest draft in tokens, and what all its calls may cost together (None: no limit)."""

    max_tokens: int
    micro_usd: int | None = None


class Run:
    """A request under way. `now` is UTC in microseconds since the epoch."""

    def __init__(
        self,
        release: CompiledRelease,
        request: Request,
        caller: Caller,
        now: int,
        allowance: Allowance | None = None,
    ) -> None:
        """Begin a run; `allowance` is what the budget leaves it, by default what the release takes."""
        self.id = str(uuid_utils.uuid7())
        self.release = release
        self.request = request
        self.caller = caller
        self.at = now
        self.allowance = allowance or Allowance(release.max_tokens)
        self._started = self._marked = time.perf_counter_ns()
        self.deadline = time.monotonic() + release.terms.deadline_s
        self.sources = release.terms.readable(caller.principal)
        self.timings: dict[str, int] = {}
        self.question: Screened | None = None
        self.history: tuple[Decision, ...] = ()  # decided about the earlier turns
        self.found: Found | None = None
        self.rendered: Rendered | None = None
        self.attempts: list[Attempt] = []  # calls of hosted models, each noted when it ends
        self.draft: Draft | None = None
        self.outcome: Answer | Refusal | None = None
        self.sent = ""  # the checked sentences that have left

    @property
    def unapproved(self) -> bool:
        """Whether the release is served without the approvals that its tier asks for."""
        return self.release.unapproved

    @property
    def may_spool(self) -> bool:
        """Whether the answer may leave before the store has its record, while the store is away."""
        return not self.release.terms.record_before_reply

    def step(self, name: str, value: T) -> T:
        """Note how long the step that just ended took, in microseconds, and pass its result on."""
        now = time.perf_counter_ns()
        self.timings[name] = (now - self._marked) // 1000
        self._marked = now
        return value

    def ask(self, rendered: Rendered) -> ModelRequest:
        """Return what the model is asked, within what this run may use."""
        self.rendered = rendered
        release = self.release
        return ModelRequest(
            rendered,
            self.allowance.max_tokens,
            self.deadline,
            release.synonyms,
            schema=release.schema,
            metadata={
                "app": release.app,
                "release": release.digest,
                "prompt": rendered.version,
                "run": self.id,
                "group": ",".join(sorted(self.caller.principal.groups))[:_LONGEST_VALUE],
                "purpose": self.request.purpose,
            },
            most_micro_usd=self.allowance.micro_usd,
            prices=release.prices,
            attempts=self.attempts,
        )

    def started(self) -> RunStarted:
        """Return the event that must be durable before a part of the answer leaves."""
        release, principal = self.release, self.caller.principal
        return RunStarted(
            run=self.id,
            at=self.at,
            app=release.app,
            workflow=release.workflow,
            release=release.digest,
            terms=release.terms.digest,
            purpose=self.request.purpose,
            environment=release.environment,
            unapproved=release.unapproved,
            subject=self.caller.subject,
            groups=tuple(sorted(principal.groups)),
            key=principal.key,
        )

    def finished(self) -> RunFinished:
        """Return the event of how it ended: identifiers, digests, decisions and counts, no text."""
        release, principal, draft = self.release, self.caller.principal, self.draft
        refusal = self.outcome if isinstance(self.outcome, Refusal) else None
        usage = self._usage()
        return RunFinished(
            run=self.id,
            at=self.at,
            app=release.app,
            workflow=release.workflow,
            release=release.digest,
            terms=release.terms.digest,
            snapshot=release.snapshot,
            purpose=self.request.purpose,
            environment=release.environment,
            unapproved=release.unapproved,
            outcome=self._ending(),
            subject=self.caller.subject,
            groups=tuple(sorted(principal.groups)),
            key=principal.key,
            duration_us=self._duration(),
            clause=refusal.clause if refusal else "",
            reason=refusal.reason if refusal else self._fault(),
            prompt=self.rendered.prompt if self.rendered else "",
            prompt_version=self.rendered.version if self.rendered else "",
            provider=draft.provider if draft else "",
            model=draft.model if draft else "",
            region=draft.region if draft else "",
            endpoint=draft.endpoint if draft else "",
            stop=draft.stop if draft else "",
            attempts=self._attempts(),
            retrieval_empty=self.found.empty if self.found else "",
            passages=self._passages(),
            citations=self._citations(),
            decisions=self.decisions(),
            timings=self.timings,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            cost_micro_usd=self._cost(),
        )

    def payload(self) -> Payload:
        """Return the texts, of which the vault keeps what the contract lets it."""
        left = Answer(self.sent, ()) if self.sent else None  # of a stream that its caller left
        return Payload(self.question, self.outcome or left, self.release.terms.log)

    def decisions(self) -> tuple[Decision, ...]:
        """Return what every check of this run decided, in order."""
        question = self.question.decisions if self.question else ()
        return question + self.history + (self.outcome.decisions if self.outcome else ())

    def served(self) -> Served:
        """Return the finished run as the gateway hands it out."""
        assert self.outcome is not None  # a run without an outcome has raised
        release, draft = self.release, self.draft
        return Served(
            run=self.id,
            app=release.app,
            release=release.digest,
            terms=release.terms.digest,
            outcome=self.outcome,
            decisions=self.decisions(),
            model=draft.model if draft else "",
            provider=draft.provider if draft else "",
            usage=self._usage(),
            cost_micro_usd=self._cost(),
            duration_us=self._duration(),
            unapproved=release.unapproved,
            purpose=self.request.purpose,
        )

    @property
    def used(self) -> tuple[int, int] | None:
        """Tokens and micro-dollars that the run has used; None where a model was called and has not said."""
        if self.rendered is not None and self.draft is None and not self.attempts:
            return None
        return self._usage().tokens, self._cost()

    def _ending(self) -> Outcome:
        if isinstance(self.outcome, Answer):
            return Outcome.ANSWER
        if self.outcome is not None:
            return Outcome.REFUSAL
        if self.sent:
            return Outcome.PARTIAL
        left = isinstance(sys.exc_info()[1], (asyncio.CancelledError, GeneratorExit))
        return Outcome.CANCELLED if left else Outcome.ERROR

    def _fault(self) -> str:
        """The code of the error that ends the run; empty where there is none, or the caller has left."""
        error = sys.exc_info()[1] if self.outcome is None else None
        if isinstance(error, ProvisoError):
            return error.code
        return "internal_error" if isinstance(error, Exception) else ""

    def _passages(self) -> tuple[PassageRef, ...]:
        return tuple([
            PassageRef(id=p.id, source=p.source, document=p.document, version=p.version, start=p.start, end=p.end)
            for p in (self.found.passages if self.found else ())
        ])  # fmt: skip

    def _citations(self) -> tuple[CitationRef, ...]:
        cited = self.outcome.citations if isinstance(self.outcome, Answer) else ()
        return tuple(
            [CitationRef(number=c.number, passage=c.passage, start=c.start, end=c.end) for c in cited]
        )

    def _attempts(self) -> tuple[AttemptRef, ...]:
        return tuple([
            AttemptRef(
                model=one.model,
                provider=one.provider,
                called=one.called,
                region=one.region,
                outcome=one.outcome,
                duration_us=one.duration_us,
                input_tokens=one.usage.input_tokens,
                output_tokens=one.usage.output_tokens,
                cache_read_tokens=one.usage.cache_read_tokens,
                cache_write_tokens=one.usage.cache_write_tokens,
            )
            for one in self.attempts
        ])  # fmt: skip

    def _spent(self) -> list[tuple[str, Usage]]:
        """What was used, by the models' names in models.yaml: every attempt counts, also one that failed."""
        spent = [(one.model, one.usage) for one in self.attempts]
        if (
            self.draft is not None and not self.draft.region
        ):  # drafted here, by a model that makes no attempts
            spent.append((self.draft.name, self.draft.usage))
        return spent

    def _usage(self) -> Usage:
        spent = [usage for _, usage in self._spent()]
        if len(spent) == 1:
            return spent[0]
        return Usage(
            sum([one.input_tokens for one in spent]),
            sum([one.output_tokens for one in spent]),
            sum([one.cache_read_tokens for one in spent]),
            sum([one.cache_write_tokens for one in spent]),
        )

    def _cost(self) -> int:
        """Micro-dollars, each attempt rounded up: a run that used something is never recorded as free."""
        prices, drafter = self.release.prices, self.release.drafter
        return sum([prices.get(name, prices[drafter]).cost_of(usage) for name, usage in self._spent()])

    def _duration(self) -> int:
        return (time.perf_counter_ns() - self._started) // 1000
