"""What HTTP says about a call of a model: failures by status, when to come back, how long to wait."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from proviso.aws import Patience, TimedOut, TransportFailed, TransportFull
from proviso.models.failure import CallFailed, Kind
from proviso.types import Usage

# What decoding raises for bytes that are no JSON, no UTF-8, of the wrong shape, or nested without end.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeError, RecursionError)

# A number that a provider counts. No call has more tokens; what says so cannot be read, and must not be billed by.
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]

_BY_STATUS: Final = {
    400: Kind.INVALID,
    401: Kind.DENIED,
    402: Kind.QUOTA,
    403: Kind.DENIED,
    404: Kind.NOT_FOUND,
    407: Kind.DENIED,
    408: Kind.MODEL_TIMEOUT,
    424: Kind.MODEL_ERROR,
    429: Kind.THROTTLED,
    500: Kind.INTERNAL,
    502: Kind.UNAVAILABLE,
    503: Kind.UNAVAILABLE,
    504: Kind.SLOW,  # a gateway that has given up waiting: the model may go on
    529: Kind.UNAVAILABLE,  # overloaded, as some providers have it
}
# What a provider says of a request may quote it at length.
_LONGEST_MESSAGE: Final = 300
# What says more means never, or nothing.
_LONGEST_RETRY_AFTER_S: Final = 86_400.0
# How long the end of a body may take of which all is known, so that its connection can be used again.
_LEFTOVERS_S: Final = 0.5


def kind_by_status(status: int) -> Kind:
    """What went wrong, where nothing but the status says so."""
    kind = _BY_STATUS.get(status)
    if kind is not None:
        return kind
    if status < 400:  # a redirection, or a success that is none: not from a model
        return Kind.GARBLED
    return Kind.INVALID if status < 500 else Kind.INTERNAL


def shortened(message: str) -> str:
    """A provider's message in one short line, with nothing that a terminal obeys or a file cannot hold."""
    line = " ".join(message[: 10 * _LONGEST_MESSAGE].split())
    if not line.isprintable():
        line = "".join([character if character.isprintable() else "\ufffd" for character in line])
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]}…"


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """After how many seconds the provider wants to be asked again, where it says so; a day at most.

    `x-amz-retry-after` counts milliseconds; `Retry-After` seconds, or it is a date.
    """
    seconds = _retry_after_s(headers)
    return None if seconds is None else min(seconds, _LONGEST_RETRY_AFTER_S)


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    if (said := headers.get("x-amz-retry-after")) is not None:
        seconds = _number(said)
        return seconds / 1_000 if seconds is not None else None
    said = headers.get("retry-after")
    if said is None:
        return None
    seconds = _number(said)
    if seconds is not None:
        return seconds
    with suppress(ValueError):
        until = parsedate_to_datetime(said)
        if until.tzinfo is None:  # `-0000`, as RFC 5322 has it: UTC from an unknown place
            until = until.replace(tzinfo=UTC)
        return max(0.0, until.timestamp() - time.time())
    return None


def _number(said: str) -> float | None:
    digits = said.strip()
    return float(digits) if digits.isascii() and digits.replace(".", "", 1).isdigit() else None


def patience_until(deadline: float, patience: Patience) -> Patience:
    """The patience that is left before a time of `time.monotonic()`. Raises `CallFailed` (`no_room`) where none is."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise CallFailed(Kind.BUSY, "the deadline had passed before the call was made", usage=Usage())
    whole = left if patience.whole is None else min(left, patience.whole)
    return Patience(min(patience.connect, whole), min(patience.head, whole), min(patience.idle, whole), whole)


def not_carried(error: TransportFailed, *, streaming: bool = False, usage: Usage | None = None) -> CallFailed:
    """The failure of a call whose response did not come whole. `streaming`: the stream had begun."""
    if isinstance(error, TransportFull):
        return CallFailed(Kind.BUSY, error.message, usage=Usage())
    if not error.sent:
        return CallFailed(Kind.CONNECT, error.message, usage=Usage())
    if isinstance(error, TimedOut):
        return CallFailed(Kind.SLOW, error.message, usage=usage)
    return CallFailed(Kind.CUT if streaming else Kind.LOST, error.message, usage=usage)


async def read_out(chunks: AsyncIterator[bytes]) -> None:
    """Read what is left of a body, and soon; nothing of it is needed."""
    with suppress(TransportFailed, TimeoutError):
        async with asyncio.timeout(_LEFTOVERS_S):
            async for _ in chunks:
                pass
