"""The messages of the outbox: claimed by one sender at a time, settled, listed and given another try.

All times are UTC microseconds since the epoch, of the clock of whoever calls. A claim holds for `LEASE_S`; a sender
gives up long before that, so clocks of replicas may differ by half a minute.
"""

from collections.abc import Callable, Collection, Sequence

from msgspec import Struct

from proviso.errors import NotFound
from proviso.outbox.message import Message
from proviso.outbox.outbox import NEWS
from proviso.store import Database, Row, Statements, Tables

LEASE_S = 60
MOST_ATTEMPTS = 12

SECOND = 1_000_000
_DAY = 86_400 * SECOND
_KEEP_DELIVERED = 7 * _DAY
_KEEP_DEAD = 90 * _DAY
_WAIT_FOR_A_SENDER = 2 * _DAY
_AT_A_TIME = 500  # rows that one transaction removes: others wait for it

_CRASHED = "every process that sent it ended while it did"
_NOBODY = "its destination is not in proviso.yaml, for two days at least"

_BURY = "UPDATE outbox SET state = 'dead', holder = '', reason = ?, settled = ? WHERE id = ?"
# `state <> 'waiting'` and `state = 'waiting'` are what the two indexes are made for.
_REMOVE = (
    "DELETE FROM outbox WHERE id IN"
    " (SELECT id FROM outbox WHERE state = ? AND state <> 'waiting' AND settled < ? LIMIT ?)"
)
_GIVE_UP = (
    "UPDATE outbox SET state = 'dead', holder = '', reason = ?, settled = ? WHERE id IN"
    " (SELECT id FROM outbox WHERE state = 'waiting' AND destination = ? AND queued < ? AND due <= ? LIMIT ?)"
)

_AGAIN = "UPDATE outbox SET state = 'waiting', due = ?, queued = ?, attempts = 0, reason = '', settled = 0"
_RETRY = f"{_AGAIN} WHERE id = ? AND (state = 'dead' OR (state = 'waiting' AND holder = ''))"
_RETRY_DEAD = f"{_AGAIN} WHERE state = 'dead'"


class Held(Struct, frozen=True):
    """A message in the table, as operators see it."""

    id: str
    destination: str
    address: str
    topic: str
    at: int
    title: str
    state: str  # waiting | delivered | dead
    attempts: int
    due: int
    reason: str


class Queue:
    """The messages of one database. Every call waits for it: on an event loop call them in a thread."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now

    # --- for senders ------------------------------------------------------------------------------

    def due(self) -> list[str]:
        """Return the destinations that have messages due; changes nothing and takes no lock."""
        sql = "SELECT DISTINCT destination FROM outbox WHERE state = 'waiting' AND due <= ?"
        return [str(name) for (name,) in self._database.read(sql, (self._now(),))]

    def claim(self, destination: str, holder: str, most: int) -> list[Message]:
        """Take the messages that are due the longest; nobody else gets them before the lease ends.

        An attempt counts from here, so that a message which ends its senders is given up in the end.
        """
        sql = (
            "SELECT id, destination, address, topic, title, text, body, attempts FROM outbox"
            " WHERE state = 'waiting' AND destination = ? AND due <= ? ORDER BY due, id LIMIT ?"
        )
        with self._database.transaction() as statements:
            now = self._now()
            rows = statements.read(sql, (destination, now, most))
            return [_message(row) for row in rows if self._held(statements, row, holder, now)]

    def _held(self, statements: Statements, row: Row, holder: str, now: int) -> bool:
        if row[7] >= MOST_ATTEMPTS:
            statements.change(_BURY, (_CRASHED, now, row[0]))
            return False
        sql = "UPDATE outbox SET holder = ?, due = ?, attempts = attempts + 1 WHERE id = ?"
        statements.change(sql, (holder, now + LEASE_S * SECOND, row[0]))
        return True

    def delivered(self, message: Message) -> None:
        """Note that a message has arrived. That stays true if its lease has ended in the meantime."""
        sql = (
            "UPDATE outbox SET state = 'delivered', holder = '', reason = '', settled = ?"
            " WHERE id = ? AND state <> 'delivered'"
        )
        self._database.change(sql, (self._now(), message.id))

    def postpone(self, message: Message, holder: str, wait_us: int, reason: str) -> None:
        """Try a message again later; nothing happens to one that somebody else holds by now."""
        sql = (
            "UPDATE outbox SET holder = '', due = ?, reason = ?"
            " WHERE id = ? AND state = 'waiting' AND holder = ? AND attempts = ?"
        )
        values = (self._now() + wait_us, reason, message.id, holder, message.attempt)
        self._database.change(sql, values)

    def bury(self, message: Message, holder: str, reason: str) -> None:
        """Put a message on the list of dead letters; nothing happens to one that somebody else holds by now."""
        sql = f"{_BURY} AND state = 'waiting' AND holder = ? AND attempts = ?"
        self._database.change(sql, (reason, self._now(), message.id, holder, message.attempt))

    def release(self, holder: str) -> int:
        """Let go of all that a sender holds: another takes it at once, and the attempt does not count."""
        sql = (
            "UPDATE outbox SET holder = '', due = ?, attempts = attempts - 1"
            " WHERE state = 'waiting' AND holder = ?"
        )
        return self._database.change(sql, (self._now(), holder))

    def prune(self, known: Collection[str]) -> int:
        """Remove what was settled long ago, and give up what is for none of the `known` destinations.

        Not at once: another replica may know a destination already that this one does not. Returns how many rows
        changed.
        """
        now, changed = self._now(), 0
        for state, keep in (("delivered", _KEEP_DELIVERED), ("dead", _KEEP_DEAD)):
            changed += self._all(_REMOVE, (state, now - keep, _AT_A_TIME))
        sql = "SELECT DISTINCT destination FROM outbox WHERE state = 'waiting' AND queued < ?"
        for (name,) in self._database.read(sql, (now - _WAIT_FOR_A_SENDER,)):
            if name not in known:
                values = (_NOBODY, now, name, now - _WAIT_FOR_A_SENDER, now, _AT_A_TIME)
                changed += self._all(_GIVE_UP, values)
        return changed

    def _all(self, sql: str, values: Sequence[str | int]) -> int:
        changed = part = self._database.change(sql, values)
        while part == _AT_A_TIME:
            part = self._database.change(sql, values)
            changed += part
        return changed

    # --- for operators ----------------------------------------------------------------------------

    def list(self, state: str = "", most: int = 200) -> list[Held]:
        """Return the newest messages, of one state or of all."""
        sql = "SELECT id, destination, address, topic, at, title, state, attempts, due, reason FROM outbox"
        where, values = (" WHERE state = ?", (state, most)) if state else ("", (most,))
        rows = self._database.read(f"{sql}{where} ORDER BY queued DESC, id DESC LIMIT ?", values)
        return [Held(*row) for row in rows]

    def retry(self, message: str) -> None:
        """Send a message as soon as possible, with all its attempts before it; one under way is left to its sender.

        Raises `NotFound` if there is none of that ID, or it was delivered.
        """
        with self._database.transaction() as statements:
            if self._again(statements, _RETRY, (message,)):
                return
            sql = "SELECT state FROM outbox WHERE id = ? AND state = 'waiting'"
            if not statements.read(sql, (message,)):
                raise NotFound(
                    f"no message `{message}` waits or is dead",
                    fix="`proviso outbox list` shows which there are",
                )

    def retry_dead(self) -> int:
        """Send all dead letters again, as `retry` does; return how many."""
        with self._database.transaction() as statements:
            return self._again(statements, _RETRY_DEAD, ())

    def _again(self, statements: Statements, sql: str, values: tuple[str, ...]) -> int:
        now = self._now()
        changed = statements.change(sql, (now, now, *values))
        if changed:
            Tables(statements).publish(NEWS)
        return changed


def _message(row: Row) -> Message:
    return Message(row[0], row[1], row[2], row[3], row[4], row[5], bytes(row[6]), row[7] + 1)
