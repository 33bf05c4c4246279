"""The in-memory double of a model: it answers with what it was told to answer."""

from collections.abc import AsyncIterator, Callable

from proviso.models.protocol import ModelRequest
from proviso.types import Draft


class Scripted:
    """A model whose drafts are made by a function of the request; what the function raises, the model raises.

    Its stream cuts the text at spaces. Evidence never counts it: its provider is `scripted`.
    """

    provider = "scripted"

    def __init__(self, script: Callable[[ModelRequest], Draft], *, model: str = "scripted") -> None:
        self._script = script
        self.model = model

    async def converse(self, request: ModelRequest) -> Draft:
        """The script's draft."""
        return self._script(request)

    async def stream(self, request: ModelRequest) -> AsyncIterator[str | Draft]:
        """The script's draft, word by word."""
        draft = self._script(request)
        *words, last = draft.text.split(" ")
        for word in words:
            yield f"{word} "
        if last:
            yield last
        yield draft
