"""Where notices go: webhooks and mailboxes, each with the topics that it wants."""

import fnmatch
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from proviso.errors import ProvisoError
from proviso.text import is_loopback


class InvalidDestination(ProvisoError):
    """A destination of proviso.yaml that cannot be used."""

    code = "destination_invalid"
    status = 422


class Destination(Struct, frozen=True):
    """A place that takes notices. `topics` are patterns such as `key.*`; `*` is every topic."""

    name: str
    topics: tuple[str, ...]

    def wants(self, topic: str) -> bool:
        """Return whether notices of this topic go there."""
        return any(fnmatch.fnmatchcase(topic, pattern) for pattern in self.topics)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that get a message of their own each, so that a wrong one does not hold up the others."""
        return ("",)


class Webhook(Destination, frozen=True):
    """A URL that takes signed JSON. `secrets` are names of environment variables: one, or two in a rotation."""

    url: str
    secrets: tuple[str, ...]


class Email(Destination, frozen=True):
    """Mailboxes. `server` is the name of an environment variable with an apprise URL such as
    `mailtos://user:password@smtp.example.com?from=proviso@example.com`."""

    server: str
    recipients: tuple[str, ...]

    @property
    def addresses(self) -> tuple[str, ...]:
        """The recipients."""
        return self.recipients


def secret(environ: Mapping[str, str], name: str, destination: str) -> str:
    """Return an environment variable; raise `InvalidDestination` where it is not set."""
    if not (value := environ.get(name, "").strip()):
        raise InvalidDestination(
            f"the destination `{destination}` needs the environment variable `{name}`, which is not set",
            fix="set it, or take the destination out of proviso.yaml",
        )
    return value


def webhook_url(url: str) -> SplitResult:
    """Return the parts of a webhook's URL; raise `InvalidDestination` for one that is not to be used.

    Private addresses are allowed, since whoever runs the deployment names them. Without TLS only this machine.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = SplitResult("", "", "", "", ""), None
    usable = url.isascii() and url.isprintable() and " " not in url and parts.hostname and port != 0
    if not usable or parts.scheme not in ("https", "http") or parts.fragment:
        raise InvalidDestination(f"`{url[:200]}` is no URL of a webhook", fix="use `https://host/path`")
    if "@" in parts.netloc:
        raise InvalidDestination(
            "a webhook's URL has a user or a password in it", fix="take it out: messages are signed instead"
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise InvalidDestination(f"`{url[:200]}` is not encrypted", fix="use `https://`")
    return parts
