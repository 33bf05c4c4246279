"""From destinations to what sends to them."""

import os
from collections.abc import Callable, Iterable, Mapping

from proviso.outbox.destination import Destination, Email, InvalidDestination, Webhook
from proviso.outbox.mail import MailTransport
from proviso.outbox.message import Transport
from proviso.outbox.webhook import WebhookTransport


def open_transport(
    destination: Destination, now: Callable[[], int], environ: Mapping[str, str] | None = None
) -> Transport:
    """Return the transport of a destination, its secrets read from the environment.

    Raises `InvalidDestination`, or `NotReady` where mail is wanted and apprise is not there.
    """
    variables = os.environ if environ is None else environ
    if isinstance(destination, Webhook):
        return WebhookTransport(destination, variables, now)
    if isinstance(destination, Email):
        return MailTransport(destination, variables)
    raise InvalidDestination(f"`{destination.name}` is neither a webhook nor mail", fix="say which it is")


def open_transports(
    destinations: Iterable[Destination], now: Callable[[], int], environ: Mapping[str, str] | None = None
) -> dict[str, Transport]:
    """Return the transports of destinations by their names."""
    return {one.name: open_transport(one, now, environ) for one in destinations}
