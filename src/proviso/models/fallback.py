"""A model with another behind it: `models.when_unavailable: extractive`. The draft says which one answered."""

import time
from collections.abc import AsyncIterator
from typing import Final

from msgspec.structs import replace

from proviso.errors import ModelUnavailable, TooMany
from proviso.models.protocol import Model, ModelRequest
from proviso.types import Draft

# What `first` must leave of its time, at most so much: else silence up to the deadline leaves none to stand in.
_SPARE: Final = 0.05
_MOST_SPARE_S: Final = 0.25


class Fallback:
    """Asks `first`; where it is unavailable or has no room, and nothing of its draft has left, asks `second`."""

    def __init__(self, first: Model, second: Model) -> None:
        self._first = first
        self._second = second

    @property
    def provider(self) -> str:
        """The first model's provider."""
        return self._first.provider

    @property
    def model(self) -> str:
        """The first model's ID."""
        return self._first.model

    async def converse(self, request: ModelRequest) -> Draft:
        """Return a draft of the first model that answers."""
        try:
            return await self._first.converse(_leaving_time(request))
        except (ModelUnavailable, TooMany):
            return await self._second.converse(request)

    async def stream(self, request: ModelRequest) -> AsyncIterator[str | Draft]:
        """Return the pieces of the first model that answers; a stream that breaks off after a piece has failed."""
        begun = False
        try:
            async for piece in self._first.stream(_leaving_time(request)):
                begun = True
                yield piece
        except (ModelUnavailable, TooMany):
            if begun:
                raise
            async for piece in self._second.stream(request):
                yield piece


def _leaving_time(request: ModelRequest) -> ModelRequest:
    """The same request, due a little sooner; what is tried is noted in the same list."""
    if request.deadline is None:
        return request
    left = max(0.0, request.deadline - time.monotonic())
    return replace(request, deadline=request.deadline - min(_MOST_SPARE_S, left * _SPARE))
