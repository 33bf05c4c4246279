"""Destinations as proviso.yaml has them."""

import pytest
from msgspec import Struct

from proviso.app.notices import destinations
from proviso.outbox import Email, InvalidDestination, Webhook


class Hook(Struct, frozen=True):
    url: str = "https://hooks.example.com/"
    secrets: tuple[str, ...] = ("KEY",)


class Mail(Struct, frozen=True):
    server: str = "MAIL"
    recipients: tuple[str, ...] = ("risk@example.com",)


class Entry(Struct, frozen=True):
    topics: tuple[str, ...] = ("*",)
    webhook: Hook | None = None
    email: Mail | None = None


def test_a_destination_is_what_its_section_says() -> None:
    made = destinations({"hook": Entry(webhook=Hook()), "mail": Entry(email=Mail())})
    assert made == (
        Webhook("hook", ("*",), "https://hooks.example.com/", ("KEY",)),
        Email("mail", ("*",), "MAIL", ("risk@example.com",)),
    )


@pytest.mark.parametrize("entry", [Entry(), Entry(webhook=Hook(), email=Mail())])
def test_a_destination_is_a_webhook_or_mail(entry: Entry) -> None:
    with pytest.raises(InvalidDestination, match="`ops`"):
        destinations({"ops": entry})
