"""The shared tables: who holds which share of each window. Statements for both engines, each short.

INVARIANT: the shares of a limit and window, of holders alive or dead, never add up to more than its amount
when one of them grows. A share is all that its holder has reserved, spent or may still give, so nobody needs to
know how much of it is used: what a dead holder had counts as spent until its row is lowered by the record.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from proviso.budgets.limits import Kind, Scope, Window, identified
from proviso.store import Database, Row, Statements, Value

# How long rows stay after their window has ended. Days are kept so that a clock set back finds them spent.
_KEEP = {Window.MINUTE: 2 * 3_600_000_000, Window.DAY: 2 * 86_400_000_000}
_PIECES = 8  # a share is at most this part of what is left, for each holder …
_ALONE = 2  # … and this part for a holder that is alone

_WRITE = (
    "INSERT INTO budget_leases(limit_id, starts, epoch, share, spent, reserved, removable, settled)"
    " VALUES {rows} ON CONFLICT(limit_id, starts, epoch) DO UPDATE"
    " SET share = excluded.share, spent = excluded.spent, reserved = excluded.reserved"
)


class Order(Struct, frozen=True):
    """What a holder says of one tally, and asks: `keep` is its share at least, `wanted` what it needs in all.

    `least` is the smallest demand that waits, `free` what it has free of its share, `debt` by how much it has
    spent beyond its share, which `keep` includes.
    """

    limit_id: str
    window: Window
    starts: int
    amount: int
    keep: int
    spent: int
    reserved: int
    free: int = 0
    debt: int = 0
    wanted: int = 0
    least: int = 0

    @property
    def short(self) -> int:
        """How much is missing."""
        return max(0, self.wanted - self.free)


class Grant(Struct, frozen=True, gc=False):
    """What came of an order: by how much the share grew, what nobody holds, what others say they have spent."""

    amount: int = 0
    room: int = 0
    settled: int = 0


class Holder(Struct, frozen=True, gc=False):
    """A process that holds shares; every renewal raises `beat`."""

    epoch: int
    beat: int


class Orphan(Struct, frozen=True):
    """A share whose holder is fenced off: it counts as spent, whole, until it is reconciled with the record.

    `writer` is the name under which the holder wrote its record, from `began` to `until`, when the next holder
    of that name began, or 0 if there is none; `spent` and `reserved` are what it said last. Times are UTC
    microseconds, `starts` included, `ends` not.
    """

    writer: str
    epoch: int
    began: int
    until: int
    scope: Scope
    kind: Kind
    window: Window
    limit_id: str
    starts: int
    ends: int
    share: int
    spent: int
    reserved: int


def register(database: Database, writer: str, now: int) -> int:
    """Become a holder; return the epoch, which no other holder ever has."""
    with database.transaction() as statements:
        epoch = int(statements.read("SELECT COALESCE(MAX(epoch), 0) + 1 FROM budget_holders")[0][0])
        statements.change(
            "INSERT INTO budget_holders(epoch, writer, began, renewed, beat, fenced) VALUES(?,?,?,?,0,0)",
            (epoch, writer, now, now),
        )
    return epoch


def renew(
    database: Database, epoch: int, now: int, orders: Sequence[Order], *, among: int
) -> list[Grant] | None:
    """Renew a holder's lease, write what its shares are, and let those grow that must; None if it is fenced off."""
    with database.transaction() as statements:
        renewed = "UPDATE budget_holders SET beat = beat + 1, renewed = ? WHERE epoch = ? AND fenced = 0"
        if not statements.change(renewed, (now, epoch)):
            return None
        grants = [_grant(statements, epoch, order, among) if order.short else Grant() for order in orders]
        if orders:
            _write(statements, epoch, orders, grants)
        return grants


def portion(room: int, holders: int) -> int:
    """Return how much of what is left one of so many holders takes in advance: nothing when little is left."""
    return room // (_ALONE if holders <= 1 else _PIECES * holders)


def _grant(statements: Statements, epoch: int, order: Order, among: int) -> Grant:
    # Of a fenced holder everything counts, of the others what they said last that they have spent.
    sql = (
        "SELECT COALESCE(SUM(l.share), 0), COALESCE(SUM(CASE WHEN h.fenced = 0 THEN l.spent ELSE l.share END), 0)"
        " FROM budget_leases l JOIN budget_holders h ON h.epoch = l.epoch"
        " WHERE l.limit_id = ? AND l.starts = ? AND l.epoch != ?"
    )
    row = statements.read(sql, (order.limit_id, order.starts, epoch))[0]
    shares, settled = int(row[0]), int(row[1])
    room = max(0, order.amount - shares - order.keep)
    amount = 0
    if room + order.free >= order.least:
        amount = min(room, max(order.short, portion(room, among)))
    if amount < order.short:
        _call_in(statements, order)
    return Grant(amount, room - amount, settled)


def _call_in(statements: Statements, order: Order) -> None:
    """Ask the other holders to give back what they do not use."""
    number = "(SELECT COALESCE(MAX(number), 0) + 1 FROM budget_calls)"
    statements.change(
        f"INSERT INTO budget_calls(limit_id, starts, number, removable) VALUES(?,?,{number},?)"
        " ON CONFLICT(limit_id, starts) DO UPDATE SET number = excluded.number",
        (order.limit_id, order.starts, _removable(order)),
    )


def _write(statements: Statements, epoch: int, orders: Sequence[Order], grants: Sequence[Grant]) -> None:
    values: list[Value] = []
    for order, grant in zip(orders, grants, strict=True):
        share = order.keep + grant.amount
        values += (order.limit_id, order.starts, epoch, share, order.spent, order.reserved, _removable(order))
    rows = ",".join(["(?,?,?,?,?,?,?,0)"] * len(orders))
    statements.change(_WRITE.format(rows=rows), values)


def _removable(order: Order) -> int:
    return order.starts + order.window.length + _KEEP[order.window]


# --- what the other holders do --------------------------------------------------------------------


def holders(database: Database) -> list[Holder]:
    """Return those that are not fenced off."""
    return [Holder(*row) for row in database.read("SELECT epoch, beat FROM budget_holders WHERE fenced = 0")]


def calls(database: Database, after: int) -> list[tuple[str, int, int]]:
    """Return limit, window's start and number of the calls for shares since a number."""
    rows = database.read(
        "SELECT limit_id, starts, number FROM budget_calls WHERE number > ? ORDER BY number", (after,)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def fence(database: Database, silent: Iterable[Holder]) -> None:
    """Fence off those that have not renewed since they were seen: their renewals are refused from now on."""
    with database.transaction() as statements:
        for holder in silent:
            statements.change(
                "UPDATE budget_holders SET fenced = 1 WHERE epoch = ? AND beat = ?",
                (holder.epoch, holder.beat),
            )


def leave(database: Database, epoch: int) -> None:
    """Fence a holder off by its own wish: it has written what it used, and nothing of it is left to reconcile."""
    with database.transaction() as statements:
        statements.change("UPDATE budget_holders SET fenced = 1 WHERE epoch = ?", (epoch,))
        statements.change("UPDATE budget_leases SET settled = 1 WHERE epoch = ?", (epoch,))


def orphans(database: Database, now: int) -> list[Orphan]:
    """Return the shares of fenced holders that are not reconciled, of windows that have not ended."""
    rows = database.read(
        "SELECT h.writer, h.epoch, h.began, COALESCE((SELECT MIN(n.began) FROM budget_holders n"
        " WHERE n.writer = h.writer AND n.epoch > h.epoch), 0), l.limit_id, l.starts, l.share, l.spent, l.reserved"
        " FROM budget_leases l JOIN budget_holders h ON h.epoch = l.epoch"
        " WHERE h.fenced = 1 AND l.settled = 0 AND l.starts > ? ORDER BY h.epoch, l.limit_id, l.starts",
        (now - Window.DAY.length,),
    )
    found = [_orphan(row) for row in rows]
    return [orphan for orphan in found if orphan.ends > now]


def _orphan(row: Row) -> Orphan:
    writer, epoch, began, until, limit_id, starts, share, spent, reserved = row
    scope, kind, window = identified(limit_id)
    return Orphan(
        writer=writer, epoch=epoch, began=began, until=until, scope=scope, kind=kind, window=window, limit_id=limit_id,
        starts=starts, ends=starts + window.length, share=share, spent=spent, reserved=reserved,
    )  # fmt: skip


def reconcile(database: Database, orphan: Orphan, actual: int) -> int:
    """Lower a fenced holder's share to what it really used; return how much came back."""
    share = min(orphan.share, max(actual, orphan.spent))
    changed = database.change(
        "UPDATE budget_leases SET share = ?, spent = ?, reserved = 0, settled = 1"
        " WHERE limit_id = ? AND starts = ? AND epoch = ? AND settled = 0"
        " AND epoch IN (SELECT epoch FROM budget_holders WHERE fenced = 1)",
        (share, share, orphan.limit_id, orphan.starts, orphan.epoch),
    )
    return orphan.share - share if changed else 0


def clean(database: Database, now: int) -> None:
    """Remove what is of no window that could come again, by the clocks of all holders, and who holds nothing."""
    with database.transaction() as statements:
        slowest = statements.read("SELECT MIN(renewed) FROM budget_holders WHERE fenced = 0")[0][0]
        until = now if slowest is None else min(now, int(slowest))
        statements.change("DELETE FROM budget_leases WHERE removable < ?", (until,))
        # The last number stays, so that numbers go on rising.
        statements.change(
            "DELETE FROM budget_calls WHERE removable < ? AND number < (SELECT MAX(number) FROM budget_calls)",
            (until,),
        )
        statements.change(
            "DELETE FROM budget_holders WHERE fenced = 1 AND renewed < ?"
            " AND epoch < (SELECT MAX(epoch) FROM budget_holders)"
            " AND epoch NOT IN (SELECT epoch FROM budget_leases)",
            (until - _KEEP[Window.DAY],),
        )
