"""What a simulator has received, for the assertions of tests."""

from collections import deque
from typing import Any

from msgspec import Struct, field

from bedrock_simulator.messages import Reply

KEPT = 1_000  # requests that are remembered
KEPT_BYTES = 64 * 1024 * 1024  # of their bodies


class Request(Struct):
    """A request as it was received and understood. `params` are empty where it was refused before they were read."""

    method: str
    path: str
    headers: dict[str, str]
    size: int  # bytes of its body
    reply: Reply
    operation: str = ""
    region: str = ""
    model_id: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    error: str = ""  # its code, where it was answered by one

    @property
    def outcome(self) -> str:
        """Say what became of it.

        `answered`; an error's code, or its status where it has none; `closed` and `reset`: by a fault; `gone`: the
        client left first; `open`: nothing has been sent yet. A fault inside an answer leaves it `answered`.
        """
        if self.reply.ended not in ("", "finished"):
            return self.reply.ended
        if self.error or not self.reply.status:
            return self.error or "open"
        return "answered" if self.reply.status < 400 else str(self.reply.status)


class Record:
    """The latest requests, oldest first."""

    def __init__(self) -> None:
        self._requests: deque[Request] = deque()
        self._size = 0

    def add(self, request: Request) -> None:
        """Remember a request; forget the oldest where they are too many or too large. The newest always stays."""
        self._requests.append(request)
        self._size += request.size
        while len(self._requests) > 1 and (len(self._requests) > KEPT or self._size > KEPT_BYTES):
            self._size -= self._requests.popleft().size

    def all(self) -> list[Request]:
        """Return what is remembered. It may be called from another thread."""
        return list(self._requests)
