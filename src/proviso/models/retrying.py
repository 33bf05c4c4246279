"""The course of one draft over its places: which is called next, what it may cost, what becomes of a failure.

The only place that retries. Each call is one `Trial`, noted in the request's attempts when it ends.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from math import ceil
from typing import Final

from msgspec import Struct

from proviso.budgets import Prices, most_output_tokens
from proviso.errors import ModelUnavailable, TooMany
from proviso.models.admission import Room
from proviso.models.asking import Prefixes, Sizes, call_of, sizes_of
from proviso.models.endpoint import Target
from proviso.models.failure import CONSEQUENCES, CallFailed, Kind
from proviso.models.place import Place
from proviso.models.protocol import ModelRequest
from proviso.models.shapes import Call, Reply
from proviso.types import Attempt, Usage

ANSWERED: Final = "answered"
CANCELLED: Final = "cancelled"

# How long a call may take that nobody has set a deadline.
_PATIENCE_S: Final = 300.0
_NOTHING: Final = Usage()
# These end before a place has been called: they say nothing of it.
_SILENT: Final = (Kind.NO_CREDENTIALS, Kind.EXPIRED, Kind.BUSY)


class Retry(Struct, frozen=True):
    """How often and when a place is called again; all times in seconds.

    Before the n-th retry it waits up to `base_s` · 2ⁿ⁻¹, at most `cap_s`, drawn evenly ("full jitter", Brooker,
    "Exponential Backoff And Jitter", 2015), or as long as the provider asks for. While another place is left, none is
    waited for longer than `cap_s`, nor called again where that would leave no attempt for the other, nor after what
    may be charged: time and money that are left are better spent elsewhere. `most_attempts` are made in all, or one
    at each place where they are more. No call begins with less than `least_s` left.
    """

    attempts_per_place: int = 2
    most_attempts: int = 4
    base_s: float = 0.1
    cap_s: float = 2.0
    least_s: float = 0.25


class Unanswered(ModelUnavailable):
    """No model answered within the draft's time, money and places. `attempts`: what was tried, and what was not."""

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        tried = ", ".join(f"`{one.model}` in {one.region}: {one.outcome}" for one in attempts)
        super().__init__(
            f"no model answered ({tried or 'no time was left to call one'})",
            fix="see the run's attempts, and `proviso doctor`",
        )
        self.attempts = tuple(attempts)


class ModelBusy(TooMany):
    """Our share of every model's quota is in use, and there is room again only after the deadline."""

    code = "model_busy"

    def __init__(self, wait_s: float) -> None:
        super().__init__(
            "the models that may answer have no room for this request in time",
            retry_after_s=ceil(wait_s),
        )


class Trial(Struct, eq=False):
    """One call under way. `worst`: the most that it may be charged for."""

    place: Place
    call: Call
    room: Room
    permit: int
    worst: Usage
    began_ns: int
    ended: bool = False


class Course:
    """One draft's way over the places, which are tried in their order. It is used once."""

    def __init__(
        self,
        places: Sequence[Place],
        request: ModelRequest,
        retry: Retry,
        prefixes: Prefixes,
        now: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self._places = places
        self._request = request
        self._retry = retry
        self._now = now
        self._random = random
        self.deadline = now() + _PATIENCE_S if request.deadline is None else request.deadline
        self._sizes: Sizes = sizes_of(request)
        self._is_stable = prefixes.is_stable(request.rendered)
        self._before = len(request.attempts)
        self._at = 0  # the place that is next
        self._tries = 0  # calls of that place
        self._calls = 0
        self._pause_s = 0.0
        self._waits: list[float | None] = []  # of the places without room, until there is some
        self._most_calls = max(retry.most_attempts, len(places))

    async def next(self) -> Trial:
        """Return the next call, with its room reserved; it must be ended. Raises `Unanswered` or `ModelBusy`."""
        while self._at < len(self._places) and self._calls < self._most_calls:
            if self._pause_s > 0:
                await asyncio.sleep(self._pause_s)
                self._pause_s = 0.0
            if self._left() < self._retry.least_s:
                break
            place, began_ns = self._places[self._at], time.perf_counter_ns()
            try:
                trial = await self._begin(place)
            except (
                asyncio.CancelledError
            ):  # while it waited for room: it has called nothing, and the record says so
                self._note(place.endpoint.target, CANCELLED, began_ns)
                raise
            if isinstance(trial, Trial):
                return trial
            self._note(place.endpoint.target, trial.value, began_ns)
            self._move_on()
        raise self._out()

    # --- how a call ends ------------------------------------------------------------------------

    def answered(self, trial: Trial, reply: Reply) -> None:
        """Note a call that gave a reply."""
        place, usage = trial.place, reply.usage
        self._end(trial, ANSWERED, usage)
        trial.room.settle(_counted(place, usage))
        place.circuit.report(trial.permit, failed=False)
        place.estimator.observe(trial.call.size, usage)

    def failed(self, trial: Trial, failure: CallFailed, *, begun: bool = False) -> None:
        """Note a call that failed, and decide what is next. `begun`: some of its answer had come, which may cost."""
        place, consequence = trial.place, CONSEQUENCES[failure.kind]
        usage, charged = failure.usage, consequence.charged or begun
        if usage is None:
            trial.room.settle(None if charged else 0.0)
            usage = trial.worst if charged else _NOTHING
        else:
            trial.room.settle(_counted(place, usage))
        self._end(trial, failure.kind.value, usage)
        place.circuit.report(trial.permit, failed=None if failure.kind in _SILENT else consequence.breaks)
        if failure.kind is Kind.THROTTLED:
            place.bucket.throttled(failure.retry_after_s)
        if not consequence.elsewhere:
            self._at = len(self._places)
        elif not (consequence.again and self._will_retry(failure.retry_after_s, charged=charged)):
            self._move_on()

    def left(self, trial: Trial) -> None:
        """Note a call whose end nobody waits for, unless it has ended."""
        if not trial.ended:
            self._end(trial, CANCELLED, trial.worst)
            trial.room.settle(None)
            trial.place.circuit.report(trial.permit, failed=None)

    def broken(self) -> Unanswered:
        """Return what to raise where the draft can be had no more, with what was tried."""
        return Unanswered(self._request.attempts[self._before :])

    def _end(self, trial: Trial, outcome: str, usage: Usage) -> None:
        trial.ended = True
        self._note(trial.place.endpoint.target, outcome, trial.began_ns, usage)

    def _note(self, target: Target, outcome: str, began_ns: int, usage: Usage = _NOTHING) -> None:
        self._request.attempts.append(
            Attempt(
                target.name,
                target.provider,
                target.model,
                target.region,
                outcome,
                (time.perf_counter_ns() - began_ns) // 1000,
                usage,
            )
        )

    # --- which is next --------------------------------------------------------------------------

    def _will_retry(self, retry_after_s: float | None, *, charged: bool) -> bool:
        """Whether the same place is called again, after a pause that this sets."""
        retry, others = self._retry, len(self._places) - self._at - 1
        if self._tries >= retry.attempts_per_place:
            return False
        if others and (charged or self._calls + others >= self._most_calls):
            return False
        most = min(retry.cap_s, retry.base_s * 2.0 ** (self._tries - 1))
        pause = max(self._random() * most, retry_after_s or 0.0)
        if pause > retry.cap_s and others:
            return False
        if pause + retry.least_s > self._left():
            return False
        self._pause_s = pause
        return True

    def _move_on(self) -> None:
        self._at += 1
        self._tries = 0

    def _is_another_left(self) -> bool:
        return self._at + 1 < len(self._places)

    def _left(self) -> float:
        return self.deadline - self._now()

    def _out(self) -> Unanswered | ModelBusy:
        attempts = self._request.attempts[self._before :]
        waits = [wait for wait in self._waits if wait is not None]
        if waits and len(attempts) == len(self._waits):
            return ModelBusy(min(waits))
        return Unanswered(attempts)

    # --- before a call --------------------------------------------------------------------------

    async def _begin(self, place: Place) -> Trial | Kind:
        """Reserve what a call of a place takes; or why it is ruled out."""
        if place.circuit.is_open:
            return Kind.OPEN
        size = self._size(place)
        read = place.estimator.most(self._sizes.written, size - self._sizes.written)
        max_tokens = self._affordable(place, read)
        if max_tokens < 1:
            return Kind.COSTLY
        room = await self._room(place, size, max_tokens)
        if room is None:
            return Kind.BUSY
        permit = place.circuit.admit()  # it may have opened while this waited for room
        if permit is None:
            room.settle(0.0)
            return Kind.OPEN
        call = self._call(place, size, max_tokens)
        self._calls += 1
        self._tries += 1
        worst = self._worst(place, read, call)
        return Trial(place, call, room, permit, worst, time.perf_counter_ns())

    def _size(self, place: Place) -> int:
        """The bytes that a place's model will read."""
        schema = self._request.schema if place.traits.structured else None
        extra = 0 if schema is None else len(bytes(schema))
        return self._sizes.written + self._sizes.chosen + extra

    def _call(self, place: Place, size: int, max_tokens: int) -> Call:
        traits = place.traits
        is_cached = (
            self._is_stable
            and traits.cache_min_tokens > 0
            and place.estimator.tokens(self._sizes.system) >= traits.cache_min_tokens
        )
        return call_of(self._request, traits, max_tokens, size, is_cached=is_cached)

    def _worst(self, place: Place, read: int, call: Call) -> Usage:
        """The most that a call may be charged for: all as written to the cache, where it can be and that is dearer."""
        prices = self._request.prices.get(place.endpoint.target.name)
        if prices is not None and prices.cache_write > prices.input and len(call.system) > 1:
            return Usage(0, call.max_tokens, 0, read)
        return Usage(read, call.max_tokens)

    async def _room(self, place: Place, size: int, max_tokens: int) -> Room | None:
        need = place.estimator.tokens(size) + ceil(max_tokens * place.traits.burn)
        if room := place.bucket.try_take(need):
            return room
        until = self.deadline - self._retry.least_s
        if self._is_another_left():
            until = min(until, self._now() + self._retry.cap_s)
        try:
            return await place.bucket.take(need, until)
        except CallFailed as busy:
            self._waits.append(busy.retry_after_s)
            return None

    def _affordable(self, place: Place, read: int) -> int:
        """Return how long an answer there may be, in tokens; 0 where no answer worth having can be paid.

        Less than half of what was asked for is not worth having: it would be cut off.
        """
        request, most = self._request, place.traits.max_output
        asked = request.max_tokens if most is None else min(most, request.max_tokens)
        if request.most_micro_usd is None:
            return asked
        prices = request.prices.get(place.endpoint.target.name)
        if prices is None:  # what has no price may cost anything
            return 0
        fits = most_output_tokens(prices, read, asked, request.most_micro_usd - self._spent(prices))
        return fits if fits * 2 >= asked else 0

    def _spent(self, own: Prices) -> int:
        """What the calls for this draft may have cost so far, in micro-dollars."""
        request = self._request
        return sum([request.prices.get(one.model, own).cost_of(one.usage) for one in request.attempts])


def _counted(place: Place, usage: Usage) -> float:
    """What a call has taken from the quota: what was read from the cache is free."""
    return usage.input_tokens + usage.cache_write_tokens + usage.output_tokens * place.traits.burn
