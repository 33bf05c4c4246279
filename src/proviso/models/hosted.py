"""Hosted models: the places where a draft can be had, called in their order until one answers."""

import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Final

from proviso.models.asking import Prefixes, draft_of, may_say_no_evidence
from proviso.models.failure import CallFailed, Kind
from proviso.models.place import Place
from proviso.models.protocol import ModelRequest
from proviso.models.retrying import Course, Retry
from proviso.models.shapes import Reply
from proviso.types import Draft

_RETRY: Final = Retry()


class Hosted:
    """A model behind one or more places. Only those are ever called; the draft says which one answered.

    `now`: the clock of every deadline, in seconds; `chance`: a number from 0 to below 1, for pauses between retries.
    """

    def __init__(
        self,
        places: Sequence[Place],
        retry: Retry = _RETRY,
        *,
        now: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        if not places:
            raise ValueError("a hosted model has at least one place")
        self._places = tuple(places)
        self._retry = retry
        self._now = now
        self._chance = chance
        self._prefixes = Prefixes()

    @property
    def provider(self) -> str:
        """Who runs the model at the first place."""
        return self._places[0].endpoint.target.provider

    @property
    def model(self) -> str:
        """What is called at the first place."""
        return self._places[0].endpoint.target.model

    async def converse(self, request: ModelRequest) -> Draft:
        """Return the draft of the first place that answers, within the request's deadline and money.

        Raises `Unanswered` where none does, and `ModelBusy` where there is only no room for it now.
        """
        course = self._course(request)
        while True:
            trial = await course.next()
            try:
                reply = await trial.place.endpoint.converse(trial.call, course.deadline)
            except CallFailed as failure:
                course.failed(trial, failure)
            else:
                course.answered(trial, reply)
                return draft_of(reply, trial.place.endpoint.target, request)
            finally:
                course.left(trial)

    async def stream(self, request: ModelRequest) -> AsyncIterator[str | Draft]:
        """Return the draft in pieces; the last item is the whole. Raises as `converse` does.

        INVARIANT: once a piece has been handed on, no other call is made: nothing is released twice. A beginning that
        may yet turn out to be `NO EVIDENCE`, which is no text of a draft, is held back.
        """
        course = self._course(request)
        while True:
            trial = await course.next()
            items = trial.place.endpoint.stream(trial.call, course.deadline)
            held, handed, reply = "", False, None
            try:
                async for item in items:  # to its end: only then is the connection free for the next call
                    if isinstance(item, Reply):
                        reply = item
                        continue
                    held += item
                    if handed or not may_say_no_evidence(held):
                        handed = True
                        yield held
                        held = ""
                course.answered(trial, _whole(reply))
            except CallFailed as failure:
                course.failed(trial, failure, begun=handed or bool(held))
                if handed:
                    raise course.broken() from failure
                continue
            finally:
                course.left(trial)
                await _close(items)
            draft = draft_of(_whole(reply), trial.place.endpoint.target, request)
            if held and draft.text:
                yield held
            yield draft
            return

    def _course(self, request: ModelRequest) -> Course:
        return Course(self._places, request, self._retry, self._prefixes, self._now, self._chance)


def _whole(reply: Reply | None) -> Reply:
    if reply is None:
        raise CallFailed(Kind.CUT, "the stream ended without its reply")
    return reply


async def _close(items: AsyncIterator[str | Reply]) -> None:
    """Close what an endpoint streams at once, not when it is forgotten."""
    if isinstance(items, AsyncGenerator):
        await items.aclose()
