"""The seam to whatever drafts an answer: one request in, one draft out, whole or in pieces."""

from collections.abc import AsyncIterator
from typing import Protocol

from msgspec import Struct

from proviso.text import Synonyms
from proviso.types import Draft, Rendered


class ModelRequest(Struct, frozen=True):
    """What a model is asked: a rendered prompt, and how much it may spend on it.

    `max_tokens` bounds the draft, in the provider's tokens. `deadline` is a time of `time.monotonic()`, in
    seconds, after which nobody waits for the draft any more; None where nobody stops waiting. `synonyms` are
    the release's, for a model that goes by words.
    """

    rendered: Rendered
    max_tokens: int
    deadline: float | None = None
    synonyms: Synonyms | None = None


class Model(Protocol):
    """Anything that can draft an answer."""

    @property
    def provider(self) -> str:
        """Who runs the model, as records and evidence name it: `extractive`, `bedrock`, …"""
        ...

    @property
    def model(self) -> str:
        """The model's ID at its provider."""
        ...

    async def converse(self, request: ModelRequest) -> Draft:
        """The whole draft. Raises `ModelUnavailable` where the model does not answer."""
        ...

    def stream(self, request: ModelRequest) -> AsyncIterator[str | Draft]:
        """The draft's text in pieces as it is made, none of them empty; the last item is the whole `Draft`.

        The pieces joined are the draft's text. A stream that breaks off raises `ModelUnavailable`: it never
        ends without a draft.
        """
        ...
