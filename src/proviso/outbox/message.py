"""A message: one notice on its way to one address, and what came of sending it."""

import datetime as dt
from collections.abc import Mapping
from typing import Protocol

import rfc8785
from msgspec import Struct

DELIVERED, FAILED, GONE = "delivered", "failed", "gone"

_LONGEST = 200  # characters of a reason


class Message(Struct, frozen=True):
    """What a transport sends. `attempt` counts from 1; `body` is canonical JSON (RFC 8785).

    The same `id` may arrive more than once: receivers drop what they have had.
    """

    id: str
    destination: str
    address: str  # a mail's recipient; empty for a webhook
    topic: str
    title: str
    text: str
    body: bytes
    attempt: int = 1


class Receipt(Struct, frozen=True):
    """What came of sending: `delivered`, `failed` (to be tried again) or `gone` (never to be tried again).

    `wait_s` is how long the receiver asked to be left alone. `reason` is our own words: nothing that a receiver
    sent stands in it.
    """

    verdict: str
    reason: str = ""
    wait_s: int = 0


class Transport(Protocol):
    """Any way to a destination."""

    async def send(self, message: Message) -> Receipt:
        """Send a message once; a failure is a value. Cancelling it gives up on it."""
        ...


def failed(reason: str, wait_s: int = 0) -> Receipt:
    """Return the receipt of a message that should be tried again."""
    return Receipt(FAILED, reason[:_LONGEST], wait_s)


class Envelope(Struct, frozen=True):
    """What a receiver is told about a notice, apart from its own words. `at`: UTC microseconds since the epoch."""

    id: str
    topic: str
    at: int
    workspace: str
    title: str

    def body(self, facts: Mapping[str, str | int]) -> bytes:
        """Return the canonical JSON that a webhook gets."""
        at = dt.datetime.fromtimestamp(self.at / 1_000_000, dt.UTC)
        return rfc8785.dumps({
            "id": self.id,
            "topic": self.topic,
            "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "workspace": self.workspace,
            "title": self.title,
            "facts": dict(facts),
        })  # fmt: skip
