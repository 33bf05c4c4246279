"""What a search asks and answers: the `Index` protocol and its values."""

from typing import Final, Literal, Protocol

from msgspec import Struct

from proviso.text import Synonyms
from proviso.types import Passage

Empty = Literal["", "no_match", "filtered_by_access"]

FOUND: Final[Empty] = ""
NO_MATCH: Final[Empty] = "no_match"
FILTERED_BY_ACCESS: Final[Empty] = "filtered_by_access"

# Tuned on public sets with `bench/search.py`: how often the words of a title and its headings count, and how much
# a term counts that only the turn before has.
TITLE_WEIGHT: Final = 2
CONTEXT_WEIGHT: Final = 0.5
# A passage that says a thing in the question's own words comes before one that says it in others.
SYNONYM_WEIGHT: Final = 0.8


class Query(Struct, frozen=True):
    """A screened question; `context` is the user's turn before it, whose terms count less.

    A passage that has a synonym instead of a word of the question is found as well, for a little less.
    """

    text: str
    context: str = ""
    synonyms: Synonyms | None = None


class Found(Struct, frozen=True):
    """Passages, best first, numbered from 1; where there are none, `empty` says why.

    `no_match`: no content word of the question is in the index. `filtered_by_access`: only sources that this
    caller may not read have one; that is for the record, and must not be told to the caller. There is no
    floor under the score: measured, a threshold cannot tell what the index can answer from what it cannot.
    """

    passages: tuple[Passage, ...]
    empty: Empty


class Index(Protocol):
    """Anything that finds passages. No score leaves it."""

    @property
    def longest(self) -> int:
        """The bytes of the longest passage, in UTF-8: no search returns one that is longer."""
        ...

    async def search(self, query: Query, *, sources: frozenset[str], limit: int) -> Found:
        """The best `limit` passages among `sources`, the names of those that this caller may read now."""
        ...


class Lineage(Struct, frozen=True):
    """Where a passage comes from; `fetched_at` is ISO 8601 in UTC, `approved_on` an ISO date."""

    passage: str
    start: int
    end: int
    source: str
    document: str
    title: str
    version: str
    classification: str
    approved_by: str
    approved_on: str
    fetched_at: str
    parser: str
    chunker: str
    snapshot: str
