"""What the record shows of use: by whom, and how much of what; for settling what nobody else can settle any more."""

from collections.abc import Iterator

from msgspec import Struct

from proviso.ledger.events import RunFinished, RunGap, decode
from proviso.store import Archive
from proviso.types import Purpose

_PAGE = 1_000


class Usage(Struct, frozen=True, gc=False):
    """What one run used. A run that never ended has no key, and nobody knows how much it used."""

    app: str
    groups: tuple[str, ...]
    key: str
    purpose: Purpose
    tokens: int
    micro_usd: int
    ended: bool


class UsageReader:
    """Reads use from the record. Calls wait for the store: on an event loop, call them in a thread."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def of(self, writer: str, first: int, last: int) -> Iterator[Usage]:
        """Yield what each run of a writer used, dated from `first` to before `last` in UTC microseconds."""
        after = 0
        while page := self._archive.ended(writer, first, last, after=after, most=_PAGE):
            for after, body in page:  # noqa: B007  the last one is where the next page begins
                yield from _usage(body)

    def close(self) -> None:
        """Let go of what it holds open."""
        self._archive.close()


def _usage(body: bytes) -> Iterator[Usage]:
    event = decode(body)
    if isinstance(event, RunFinished):
        tokens = event.input_tokens + event.output_tokens
        tokens += event.cache_read_tokens + event.cache_write_tokens
        yield Usage(
            event.app, event.groups, event.key, event.purpose, tokens, event.cost_micro_usd, ended=True
        )
    elif isinstance(event, RunGap):
        yield Usage(event.app, event.groups, "", event.purpose, 0, 0, ended=False)
