"""What the tests of the outbox share: a clock to turn, notices, and an outbox over a store in a folder."""

from collections.abc import Sequence

from msgspec import Struct

from proviso.outbox import Destination, Message, Notice, Outbox, Queue, Sender, Transport
from proviso.outbox.queue import SECOND
from proviso.store import Control

NOW = 1_750_000_000_000_000
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OPS = Destination("ops", ("key.*", "budget.reached"))
AUDIT = Destination("audit", ("*",))


class Clock:
    """UTC microseconds since the epoch, moved by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


class House(Struct):
    """A store with an outbox."""

    control: Control
    clock: Clock
    outbox: Outbox
    queue: Queue

    def put(self, *notices: Notice) -> None:
        """Put notices in one transaction."""
        with self.control.database.transaction() as statements:
            for notice in notices:
                self.outbox.put(statements, notice)

    def states(self) -> list[str]:
        """Return the states of all messages, the oldest first."""
        return [held.state for held in reversed(self.queue.list())]

    def sender(self, **transports: Transport) -> Sender:
        """Return a sender without spread in its waits."""
        return Sender(self.queue, transports, draw=lambda: 0.5)


def open_house(control: Control, clock: Clock, destinations: Sequence[Destination] = (OPS,)) -> House:
    """Set up an outbox over a store."""
    outbox = Outbox("vantholm", destinations, clock)
    return House(control, clock, outbox, Queue(control.database, clock))


def revoked(key: str = "k1") -> Notice:
    """A notice that `ops` and `audit` want."""
    return Notice("key.revoked", NOW, {"key": key})


def message(number: int = 1) -> Message:
    """A message as a transport gets it."""
    return Message(
        id=f"0197-{number}",
        destination="ops",
        address="",
        topic="key.revoked",
        title="An API key was revoked",
        text=f"The API key k{number} was revoked.",
        body=b'{"facts":{"key":"k%d"}}' % number,
    )
