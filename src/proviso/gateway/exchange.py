"""One request and its reply: the raw ASGI messages, and what the access log will say of them."""

import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from proviso.gateway.problems import Dialect

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

# No answer belongs in a cache, and no browser should guess what it is.
GUARDS: tuple[Header, ...] = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
JSON: tuple[Header, ...] = ((b"content-type", b"application/json"), *GUARDS)
# A proxy that buffers would turn a stream into a wait.
EVENTS: tuple[Header, ...] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"x-accel-buffering", b"no"),
    *GUARDS,
)


class Exchange:
    """A request under way. `headers` maps lower-case names to values; the last of repeated ones counts."""

    __slots__ = (
        "_send", "app", "dialect", "headers", "method", "outcome", "path", "reason", "receive", "route", "run", "scope",
        "started", "status",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self._send = send
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.dialect = Dialect.NATIVE
        self.route = ""
        self.status = 0  # 0 until the reply has begun
        self.run = ""
        self.app = ""
        self.outcome = ""
        self.reason = ""  # of a refusal
        self.started = time.perf_counter_ns()

    @property
    def begun(self) -> bool:
        """Whether the status line has left, so that nothing can be taken back."""
        return self.status != 0

    async def send(self, message: Message) -> None:
        """Pass an ASGI message on, noting the status."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def reply(self, status: int, body: bytes, headers: Iterable[Header] = JSON) -> None:
        """Answer with one whole body."""
        self.status = status
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*headers, (b"content-length", b"%d" % len(body))],
            }
        )
        await self._send({"type": "http.response.body", "body": body})

    async def open_stream(self, headers: Iterable[Header]) -> None:
        """Begin an answer whose body comes in pieces."""
        self.status = 200
        await self._send({"type": "http.response.start", "status": 200, "headers": [*EVENTS, *headers]})

    async def piece(self, body: bytes) -> None:
        """Send a piece of the body."""
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def last_piece(self, body: bytes) -> None:
        """Send the last piece of the body."""
        await self._send({"type": "http.response.body", "body": body})
