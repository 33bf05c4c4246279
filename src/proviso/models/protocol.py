"""The seam to whatever drafts an answer: one request in, one draft out, whole or in pieces."""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from msgspec import Raw, Struct, field

from proviso.budgets import Prices
from proviso.text import Synonyms
from proviso.types import Attempt, Draft, Rendered


class ModelRequest(Struct, frozen=True):
    """What a model is asked: a rendered prompt, and how much it may spend on it.

    `max_tokens` bounds the draft, in the provider's tokens. `deadline` is a time of `time.monotonic()`, in
    seconds, after which nobody waits for the draft any more; None where nobody stops waiting. `synonyms` are
    the release's, for a model that goes by words. The rest is for hosted models: `schema` is the JSON Schema that
    the answer must keep; `metadata` goes with every call, for the provider's own logs and bills; `most_micro_usd`
    is what all calls for this draft may cost together, by `prices`, which go by the models' names in models.yaml.
    Each call is noted in `attempts` when it ends, also one that is cancelled.
    """

    rendered: Rendered
    max_tokens: int
    deadline: float | None = None
    synonyms: Synonyms | None = None
    schema: Raw | None = None
    metadata: Mapping[str, str] = {}
    most_micro_usd: int | None = None
    prices: Mapping[str, Prices] = {}
    attempts: list[Attempt] = field(default_factory=list)


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
        """The whole draft. Raises `ModelUnavailable` where no model answers, `TooMany` where there is no room now."""
        ...

    def stream(self, request: ModelRequest) -> AsyncIterator[str | Draft]:
        """The draft's text in pieces as it is made, none of them empty; the last item is the whole `Draft`.

        The pieces joined are the draft's text. A stream that breaks off raises `ModelUnavailable`: it never
        ends without a draft.
        """
        ...
