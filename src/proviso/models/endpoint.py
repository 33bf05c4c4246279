"""The seam to one place where a model can be called: one attempt, no retry, no waiting for room."""

from collections.abc import AsyncIterator
from typing import Protocol

from msgspec import Struct

from proviso.models.shapes import Call, Reply


class Target(Struct, frozen=True):
    """One place where one model of the register can be called; bound per environment, named in every record."""

    name: str  # the model's name in models.yaml
    provider: str  # bedrock, openai; `simulator` where the endpoint is not AWS's own
    model: str  # what is called: a model ID, an inference profile or its ARN
    region: str  # where it is called; `local` for what is not of AWS
    origin: str  # scheme, host and port


class Endpoint(Protocol):
    """Anything that a call can be sent to. One conformance suite holds them all to it."""

    @property
    def target(self) -> Target:
        """What and where this is."""
        ...

    async def converse(self, call: Call, deadline: float) -> Reply:
        """Return the whole reply. `deadline`: a time of `time.monotonic()`. Raises `CallFailed`, and nothing else."""
        ...

    def stream(self, call: Call, deadline: float) -> AsyncIterator[str | Reply]:
        """Return the reply's text in pieces as it is made, none empty; the last item is the whole `Reply`.

        The pieces joined are the reply's text. Raises `CallFailed`: a stream never ends without its reply.
        """
        ...
