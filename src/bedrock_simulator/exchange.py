"""The seams inside the simulator: a request as it has been understood, its answer, and how that goes out."""

from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import Struct, field

from bedrock_simulator.scenario import SimulatedModel


class Exchange(Struct, frozen=True):
    """A request that is authentic and valid. `params` are named as in the service model (`messages`, `modelId`, …)."""

    operation: str  # Converse, ConverseStream, InvokeModel, …
    region: str
    params: dict[str, Any]
    model_id: str = ""  # the model's own ID, behind an inference profile or an ARN
    model: SimulatedModel | None = None
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case


class Tokens(Struct, frozen=True):
    """What a call has used; `input` leaves out what the cache gave or took."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0


class Said(Struct, frozen=True):
    """A model's turn. `content` are Converse content blocks; `trace` a guardrail's trace where one was asked for."""

    content: Sequence[dict[str, Any]]
    stop: str  # a stopReason
    tokens: Tokens
    trace: dict[str, Any] | None = None


class ServiceError(Exception):
    """An error as the service answers it: `code` such as `ThrottlingException`, with AWS's own kind of message."""

    def __init__(
        self,
        code: str,
        message: str,
        status: int,
        members: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.members = members or {}  # what the error's shape has besides the message
        self.headers = headers or {}  # sent with the error, e.g. `x-amz-retry-after`


class Speaker(Protocol):
    """What answers: pure and seeded, so that the same requests in the same order get the same answers."""

    def converse(self, exchange: Exchange) -> Said:
        """Return the turn of Converse and ConverseStream. Raises `ServiceError`."""
        ...

    def invoke(self, exchange: Exchange, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body of InvokeModel's answer (embeddings). Raises `ServiceError`."""
        ...

    def answer(self, exchange: Exchange) -> dict[str, Any]:
        """Return the output of any other operation that it knows, by the service model's names.

        ApplyGuardrail, InvokeGuardrailChecks, CountTokens, Retrieve, Rerank.
        """
        ...


class Frame(Struct, frozen=True):
    """One event of a stream, encoded. `text` says that it holds a piece of the answer, which pacing waits for."""

    event: str  # messageStart, contentBlockDelta, …
    content: bytes
    text: bool = False


class Outgoing(Struct, frozen=True):
    """An answer ready to leave: a whole `body`, or the `frames` of an event stream."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    frames: tuple[Frame, ...] | None = None


class Connection(Protocol):
    """One HTTP/1.1 connection, so low that a fault can do to it what networks do."""

    def start(self, status: int, headers: Sequence[tuple[str, str]], *, length: int | None) -> None:
        """Write the head. `length` None: chunked."""
        ...

    async def write(self, content: bytes) -> None:
        """Write a part of the body, chunked if the head said so; wait while the client does not read."""
        ...

    async def finish(self) -> None:
        """End the body; the connection stays open for the next request where the client keeps it."""
        ...

    def close(self) -> None:
        """Close the connection now, in the middle of whatever is written (a clean FIN)."""
        ...

    def reset(self) -> None:
        """Reset the connection now (RST)."""
        ...


class Conditions(Protocol):
    """What the network and the service do to a request: quotas, latency, faults.

    A ticket is of a type of their own, which nobody else looks into.
    """

    async def admit(self, exchange: Exchange, input_tokens: int) -> Any:
        """Reserve quota and do what happens before an answer is made; return a ticket for `deliver`.

        Raises `ServiceError` where a quota, or a fault that comes instead of an answer, says so.
        """
        ...

    async def deliver(self, ticket: Any, outgoing: Outgoing, tokens: Tokens, connection: Connection) -> None:
        """Send an answer as the latency and the faults of its ticket have it, and settle the quota.

        An error that came after `admit` is an answer too, of `Tokens()`: so its reservation is given back.
        """
        ...
