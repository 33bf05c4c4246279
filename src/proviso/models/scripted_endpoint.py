"""The in-memory double of an endpoint: it answers and fails as its script says."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence

from msgspec import Struct

from proviso.models.checked import checked
from proviso.models.endpoint import Target
from proviso.models.failure import CallFailed, Kind
from proviso.models.shapes import Call, Reply
from proviso.types import Usage

Answers = Callable[[Call], Reply]


class Step(Struct, frozen=True):
    """What one call meets after `takes_s` seconds: a reply, or a failure where `fails` is set.

    A stream that fails gives this many `pieces` of its reply first. `usage`: what a failure may be charged for.
    """

    reply: Reply | Answers | None = None
    fails: Kind | None = None
    takes_s: float = 0.0
    pieces: int = 0
    retry_after_s: float | None = None
    usage: Usage | None = None


class ScriptedEndpoint:
    """An endpoint whose calls meet one step of the script after the other; the last one for ever.

    `calls` has what it was asked. Its stream cuts the text behind spaces.
    """

    def __init__(
        self,
        target: Target,
        script: Sequence[Step | Kind | Reply | Answers],
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        if not script:
            raise ValueError("a script has at least one step")
        self._target = target
        self._script = [_step(each) for each in script]
        self._now = now
        self.calls: list[Call] = []

    @property
    def target(self) -> Target:
        """What and where it says that it is."""
        return self._target

    async def converse(self, call: Call, deadline: float) -> Reply:
        """Return the step's reply, or raise its failure; `slow` where that would be after the deadline."""
        step = self._next(call)
        await self._take(step.takes_s, deadline)
        if step.fails is not None:
            raise _failure(step)
        return checked(call, _reply(step, call))

    async def stream(self, call: Call, deadline: float) -> AsyncIterator[str | Reply]:
        """Return the step's reply word by word; `takes_s` goes by before the first one."""
        step = self._next(call)
        await self._take(step.takes_s, deadline)
        reply = _reply(step, call) if step.fails is None or step.pieces else None
        words = _words(reply.text) if reply else []
        for word in words if step.fails is None else words[: step.pieces]:
            yield word
        if step.fails is not None or reply is None:
            raise _failure(step)
        yield checked(call, reply)

    def _next(self, call: Call) -> Step:
        self.calls.append(call)
        return self._script[min(len(self.calls), len(self._script)) - 1]

    async def _take(self, seconds: float, deadline: float) -> None:
        left = deadline - self._now()
        if seconds > left:
            await asyncio.sleep(max(0.0, left))
            raise CallFailed(Kind.SLOW, "no answer by the deadline")
        if seconds > 0:
            await asyncio.sleep(seconds)


def _step(given: Step | Kind | Reply | Answers) -> Step:
    if isinstance(given, Step):
        return given
    return Step(fails=given) if isinstance(given, Kind) else Step(given)


def _reply(step: Step, call: Call) -> Reply:
    if step.reply is None:
        raise ValueError("the step has no reply")
    return step.reply if isinstance(step.reply, Reply) else step.reply(call)


def _failure(step: Step) -> CallFailed:
    kind = step.fails or Kind.INTERNAL
    return CallFailed(kind, f"scripted: {kind}", retry_after_s=step.retry_after_s, usage=step.usage)


def _words(text: str) -> list[str]:
    *words, last = text.split(" ")
    return [f"{word} " for word in words] + ([last] if last else [])
