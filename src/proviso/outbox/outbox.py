"""The outbox: a notice is written in the transaction that causes it, so that neither is there without the other."""

from collections.abc import Callable, Iterator, Sequence

import uuid_utils

from proviso.errors import NotFound
from proviso.outbox.destination import Destination
from proviso.outbox.message import Envelope, Message
from proviso.outbox.notice import Notice, Said
from proviso.outbox.templates import TEST, render
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
        wanted = (one for one in self._destinations if one.wants(notice.topic))
        messages = [message for one in wanted for message in self._messages(one, notice, said)]
        for message in messages:
            now = self._now()
            values = (
                message.id, message.destination, message.address, message.topic, notice.at,
                message.title, message.text, message.body, now, now,
            )  # fmt: skip
            statements.change(_PUT, values)
        if messages:
            Tables(statements).publish(NEWS)
        return len(messages)

    def trial(self, name: str) -> list[Message]:
        """Return a test for each address of a destination, to be sent at once and written nowhere.

        Raises `NotFound` for a destination that there is not.
        """
        for destination in self._destinations:
            if destination.name == name:
                notice = Notice(TEST, self._now(), {"destination": name})
                return list(self._messages(destination, notice, render(notice)))
        known = ", ".join(f"`{one.name}`" for one in self._destinations) or "none"
        raise NotFound(
            f"proviso.yaml has no destination `{name}`", fix=f"use one of its `notifications`: {known}"
        )

    def _messages(self, destination: Destination, notice: Notice, said: Said) -> Iterator[Message]:
        for address in destination.addresses:
            envelope = Envelope(self._ids(), notice.topic, notice.at, self._workspace, said.title)
            yield Message(
                envelope.id,
                destination.name,
                address,
                notice.topic,
                said.title,
                said.text,
                envelope.body(said.facts),
            )
