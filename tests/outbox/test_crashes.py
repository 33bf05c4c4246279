"""A sender that ends at any of its steps: the message arrives all the same."""

import contextlib
from collections.abc import Callable, Iterator, Sequence

import pytest

from proviso.outbox import MemoryTransport, Message, Queue, Receipt, Sender
from proviso.outbox.queue import LEASE_S
from proviso.store import Database, Row, Statements, Value
from tests.outbox.made import House, revoked


class Crash(BaseException):
    """The end of a process: nothing that it would have done happens any more."""


class Fuse:
    """Lets so many steps pass, and none after them."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Crash


class Within:
    """A transaction of a process that may end."""

    def __init__(self, statements: Statements, fuse: Fuse) -> None:
        self.statements, self.fuse = statements, fuse

    def read(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        self.fuse.step()
        return self.statements.read(sql, values)

    def change(self, sql: str, values: Sequence[Value] = ()) -> int:
        self.fuse.step()
        return self.statements.change(sql, values)


class Doomed(Within):
    """The database as seen by a process that may end before and after every statement and commit."""

    def __init__(self, database: Database, fuse: Fuse) -> None:
        super().__init__(database, fuse)
        self.database = database

    def change(self, sql: str, values: Sequence[Value] = ()) -> int:
        changed = super().change(sql, values)
        self.fuse.step()
        return changed

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Statements]:
        with self.database.transaction() as statements:
            yield Within(statements, self.fuse)
            self.fuse.step()
        self.fuse.step()

    @property
    def name(self) -> str:
        return self.database.name

    def on_news(self, wake: Callable[[], object]) -> None:
        self.database.on_news(wake)

    def close(self) -> None:
        self.database.close()


class DoomedTransport:
    """A transport of a process that may end before and after the message has left."""

    def __init__(self, inner: MemoryTransport, fuse: Fuse) -> None:
        self.inner, self.fuse = inner, fuse

    async def send(self, message: Message) -> Receipt:
        self.fuse.step()
        receipt = await self.inner.send(message)
        self.fuse.step()
        return receipt


@pytest.mark.parametrize("steps", range(10))
async def test_a_sender_may_end_after_any_step_and_the_message_arrives(house: House, steps: int) -> None:
    house.put(revoked())
    fuse, ops = Fuse(steps), MemoryTransport()
    doomed = Doomed(house.control.database, fuse)
    sender = Sender(Queue(doomed, house.clock), {"ops": DoomedTransport(ops, fuse)})
    crashed = False
    try:
        await sender.once()
    except BaseExceptionGroup:
        crashed = True
    assert crashed == (steps < 9)  # 9 steps lead from looking to having settled
    house.clock.turn(LEASE_S)
    await house.sender(ops=ops).once()
    assert house.states() == ["delivered"]
    assert {message.id for message in ops.received} == {house.queue.list()[0].id}
