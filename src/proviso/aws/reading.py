"""What all transports have in common: what they say of themselves and of failures, and how much they read."""

import asyncio
import contextlib
from collections.abc import Mapping

from proviso.aws.protocol import TimedOut, TransportFailed, TransportFull

DEFAULTS = {"Accept-Encoding": "identity", "User-Agent": "proviso"}  # where a request says nothing else
MOST_BODY = 64 * 1024 * 1024  # bytes of a body, also of a stream; Bedrock's largest answers have 25 MB


def failed(origin: str, error: BaseException, *, sent: bool) -> TransportFailed:
    """Return the error of our own for one of a library: where, what kind, and what it says.

    INVARIANT: what is wrong with a value may repeat it, and it may be a secret: of that only the kind is told.
    """
    of_value = isinstance(error, ValueError) and not isinstance(error, OSError)  # a bad certificate is both
    said = "" if of_value else " ".join(str(error).split())[:200]
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    where = "broke off" if sent else "cannot be reached"
    return TransportFailed(f"`{origin}` {where} ({what})", sent=sent, fix="look at the network between")


def timed_out(origin: str, verb: str, *, sent: bool) -> TimedOut:
    """Return the error for what did not connect, answer or go on in time."""
    return TimedOut(f"`{origin}` did not {verb} in time", sent=sent, fix="look at it, or allow more time")


def full(origin: str) -> TransportFull:
    """Return the error for a request that got no connection because all are in use."""
    return TransportFull(
        f"every connection is in use, none is left for `{origin}`", sent=False, fix="ask less at once"
    )


def allow_head(limit: asyncio.Timeout, head: float, ends: float) -> None:
    """Give the other side its time for the head, now that the request is on its way."""
    with contextlib.suppress(RuntimeError):  # it is over already
        limit.reschedule(min(asyncio.get_running_loop().time() + head, ends))


def refuse_more_than(size: int, origin: str) -> None:
    """Refuse a body that would fill the memory; raise `TransportFailed`."""
    if size > MOST_BODY:
        raise TransportFailed(f"`{origin}` answers with more than {MOST_BODY} bytes", sent=True)


def refuse_without_length(status: int, headers: Mapping[str, str], origin: str) -> None:
    """Refuse a body that ends with its connection: nobody could tell it from one that was cut off."""
    if "Content-Length" in headers or status in {204, 304}:
        return
    if "chunked" not in headers.get("Transfer-Encoding", "").lower():
        raise TransportFailed(
            f"`{origin}` does not say how long its answer is", sent=True, fix="look at what stands between"
        )
