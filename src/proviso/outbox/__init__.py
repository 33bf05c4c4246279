"""Notifications that survive a restart: written with what causes them, delivered at least once, signed."""

from proviso.outbox.backoff import wait_us
from proviso.outbox.destination import Destination, Email, InvalidDestination, Webhook, webhook_url
from proviso.outbox.memory import MemoryTransport
from proviso.outbox.message import DELIVERED, FAILED, GONE, Message, Receipt, Transport
from proviso.outbox.notice import InvalidNotice, Notice
from proviso.outbox.outbox import NEWS, Outbox
from proviso.outbox.queue import Held, Queue
from proviso.outbox.sender import Sender
from proviso.outbox.templates import TEMPLATES
from proviso.outbox.transports import open_transport, open_transports

__all__ = [
    "DELIVERED",
    "FAILED",
    "GONE",
    "NEWS",
    "TEMPLATES",
    "Destination",
    "Email",
    "Held",
    "InvalidDestination",
    "InvalidNotice",
    "MemoryTransport",
    "Message",
    "Notice",
    "Outbox",
    "Queue",
    "Receipt",
    "Sender",
    "Transport",
    "Webhook",
    "open_transport",
    "open_transports",
    "wait_us",
    "webhook_url",
]
