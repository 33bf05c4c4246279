"""Clocks that stand until they are told, a database that fails when it is told, and limits to run into."""

import contextlib
from collections.abc import Callable, Iterator, Sequence

from proviso.budgets import Demand, Kind, LeasedBudget, Limit, Scope, Window
from proviso.errors import StoreUnavailable
from proviso.store import Database, Row, Statements, Value

NOON = 1_790_251_200_000_000  # 2026-09-24T12:00:00Z
SECOND = 1_000_000
ONE = Demand()


class Clocks:
    """A wall clock and a monotonic one; `pass_s` moves both, `set_back_s` the wall's alone."""

    def __init__(self) -> None:
        self.wall = NOON
        self.monotonic = 100.0

    def now(self) -> int:
        return self.wall

    def clock(self) -> float:
        return self.monotonic

    def pass_s(self, seconds: float) -> None:
        self.wall += int(seconds * SECOND)
        self.monotonic += seconds

    def set_back_s(self, seconds: float) -> None:
        self.wall -= int(seconds * SECOND)


class FailingDatabase:
    """A `Database` that fails as often as `before` and `after` say: before it does something, or after that."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.before = 0
        self.after = 0
        self.transactions = 0

    @property
    def name(self) -> str:
        return self._database.name

    def read(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        self._fail_before()
        return self._database.read(sql, values)

    def change(self, sql: str, values: Sequence[Value] = ()) -> int:
        self._fail_before()
        return self._database.change(sql, values)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Statements]:
        self._fail_before()
        self.transactions += 1
        with self._database.transaction() as statements:
            yield statements
        if self.after:
            self.after -= 1
            raise StoreUnavailable("the answer was lost", fix="wait")

    def on_news(self, wake: Callable[[], object]) -> None:
        self._database.on_news(wake)

    def close(self) -> None:
        self._database.close()

    def _fail_before(self) -> None:
        if self.before:
            self.before -= 1
            raise StoreUnavailable("the database is away", fix="wait")


def limit(amount: int, kind: Kind = Kind.REQUESTS, window: Window = Window.DAY, group: str = "") -> Limit:
    return Limit(Scope("policy-qa", group), kind, window, amount, f"cost.limits.{kind}_per_{window}")


def holder(database: Database, clocks: Clocks, writer: str = "w0") -> LeasedBudget:
    return LeasedBudget(database, lambda: writer, clocks.now, clocks.clock)
