"""A provider's keys by `kid`: kept, fetched again when they age or one is unknown, never twice at once.

Times are microseconds of a monotonic clock.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from proviso.errors import Unavailable

K = TypeVar("K")

_SECOND = 1_000_000
PAUSE_US = 30 * _SECOND  # at least, between two fetches: unknown `kid`s cost the provider no more than that
REFRESH_US = 600 * _SECOND  # older keys are fetched again while they are still used
STALE_US = 1_200 * _SECOND  # older keys are fetched again *before* they are used, while the provider answers
LAST_US = 24 * 3_600 * _SECOND  # how long the last good keys do while the provider is down


class IdentityUnavailable(Unavailable):
    """The identity provider could not be asked, and the key of a token is not known yet."""

    code = "identity_unavailable"


class Jwks(Generic[K]):
    """The keys of one provider, for one event loop.

    `fetch` blocks, so it runs in a thread; it returns every usable key by its `kid` or raises
    `IdentityUnavailable`. `clock` is monotonic.
    """

    def __init__(self, fetch: Callable[[], Mapping[str, K]], clock: Callable[[], int]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: Mapping[str, K] = {}
        self._fetched: int | None = None  # when the keys came
        self._tried: int | None = None  # when they were last asked for
        self._failed = False
        self._task: asyncio.Task[None] | None = None
        self._log = logging.getLogger("proviso.identity")

    async def find(self, kid: str) -> K | None:
        """Return a key; None if the provider has none of that ID. Raises `IdentityUnavailable`."""
        age, key = self._age(), self._get(kid)
        if key is not None and age <= REFRESH_US:
            return key
        fetching = self._begin()
        if key is None or (age > STALE_US and not self._failed):
            if fetching is not None:
                await asyncio.wait({fetching})  # a caller that gives up does not end it for the others
            key = self._get(kid)
        if key is None and self._failed:
            raise IdentityUnavailable("the identity provider does not answer", fix="try again")
        return key

    async def close(self) -> None:
        """Wait for no answer any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _age(self) -> int:
        return LAST_US + 1 if self._fetched is None else self._clock() - self._fetched

    def _get(self, kid: str) -> K | None:
        return self._keys.get(kid) if self._age() <= LAST_US else None

    def _begin(self) -> "asyncio.Task[None] | None":
        """Return the fetch that is under way, or that begins now; None if the last one was just made."""
        if self._task is None:
            now = self._clock()
            if self._tried is not None and now - self._tried < PAUSE_US:
                return None
            self._tried = now
            self._task = asyncio.create_task(self._refresh(now))
            self._task.add_done_callback(self._ended)
        return self._task

    async def _refresh(self, asked: int) -> None:
        try:
            self._keys = await asyncio.to_thread(self._fetch)
            self._fetched = asked  # what came is no older than that
        except IdentityUnavailable as error:
            self._log.warning("%s", error.message)

    def _ended(self, _: "asyncio.Task[None]") -> None:
        """Note how it ended, also if it was cancelled before it had begun."""
        self._task = None
        self._failed = self._fetched != self._tried
