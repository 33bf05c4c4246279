"""Credentials that memory does not know: each is tried once at a time, counted, and slowed down if unknown.

Two memories keep good callers out of the brake's way. A credential that was *right* within the hour is no guess
when it must be looked up again; one that was just *refused* is refused again at no cost and counted once, so a
client that repeats a key that was revoked does not lock its neighbours out.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from msgspec import Struct

from proviso.access.claims import TokenRefused
from proviso.access.keys import KeyRefused
from proviso.access.lockout import Lockout
from proviso.errors import Unauthenticated
from proviso.types import Principal

_SECOND = 1_000_000
_RIGHT_US = 3_600 * _SECOND
_REFUSED_US = 30 * _SECOND
_MOST_RIGHT = 20_000
# INVARIANT: more than the brake lets through in 30 s (300 a second, and a burst), so that guesses push none out.
_MOST_REFUSED = 10_000


class _Refusal(Struct, frozen=True):
    until: int
    kind: type[KeyRefused] | type[TokenRefused]
    cause: str
    key: str


class Attempts:
    """What is tried of one kind of credential. `clock`: monotonic microseconds.

    With `counted` a failure counts against its address. Tokens that a service hands on are slowed down only:
    one of its users must not be able to lock the service out.
    """

    def __init__(
        self,
        verify: Callable[[str], Awaitable[Principal]],
        lockout: Lockout,
        clock: Callable[[], int],
        *,
        counted: bool = True,
    ) -> None:
        self._verify = verify
        self._lockout = lockout
        self._clock = clock
        self._counted = counted
        self._right: OrderedDict[bytes, int] = OrderedDict()
        self._refused: OrderedDict[bytes, _Refusal] = OrderedDict()
        self._under_way: dict[bytes, asyncio.Task[Principal]] = {}

    async def check(self, credential: str, peer: str) -> Principal:
        """Return whose credential this is.

        Raises `Unauthenticated`, `TooManyAttempts`, or `Unavailable` where it cannot be known.
        """
        digest = hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()
        task = self._under_way.get(digest)
        if task is None:
            guess = self._admit(digest, peer)
            task = asyncio.create_task(self._try(digest, credential, peer, guess=guess))
            self._under_way[digest] = task
            task.add_done_callback(lambda done: self._ended(digest, done))
        return await asyncio.shield(task)  # a caller that hangs up does not end it for the others

    def forget_refusals(self) -> None:
        """Try again what was refused: the reason may be gone."""
        self._refused.clear()

    def _admit(self, digest: bytes, peer: str) -> bool:
        """Let a credential be tried, or raise; return whether it may be a guess."""
        now = self._clock()
        refusal = self._refused.get(digest)
        if refusal is not None and now < refusal.until:
            raise refusal.kind(refusal.cause, refusal.key)
        if now < self._right.get(digest, now):
            return False
        if self._counted:
            self._lockout.admit(peer)
        else:
            self._lockout.slow(peer)
        return self._counted

    async def _try(self, digest: bytes, credential: str, peer: str, *, guess: bool) -> Principal:
        try:
            principal = await self._verify(credential)
        except Unauthenticated as error:
            self._right.pop(digest, None)
            if guess:
                self._lockout.failed(peer)
            self._note_refusal(digest, error)
            raise
        if guess:
            self._lockout.passed(peer)
        self._right[digest] = self._clock() + _RIGHT_US
        self._right.move_to_end(digest)
        if len(self._right) > _MOST_RIGHT:
            self._right.popitem(last=False)
        return principal

    def _note_refusal(self, digest: bytes, error: Unauthenticated) -> None:
        if isinstance(error, KeyRefused | TokenRefused):
            until = self._clock() + _REFUSED_US
            self._refused[digest] = _Refusal(until, type(error), error.cause, error.key)
            self._refused.move_to_end(digest)
            if len(self._refused) > _MOST_REFUSED:
                self._refused.popitem(last=False)

    def _ended(self, digest: bytes, task: asyncio.Task[Principal]) -> None:
        del self._under_way[digest]
        if not task.cancelled():
            task.exception()  # has been told to whoever still waits
