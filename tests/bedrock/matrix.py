"""The fault matrix: what each fault of the simulator is to us, what we do, and what the caller gets."""

from collections.abc import Iterator

from msgspec import Struct

from proviso.models.failure import CONSEQUENCES, Kind

_NEXT = "calls the next place"
_AGAIN = "calls once more where no other place would lose its turn by it, then the next place"
_PAID = "counts it as charged for the most that it may cost; calls the next place, the last one once more"
_PAID_FOR = "counts what it says that it used; calls the next place, the last one once more"
_REFUSED = "refusal `unavailable`"

ANSWERED, UNFINISHED = "answered", "answered (`stop: unknown`)"


class Row(Struct, frozen=True):
    """Faults that are the same to us. `recorded`: the outcome of the attempt; `gets`: where every place has it."""

    recorded: str
    faults: tuple[str, ...]
    does: str
    gets: str = _REFUSED


ROWS = (
    Row(
        Kind.THROTTLED,
        ("throttling", "retry-after", "stream-throttling"),
        f"slows down all calls of that place, waits as long as it is told; {_AGAIN}",
    ),
    Row(Kind.QUOTA, ("quota-exceeded",), _NEXT),
    Row(Kind.NOT_READY, ("model-not-ready",), _AGAIN),
    Row(Kind.UNAVAILABLE, ("unavailable", "html-error", "regional-outage", "stream-unavailable"), _AGAIN),
    Row(Kind.INTERNAL, ("internal", "stream-internal", "stream-error"), _PAID),
    Row(Kind.MODEL_TIMEOUT, ("model-timeout",), _PAID),
    Row(Kind.MODEL_ERROR, ("model-error", "stream-model-error"), _PAID),
    Row(Kind.LOST, ("reset-before", "reset-during", "wrong-length"), _PAID),
    Row(
        Kind.SLOW,
        ("never-ends",),
        "waits for 60 % of the deadline; counts it as charged; calls the next place with the rest",
        "refusal `deadline` or `unavailable`, at the deadline",
    ),
    Row(Kind.CUT, ("stream-cut-in-frame", "stream-cut-before-stop", "stream-closed"), _PAID),
    Row(
        Kind.GARBLED,
        (
            "bad-crc",
            "bad-prelude-crc",
            "bad-length",
            "garbage",
            "half-json",
            "no-usage",
            "duplicate-stop",
        ),
        _PAID,
    ),
    Row(Kind.EMPTY, ("empty-end-turn",), _PAID_FOR),
    Row(Kind.MALFORMED, ("malformed-tool-use", "malformed-output"), _PAID_FOR),
    Row(Kind.UNGUARDED, ("missing-trace",), "counts what it says that it used; calls the next place"),
    Row(Kind.EXPIRED, ("expired-token",), f"looks for newer credentials, and if there are none {_AGAIN}"),
    Row(Kind.DENIED, ("access-denied",), _NEXT),
    Row(Kind.NOT_FOUND, ("not-found",), _NEXT),
    Row(Kind.INVALID, ("validation", "stream-validation"), _NEXT),
    Row(UNFINISHED, ("unknown-stop",), "takes it for no whole answer", "refusal `failed_check`"),
    Row(
        ANSWERED,
        ("slow-first-byte", "idle-gap", "split-utf8", "tiny-writes", "unknown-event"),
        "nothing: it is late or strange, and whole",
        "the answer",
    ),
)

# Of ConverseStream only: requests draft through Converse, to which it cannot happen.
OF_STREAMS = frozenset(
    fault for row in ROWS for fault in row.faults if fault.startswith(("stream-", "bad-"))
) | {"duplicate-stop", "unknown-event"}
# Of calls with a guardrail only.
OF_GUARDS = frozenset({"missing-trace"})

ROW_OF = {fault: row for row in ROWS for fault in row.faults}


def kind_of(fault: str) -> Kind | None:
    """Return the failure that a fault is to us; None: the call has an answer."""
    recorded = ROW_OF[fault].recorded
    return Kind(recorded) if recorded in CONSEQUENCES else None


def table() -> Iterator[str]:
    """Return the lines of the table in the documentation."""
    yield "| recorded as | the simulator's faults | what Proviso does | where every place has it the caller gets |"
    yield "|---|---|---|---|"
    for row in ROWS:
        recorded = row.recorded if row.recorded == UNFINISHED else f"`{row.recorded}`"
        yield f"| {recorded} | {', '.join(row.faults)} | {row.does} | {row.gets} |"
