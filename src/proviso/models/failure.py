"""Why one call of a hosted model failed, and what follows from it: the one table that retries and records go by."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from proviso.errors import ModelUnavailable
from proviso.types import Usage


class Kind(StrEnum):
    """What went wrong. The record names it by its value."""

    THROTTLED = "throttled"  # 429, also in mid-stream
    QUOTA = "quota_exceeded"
    NOT_READY = "model_not_ready"
    UNAVAILABLE = "service_unavailable"  # 503
    INTERNAL = "internal"  # 500, also in mid-stream
    MODEL_TIMEOUT = "model_timeout"  # 408
    MODEL_ERROR = "model_error"  # 424, and modelStreamErrorException
    CONNECT = "connect"  # no connection: nothing was sent
    LOST = "connection_lost"  # cut off after the request was sent
    SLOW = "slow"  # silent for too long: no first byte, or a gap
    CUT = "stream_cut"  # a stream without `messageStop`, or cut inside a frame
    GARBLED = "garbled"  # a frame or a body that cannot be read
    EMPTY = "empty"  # an answer with nothing in it that says that it is whole
    MALFORMED = "malformed"  # the model wrote a tool call or an output that is not well formed
    UNGUARDED = "unguarded"  # a guardrail was asked for and its trace is missing
    EXPIRED = "credentials_expired"
    DENIED = "access_denied"
    NOT_FOUND = "model_not_found"  # unknown, or at the end of its life
    INVALID = "invalid"  # the provider does not take the request
    NO_CREDENTIALS = "no_credentials"
    OPEN = "circuit_open"  # not tried: it has failed too often just now
    BUSY = "no_room"  # not tried: our own token bucket has no room within the deadline
    COSTLY = "too_costly"  # not tried: it could cost more than is left for this draft


class Consequence(Struct, frozen=True):
    """What follows from a failure. `again`: the same target may be tried again; `elsewhere`: another one may.

    `breaks`: it counts against the target's circuit. `charged`: the provider may charge for it.
    """

    again: bool
    elsewhere: bool
    breaks: bool
    charged: bool


_PASSING = Consequence(again=True, elsewhere=True, breaks=True, charged=False)
_BEGUN = Consequence(again=True, elsewhere=True, breaks=True, charged=True)
_OF_THE_TARGET = Consequence(again=False, elsewhere=True, breaks=False, charged=False)

CONSEQUENCES: Final[dict[Kind, Consequence]] = {
    # Throttling is answered by waiting, not by opening a circuit: the bucket slows down instead.
    Kind.THROTTLED: Consequence(again=True, elsewhere=True, breaks=False, charged=False),
    Kind.QUOTA: _OF_THE_TARGET,
    Kind.NOT_READY: _PASSING,
    Kind.UNAVAILABLE: _PASSING,
    Kind.INTERNAL: _BEGUN,
    Kind.MODEL_TIMEOUT: _BEGUN,
    Kind.MODEL_ERROR: _BEGUN,
    Kind.CONNECT: _PASSING,
    Kind.LOST: _BEGUN,
    Kind.SLOW: _BEGUN,
    Kind.CUT: _BEGUN,
    Kind.GARBLED: _BEGUN,
    Kind.EMPTY: Consequence(again=True, elsewhere=True, breaks=False, charged=True),
    Kind.MALFORMED: Consequence(again=True, elsewhere=True, breaks=False, charged=True),
    # A guardrail that does not run here will not run at the next try either; elsewhere it may be bound rightly.
    Kind.UNGUARDED: Consequence(again=False, elsewhere=True, breaks=False, charged=True),
    Kind.EXPIRED: Consequence(again=True, elsewhere=True, breaks=False, charged=False),
    Kind.DENIED: _OF_THE_TARGET,
    Kind.NOT_FOUND: _OF_THE_TARGET,
    # Another model may take what this one does not (its context is larger); the same never will.
    Kind.INVALID: _OF_THE_TARGET,
    Kind.NO_CREDENTIALS: _OF_THE_TARGET,
    Kind.OPEN: _OF_THE_TARGET,
    Kind.BUSY: _OF_THE_TARGET,
    Kind.COSTLY: _OF_THE_TARGET,
}


class CallFailed(ModelUnavailable):
    """One call failed. `usage`: what it may be charged for, as far as it is known; None: unknown."""

    def __init__(
        self, kind: Kind, message: str, *, retry_after_s: float | None = None, usage: Usage | None = None
    ) -> None:
        super().__init__(message, fix="see `proviso doctor`, and the run's attempts")
        self.kind = kind
        self.retry_after_s = retry_after_s
        self.usage = usage
