"""The outbox: a notice is written in the transaction that causes it, so that neither is there without the other."""

from collections.abc import Callable, Sequence

import uuid_utils

from proviso.outbox.destination import Destination
from proviso.outbox.message import Envelope
from proviso.outbox.notice import Notice
from proviso.outbox.templates import render
from proviso.store import Statements, Tables

NEWS = "outbox"  # the topic of news about messages that are due

_PUT = (
    "INSERT INTO outbox(id, destination, address, topic, at, title, text, body, state, queued, due, attempts,"
    " holder, reason, settled) VALUES(?,?,?,?,?,?,?,?,'waiting',?,?,0,'','',0)"
)


def new_id() -> str:
    """Return a UUIDv7."""
    return str(uuid_utils.uuid7())


class Outbox:
    """Writes down what is to be told to whom. `now` gives UTC microseconds since the epoch.

    It needs the destinations' names, topics and recipients, none of their secrets.
    """

    def __init__(
        self,
        workspace: str,
        destinations: Sequence[Destination],
        now: Callable[[], int],
        ids: Callable[[], str] = new_id,
    ) -> None:
        self._workspace = workspace
        self._destinations = tuple(destinations)
        self._now = now
        self._ids = ids

    def put(self, statements: Statements, notice: Notice) -> int:
        """Write a message for each address that wants the topic; return how many.

        `statements` is the transaction of what the notice is about: both become durable, or neither.
        Raises `InvalidNotice`, before anything is written.
        """
        said = render(notice)
        count = 0
        for destination in self._destinations:
            for address in destination.addresses if destination.wants(notice.topic) else ():
                envelope = Envelope(self._ids(), notice.topic, notice.at, self._workspace, said.title)
                now = self._now()
                values = (
                    envelope.id, destination.name, address, notice.topic, notice.at, said.title, said.text,
                    envelope.body(said.facts), now, now,
                )  # fmt: skip
                count += statements.change(_PUT, values)
        if count:
            Tables(statements).publish(NEWS)
        return count
