"""Notifications wired: the destinations of proviso.yaml, the outbox that writes for them, the sender that delivers."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from proviso.app.wiring import now_us, opened, people
from proviso.contract import Workspace
from proviso.outbox import (
    Destination,
    Email,
    InvalidDestination,
    Notice,
    Outbox,
    Queue,
    Receipt,
    Sender,
    Webhook,
    open_transport,
    open_transports,
)
from proviso.settings import Settings
from proviso.store import Database, Tables


class WebhookSection(Protocol):
    """`webhook` of a destination: its URL, and the environment variables with its secrets."""

    @property
    def url(self) -> str:
        """Where it posts."""
        ...

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of variables: one, or two in a rotation."""
        ...


class EmailSection(Protocol):
    """`email` of a destination: the environment variable with the mail server's URL, and who gets the mail."""

    @property
    def server(self) -> str:
        """The name of a variable with an apprise URL."""
        ...

    @property
    def recipients(self) -> tuple[str, ...]:
        """Mail addresses."""
        ...


class Notification(Protocol):
    """A destination as proviso.yaml has it under `notifications`: one of the two, and its topics."""

    @property
    def topics(self) -> tuple[str, ...]:
        """Patterns such as `key.*`."""
        ...

    @property
    def webhook(self) -> WebhookSection | None:
        """Where it posts to, if it does."""
        ...

    @property
    def email(self) -> EmailSection | None:
        """Where it mails to, if it does."""
        ...


def destinations(notifications: Mapping[str, Notification]) -> tuple[Destination, ...]:
    """Return the destinations of a workspace; raise `InvalidDestination` for one that is neither or both."""
    return tuple(_destination(name, section) for name, section in notifications.items())


def _destination(name: str, section: Notification) -> Destination:
    if section.webhook is not None and section.email is None:
        return Webhook(name, section.topics, section.webhook.url, section.webhook.secrets)
    if section.email is not None and section.webhook is None:
        return Email(name, section.topics, section.email.server, section.email.recipients)
    raise InvalidDestination(
        f"the destination `{name}` must have `webhook` or `email`", fix="give it one of the two"
    )


def configured(workspace: Workspace) -> tuple[Destination, ...]:
    """Return the destinations that a workspace names; none where it says nothing of notifications."""
    return destinations(workspace.notifications)


def outbox_of(workspace: Workspace) -> Outbox:
    """Return what writes notices for the destinations of a workspace; it needs none of their secrets."""
    return Outbox(workspace.workspace, configured(workspace), now_us)


def sender_of(workspace: Workspace, database: Database) -> Sender:
    """Return what delivers messages, for a process that serves: `run` it until the end, `hear` news of `NEWS`.

    Raises `InvalidDestination` for a destination whose secrets are not there, `NotReady` for mail without apprise.
    """
    return Sender(Queue(database, now_us), open_transports(configured(workspace), now_us))


@contextmanager
def open_queue(root: Path, settings: Settings) -> Iterator[Queue]:
    """Open the messages of a workspace, for operators."""
    with opened(settings, root) as store:
        yield Queue(store.database, now_us)


def try_destination(root: Path, name: str) -> list[tuple[str, Receipt]]:
    """Send a test to a destination at once; return what came of it for each address ("" for a webhook).

    Raises `NotFound` for a destination that there is not, `InvalidDestination` for one that cannot be used.
    """
    workspace = people(root)
    found = configured(workspace)
    messages = Outbox(workspace.workspace, found, now_us).trial(name)
    (destination,) = (one for one in found if one.name == name)
    transport = open_transport(destination, now_us)

    async def send() -> list[Receipt]:
        return [await transport.send(message) for message in messages]

    receipts = asyncio.run(send())
    return [(message.address, receipt) for message, receipt in zip(messages, receipts, strict=True)]


def tell(workspace: Workspace, tables: Tables, topic: str, **facts: str | int) -> None:
    """Write a notice for everyone whom a workspace wants told, in the transaction of what caused it."""
    outbox_of(workspace).put(tables.statements, Notice(topic, now_us(), facts))
