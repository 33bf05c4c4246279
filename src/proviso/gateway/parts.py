"""What the gateway stands on: the seams to the rooms below, as `app.py` wires them."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Protocol

from msgspec import Struct

from proviso.ledger import RunRecord
from proviso.types import Principal, Request, Served


class TermsCard(Protocol):
    """The terms in force, as far as a list of apps shows them."""

    @property
    def digest(self) -> str:
        """SHA-256 of the terms."""


class ReleaseCard(Protocol):
    """A release in force, as far as a list of apps shows it."""

    @property
    def app(self) -> str:
        """The app's name, which callers of the OpenAI dialect send as `model`."""

    @property
    def summary(self) -> str:
        """What the app is for, in one line of its contract."""

    @property
    def digest(self) -> str:
        """SHA-256 of the release."""

    @property
    def unapproved(self) -> bool:
        """Whether it is served without the approvals that its tier asks for."""

    @property
    def terms(self) -> TermsCard:
        """The terms in force."""


class PendingRun(Protocol):
    """A run that has an ID and has not been answered yet. It is served once, or streamed once."""

    @property
    def id(self) -> str:
        """The run's UUIDv7."""

    @property
    def unapproved(self) -> bool:
        """Whether its release is served without the approvals that its tier asks for."""

    async def serve(self) -> Served:
        """Answer; the record is durable on return."""

    def stream(self) -> AsyncGenerator[str | Served, None]:
        """Answer in checked pieces; the last item is the `Served` run. Closing early leaves a record too."""


class Parts(Struct, frozen=True):
    """The rooms below, as functions. All of them may raise any `ProvisoError`.

    `known` takes the bearer token and that of the user for whom a service asks, and says from memory who it is, or
    None; then `authenticate`, which also gets the caller's address, finds out. `begin` finds the release that serves
    the caller or raises `UnknownApp`; `usable` lists those that they may ask; `may_read_own` and `may_read_any` say
    whether somebody may read a run because it is theirs, or as one of those who may read any; `not_ready` says in
    words what is missing before this process can answer, or nothing; `start` is awaited before the first request
    comes, `close` when the last one has left; `clock` gives UTC microseconds since the epoch.
    """

    known: Callable[[str, str | None], Principal | None]
    authenticate: Callable[[str, str, str | None], Awaitable[Principal]]
    begin: Callable[[Request, Principal], Awaitable[PendingRun]]
    usable: Callable[[Principal], Sequence[ReleaseCard]]
    read_run: Callable[[str], Awaitable[RunRecord | None]]
    may_read_own: Callable[[Principal, RunRecord], bool]
    may_read_any: Callable[[Principal, RunRecord], bool]
    not_ready: Callable[[], str]
    start: Callable[[], Awaitable[None]]
    close: Callable[[], Awaitable[None]]
    clock: Callable[[], int]
