"""How much of each limit is left, for the command line and the console."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from proviso.budgets.limits import Kind, Limit, Scope, Window, identified
from proviso.budgets.rules import EACH, Limits, Rule
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


def limits_of_all(database: Database, limits: Limits, now: int) -> list[Limit]:
    """Return the limits of an app whoever asks: those that are named, and of the others (`*`) all that are in use.

    In the order of the contract; purposes other than `live` only where they are in use. Of two that count the same,
    the smaller one holds. Waits for the database.
    """
    rows = database.read(
        "SELECT DISTINCT limit_id FROM budget_leases WHERE starts > ? ORDER BY limit_id",
        (now - Window.DAY.length,),
    )
    used = [identified(row[0]) for row in rows]
    found: dict[str, Limit] = {}
    for rule in limits.rules:
        for scope in _scopes(rule, limits.app, used):
            limit = Limit(scope, rule.kind, rule.window, rule.amount, rule.clause)
            if limit.id not in found or limit.amount < found[limit.id].amount:
                found[limit.id] = limit
    return list(found.values())


def _scopes(rule: Rule, app: str, used: Iterable[tuple[Scope, Kind, Window]]) -> Iterator[Scope]:
    stated = rule.stated
    if EACH not in (stated.group, stated.key, stated.model):
        yield Scope(app, stated.group, stated.key, stated.model)
    for scope, kind, window in used:
        pairs = ((stated.group, scope.group), (stated.key, scope.key), (stated.model, scope.model))
        if (scope.app, kind, window) == (app, rule.kind, rule.window) and all(
            bool(name) if wanted == EACH else name == wanted for wanted, name in pairs
        ):
            yield scope


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
