"""How much of each limit is left, for the command line and the console."""

from collections.abc import Iterable

from msgspec import Struct

from proviso.budgets.limits import Limit
from proviso.store import Database

_SILENT = 12_000_000  # as in `leased.SILENCE_S`: a holder that has not renewed for longer counts as dead


class Standing(Struct, frozen=True):
    """A limit in its present window: `spent + leased + remaining` is its amount, unless it was exceeded.

    `spent` is what was settled, as of a second ago, and all of a dead process's share; `leased` is what
    processes have reserved or may still give; `resets` is the window's end, UTC microseconds.
    """

    limit: Limit
    spent: int
    leased: int
    remaining: int
    resets: int


def standing(database: Database, limits: Iterable[Limit], now: int) -> list[Standing]:
    """Return how limits stand; `now` is UTC in microseconds. Waits for the database."""
    return [_standing(database, limit, now) for limit in limits]


def _standing(database: Database, limit: Limit, now: int) -> Standing:
    starts = now - now % limit.window.length
    row = database.read(
        "SELECT COALESCE(SUM(l.share), 0),"
        " COALESCE(SUM(CASE WHEN h.fenced = 0 AND h.renewed > ? THEN l.spent ELSE l.share END), 0)"
        " FROM budget_leases l JOIN budget_holders h ON h.epoch = l.epoch"
        " WHERE l.limit_id = ? AND l.starts = ?",
        (now - _SILENT, limit.id, starts),
    )[0]
    shares, spent = int(row[0]), int(row[1])
    left = max(0, limit.amount - shares)
    return Standing(limit, spent, shares - spent, left, starts + limit.window.length)
