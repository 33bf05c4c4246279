"""A brake on guessing: addresses that fail too often wait, and all unknown credentials together have a rate.

Times are microseconds of a monotonic clock. What is known from memory never comes here.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from proviso.errors import TooMany

V = TypeVar("V")

_SECOND = 1_000_000
FAILURES = 20  # in one window, and an address is locked
WINDOW_US = 60 * _SECOND
FIRST_LOCK_US = 30 * _SECOND  # doubled each time …
LONGEST_LOCK_US = 900 * _SECOND  # … up to this
_REMEMBERED_US = 1_800 * _SECOND  # after a lock has ended, the next one is longer for so long

PER_SECOND = 200  # unknown credentials from anywhere
PER_SECOND_RETURNING = 100  # and from addresses where somebody has come in before, in a lane of their own
_RETURNING_US = 86_400 * _SECOND

# INVARIANT: nobody can push an entry out before its time. Every failure has passed the brake, so there are at most
# 300 a second: 18,300 (with a burst) in a window, and, 20 for a lock, 40,515 locks in 45 minutes.
_MOST_COUNTED = 20_000
_MOST_LOCKED = 45_000
_MOST_RETURNING = 20_000


class TooManyAttempts(TooMany):
    """Too many credentials that are not valid, from one address or from all; try again after `retry_after_s`."""

    code = "too_many_attempts"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            "too many credentials were not valid",
            retry_after_s=retry_after_s,
            fix=f"try again in {retry_after_s} s with a valid one",
        )


class _Lock(Struct):
    until: int
    count: int  # of locks in a row


class _Bucket:
    """A token bucket: `rate` a second, and as many at once."""

    def __init__(self, rate: int, now: int) -> None:
        self._rate = rate
        self._full = now  # when it was, or will be, full

    def take(self, now: int) -> bool:
        """Take one, if there is one."""
        full = max(self._full, now) + _SECOND // self._rate
        if full > now + _SECOND:
            return False
        self._full = full
        return True


class Lockout:
    """Counts failed credentials by client address: one IPv4 address, or one IPv6 network of 64 bits."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        now = clock()
        self._anybody = _Bucket(PER_SECOND, now)
        self._returning_lane = _Bucket(PER_SECOND_RETURNING, now)
        self._failures: OrderedDict[str, list[int]] = OrderedDict()  # each ordered by its last change
        self._locks: OrderedDict[str, _Lock] = OrderedDict()
        self._returning: OrderedDict[str, int] = OrderedDict()

    def admit(self, peer: str) -> None:
        """Let an unknown credential be tried; raise `TooManyAttempts`."""
        now = self._clock()
        lock = self._locks.get(network(peer))
        if lock is not None and now < lock.until:
            raise TooManyAttempts(-(-(lock.until - now) // _SECOND))
        self.slow(peer)

    def slow(self, peer: str) -> None:
        """Let one more credential be verified, by the rate alone; raise `TooManyAttempts`."""
        now = self._clock()
        seen = self._returning.get(network(peer))
        returning = seen is not None and now - seen < _RETURNING_US
        if not (returning and self._returning_lane.take(now)) and not self._anybody.take(now):
            raise TooManyAttempts(1)

    def failed(self, peer: str) -> None:
        """Count a credential that was admitted and is not valid."""
        now, name = self._clock(), network(peer)
        lock = self._locks.get(name)
        if lock is not None and now < lock.until:
            return  # it was admitted before the lock: one burst is one lock
        recent = [at for at in self._failures.pop(name, ()) if now - at < WINDOW_US]
        recent.append(now)
        if len(recent) >= FAILURES:
            self._lock(name, now)
        else:
            self._failures[name] = recent
        while self._failures and now - next(iter(self._failures.values()))[-1] >= WINDOW_US:
            self._failures.popitem(last=False)
        _shorten(self._failures, _MOST_COUNTED)

    def passed(self, peer: str) -> None:
        """Note that somebody came in. It forgives no failure: a guesser may hold a credential of his own."""
        name = network(peer)
        self._returning[name] = self._clock()
        self._returning.move_to_end(name)
        _shorten(self._returning, _MOST_RETURNING)

    def _lock(self, name: str, now: int) -> None:
        before = self._locks.pop(name, None)
        count = before.count + 1 if before and now - before.until < _REMEMBERED_US else 1
        lasts = min(FIRST_LOCK_US << min(count - 1, 10), LONGEST_LOCK_US)
        self._locks[name] = _Lock(now + lasts, count)
        _shorten(self._locks, _MOST_LOCKED)


def network(peer: str) -> str:
    """Return what an address is counted as."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return peer[:64]  # a Unix socket, or a server's own word for it
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Address(int(address) >> 64 << 64)) + "/64"


def _shorten(entries: OrderedDict[str, V], most: int) -> None:
    while len(entries) > most:
        entries.popitem(last=False)
