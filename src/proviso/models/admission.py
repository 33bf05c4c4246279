"""Room at a model's quota: tokens are reserved before a call and settled after it, as the provider does.

Source of what counts: "How tokens are counted in Amazon Bedrock" (Bedrock User Guide): input, cache and `max_tokens`
are taken when a call begins; when it ends it has cost input + cache writes + output × burn.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from math import exp, inf
from typing import Final

from msgspec import Struct

from proviso.models.endpoint import Target
from proviso.models.failure import CallFailed, Kind

_MINUTE_S: Final = 60.0
# A throttled bucket goes on at this share of its rate, at the least at this one; it is whole again after a minute.
_SLOWER: Final = 0.7
_SLOWEST: Final = 0.1
_RECOVERY_S: Final = 60.0
# Calls that were under way together are throttled together: that is told once.
_TOGETHER_S: Final = 1.0
# Without a quota, what was called of late is taken for it, and this many tokens a minute at the least.
_LEAST_ASSUMED: Final = 200_000.0
_BURST_S: Final = 0.5
_LEARNING: Final = 0.1
_SOON_S: Final = 0.001
# Quotas are by the minute: one answer that asks for more must not close a place for longer to every call.
_LONGEST_CLOSED_S: Final = 60.0


class Room:
    """Tokens that one call has reserved."""

    __slots__ = ("_bucket", "tokens")

    def __init__(self, bucket: "Bucket", tokens: int) -> None:
        self.tokens = tokens
        self._bucket: Bucket | None = bucket

    def settle(self, used: float | None) -> None:
        """Give back what was not used; None where nobody knows: it all counts. Only the first settlement does."""
        bucket, self._bucket = self._bucket, None
        if bucket is not None:
            bucket.put_back(self.tokens, self.tokens if used is None else used)


class _Waiter(Struct, eq=False):
    tokens: int
    granted: asyncio.Future[bool]


class Bucket:
    """The tokens of one quota: they come back continuously, and a minute's worth is the most that it holds.

    `per_minute`: the quota of the account; None: not known. `share`: what this process may take of it. A call that
    is larger than the share waits until the bucket is full and leaves it in debt.

    INVARIANT: who came first is served first, also where one behind would fit sooner.
    """

    def __init__(
        self,
        per_minute: int | None = None,
        *,
        share: float = 1.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self._share = share
        self._at = now()
        self._waiting: deque[_Waiter] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # of those who wait
        self._closed_until = -inf
        self._cut_at = -inf
        self._flow = 0.0  # tokens of the last minute, those of long ago counting less
        self._outstanding = 0  # tokens reserved by calls under way
        self._kept = 1.0  # what share of a reservation is used in the end
        self.per_minute = per_minute
        self._go_by(per_minute)

    def set_quota(self, per_minute: int | None) -> None:
        """Go by another quota from now on. Terms are compiled in a thread: this may be called from any."""
        self.per_minute = per_minute  # the rest follows on the loop: see `_refill`
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._serve)

    def _go_by(self, per_minute: int | None) -> None:
        self._quota = per_minute
        self._top = inf if per_minute is None else per_minute * self._share
        self._rate = self._capacity = self._top  # tokens a minute, tokens
        self._level = self._top - self._outstanding
        self._recovery = self._top / _RECOVERY_S  # tokens a minute, each second
        self._free_from = inf

    def try_take(self, tokens: int) -> Room | None:
        """Reserve room where there is some now and nobody waits for it."""
        self._refill()
        if self._waiting or not self._fits(tokens) or self._is_too_large(tokens):
            return None
        self._take_out(tokens)
        return Room(self, tokens)

    async def take(self, tokens: int, until: float) -> Room:
        """Reserve room, waiting for it until a time of the clock at most.

        Raises `CallFailed` (`no_room`): at once where there will be none in time, with when it is worth while to come
        back, or without that where the quota is smaller than the call.
        """
        if room := self.try_take(tokens):
            return room
        if self._is_too_large(tokens):
            raise CallFailed(
                Kind.BUSY, f"the call may take {tokens} tokens, the quota is {self.per_minute} a minute"
            )
        left = until - self._now()
        wait = self._expected_wait(tokens)
        if wait > left:
            raise _busy(wait)
        self._loop = loop = asyncio.get_running_loop()
        waiter = _Waiter(tokens, loop.create_future())
        self._waiting.append(waiter)
        timer = loop.call_later(left, self._give_up, waiter)
        self._arm()
        try:
            if not await waiter.granted:
                raise _busy(self._expected_wait(tokens))
        except asyncio.CancelledError:
            self._leave(waiter)
            raise
        finally:
            timer.cancel()
        return Room(self, tokens)

    def throttled(self, retry_after_s: float | None = None) -> None:
        """Slow down: the provider has no room, whatever we count."""
        now = self._refill()
        if now - self._cut_at >= _TOGETHER_S:
            self._cut_at = now
            self._slow_down()
        self._level = min(self._level, 0.0)
        if retry_after_s is not None:
            self._closed_until = max(self._closed_until, now + min(retry_after_s, _LONGEST_CLOSED_S))
        self._arm()

    def _slow_down(self) -> None:
        if self._top < inf:
            self._rate = max(self._rate * _SLOWER, self._top * _SLOWEST)
            return
        was = self._rate if self._rate < inf else max(self._flow, _LEAST_ASSUMED / _SLOWER)
        self._rate = max(was * _SLOWER, _LEAST_ASSUMED)
        self._recovery = was / _RECOVERY_S
        self._free_from = 2 * was
        self._capacity = self._rate / _MINUTE_S * _BURST_S

    # --- the level ------------------------------------------------------------------------------

    def _refill(self) -> float:
        if self.per_minute != self._quota:
            self._go_by(self.per_minute)
        now = self._now()
        passed = now - self._at
        if passed <= 0:
            return now
        self._at = now
        self._flow *= exp(-passed / _MINUTE_S)
        if self._rate < inf:
            before = self._rate
            self._rate = min(self._top, before + self._recovery * passed)
            came = (before + self._rate) / 2 / _MINUTE_S * passed
            self._level = min(self._capacity, self._level + came)
            if self._rate >= self._free_from:
                self._rate = self._level = self._capacity = self._free_from = inf
        return now

    def _fits(self, tokens: int) -> bool:
        return self._level >= min(tokens, self._capacity) and self._at >= self._closed_until

    def _is_too_large(self, tokens: int) -> bool:
        return self.per_minute is not None and tokens > self.per_minute

    def _take_out(self, tokens: int) -> None:
        self._level -= tokens
        self._flow += tokens
        self._outstanding += tokens

    def put_back(self, reserved: int, used: float) -> None:
        """Settle a reservation; `Room.settle` calls this, once."""
        self._refill()
        self._outstanding -= reserved
        self._level = min(self._capacity, self._level + reserved - used)
        if reserved:
            self._kept += (min(1.0, used / reserved) - self._kept) * _LEARNING
        if self._waiting:
            self._serve()

    # --- those who wait -------------------------------------------------------------------------

    def _expected_wait(self, tokens: int) -> float:
        """Seconds until one who came now would be served, with what calls under way are likely to give back."""
        ahead = sum([waiter.tokens for waiter in self._waiting])
        missing = ahead + min(tokens, self._capacity) - self._level - self._outstanding * (1.0 - self._kept)
        return self._seconds_for(missing)

    def _seconds_for(self, missing: float) -> float:
        """Seconds until so many more tokens are there, and the provider wants to be asked again."""
        refill = missing / self._rate * _MINUTE_S if missing > 0 else 0.0
        return max(refill, self._closed_until - self._at)

    def _serve(self) -> None:
        self._refill()
        while self._waiting and self._fits(self._waiting[0].tokens):
            waiter = self._waiting.popleft()
            if not waiter.granted.done():  # else it was cancelled in this moment
                self._take_out(waiter.tokens)
                waiter.granted.set_result(True)
        self._arm()

    def _arm(self) -> None:
        """Be woken when the first of those who wait fits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            missing = min(self._waiting[0].tokens, self._capacity) - self._level
            wait = max(self._seconds_for(missing), _SOON_S)
            self._timer = asyncio.get_running_loop().call_later(wait, self._serve)

    def _give_up(self, waiter: _Waiter) -> None:
        if not waiter.granted.done():
            self._waiting.remove(waiter)
            waiter.granted.set_result(False)
            self._serve()

    def _leave(self, waiter: _Waiter) -> None:
        """Let go of one who was cancelled, perhaps just after being served."""
        if not waiter.granted.done() or waiter.granted.cancelled():
            with suppress(ValueError):  # it was passed over since
                self._waiting.remove(waiter)
            self._serve()
        elif waiter.granted.result():
            self.put_back(waiter.tokens, 0.0)


class Buckets:
    """The buckets of one process: releases that call the same profile at the same place share its quota."""

    def __init__(self, now: Callable[[], float] = time.monotonic, *, share: float = 1.0) -> None:
        """`share`: what this process may take of each quota; one of four workers takes a quarter."""
        self._now = now
        self._share = share
        self._buckets: dict[tuple[str, str, str], Bucket] = {}

    def of(self, target: Target, per_minute: int | None = None) -> Bucket:
        """Return the bucket of what is called there, under whatever name; the quota named last counts."""
        key = target.origin, target.region, target.model
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(per_minute, share=self._share, now=self._now)
        elif bucket.per_minute != per_minute:
            bucket.set_quota(per_minute)
        return bucket


def _busy(wait: float) -> CallFailed:
    return CallFailed(Kind.BUSY, "the quota has no room in time", retry_after_s=wait)
