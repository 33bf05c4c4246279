"""Keep credentials in memory, and look for newer ones before they expire."""

import asyncio
import math
import time
from collections.abc import Callable

from proviso.aws.protocol import Bearer, Keys, NoCredentials

# Seconds before expiry from which newer ones are looked for while the old ones serve, and from which callers wait.
# AWS hands out a machine's next keys at least five minutes before the last ones expire.
ADVISORY_S = 15 * 60.0
MANDATORY_S = 60.0
# What does not say when it expires may have been replaced all the same: a file that was edited, a mounted secret.
RECHECK_S = 5 * 60.0
AGAIN_S = 5.0  # at the earliest after one look; a metadata service takes seconds to say nothing

Look = Callable[[], Keys | Bearer]


class Renewal:
    """What `look` found last. One look at a time, in a thread; it raises `NoCredentials`, and may block."""

    def __init__(self, look: Look, *, clock: Callable[[], float] = time.time) -> None:
        """Look nowhere yet. `clock`: seconds of UTC since the epoch."""
        self._look = look
        self._clock = clock
        self._found: Keys | Bearer | None = None
        self._renew_at = -math.inf
        self._again_at = -math.inf
        self._failure = NoCredentials("no credentials were found")
        self._looking: asyncio.Task[None] | None = None

    async def current(self, refused: Keys | Bearer | None = None) -> Keys | Bearer:
        """Return credentials that are valid now; wait only for the first, and where the old ones are at their end.

        Where newer ones cannot be had, the old ones serve until they expire. `refused` are looked for anew at once, but
        not more often than every few seconds. Raises `NoCredentials`.
        """
        if refused is not None and refused == self._found:
            if self._looking is None and self._may_look(self._clock()):
                self._looking = asyncio.create_task(self._look_again())
            if self._looking is not None:
                await asyncio.shield(self._looking)
        if self._found is not None and self._clock() < self._renew_at:
            return self._found
        return await self._renewed()

    async def _renewed(self) -> Keys | Bearer:
        now = self._clock()
        if self._looking is None and self._may_look(now):
            self._looking = asyncio.create_task(self._look_again())
        if self._found is not None and now < _end(self._found) - MANDATORY_S:
            return self._found
        if self._looking is not None:
            await asyncio.shield(self._looking)  # others wait for it too
        if self._found is not None and self._clock() < _end(self._found):
            return self._found
        raise NoCredentials(self._failure.message, fix=self._failure.fix)

    def _may_look(self, now: float) -> bool:
        """Whether the last look was long enough ago; also where the clock was put back since."""
        return not 0 < self._again_at - now <= AGAIN_S

    async def _look_again(self) -> None:
        try:
            found = await asyncio.to_thread(self._look)
        except NoCredentials as failure:
            self._failure = failure
        else:
            self._keep(found)
        finally:
            self._looking = None
            self._again_at = self._clock() + AGAIN_S

    def _keep(self, found: Keys | Bearer) -> None:
        now, end = self._clock(), _end(found)
        if now >= end:
            self._failure = NoCredentials(
                "the credentials that were found have expired already", fix="renew them; look at the clock"
            )
            return
        self._found = found
        self._renew_at = max(end - ADVISORY_S, now + AGAIN_S) if math.isfinite(end) else now + RECHECK_S


def _end(found: Keys | Bearer) -> float:
    return math.inf if found.expires is None else found.expires
