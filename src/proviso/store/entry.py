"""What a writer appends: an entry for each event, with what else must become durable in the same moment."""

from collections.abc import Iterable
from operator import add

from msgspec import Struct

# The sums that a rollup keeps, in the order of `Increment.amounts` and of the table's columns.
AMOUNTS = ("requests", "cited", "duration_us", "input_tokens", "output_tokens", "cost_micro_usd")
Amounts = tuple[int, int, int, int, int, int]

NO_BUCKET = -1


class Increment(Struct, frozen=True, gc=False):
    """What one event adds to one cell of the minute rollups."""

    minute: int  # minutes since the epoch
    cell: int  # 64 bits of the labels' SHA-256, signed
    labels: str  # sorted JSON
    amounts: Amounts
    bucket: int = NO_BUCKET  # of the histogram of durations


class Entry(Struct, frozen=True):
    """One event and what belongs to it. `run` is empty for an event that is of no run."""

    kind: str
    at: int
    app: str
    run: str
    body: bytes
    subject: str = ""
    payload: bytes | None = None
    opens: bool = False  # the run has started, and must end or become a gap
    closes: bool = False
    may_spool: bool = False  # its reply may leave before the store has it, while the store is away
    increments: tuple[Increment, ...] = ()


class Sums(Struct, frozen=True):
    """The increments of many entries, added up: one row for each cell that is touched."""

    cells: list[tuple[int, str]]
    rollups: list[tuple[int, ...]]
    durations: list[tuple[int, int, int, int]]


def add_up(entries: Iterable[Entry]) -> Sums:
    """Add the increments up, so that a busy cell costs one row a commit and not one a run."""
    labels: dict[int, str] = {}
    amounts: dict[tuple[int, int], Iterable[int]] = {}
    buckets: dict[tuple[int, int, int], int] = {}
    for entry in entries:
        for step in entry.increments:
            place = (step.minute, step.cell)
            known = amounts.get(place)
            amounts[place] = step.amounts if known is None else tuple(map(add, known, step.amounts))
            labels[step.cell] = step.labels
            if step.bucket != NO_BUCKET:
                fine = (step.minute, step.cell, step.bucket)
                buckets[fine] = buckets.get(fine, 0) + 1
    return Sums(
        cells=list(labels.items()),
        rollups=[(*place, *sums) for place, sums in amounts.items()],
        durations=[(*place, count) for place, count in buckets.items()],
    )
