"""Doubles of the rooms below the gateway, and ways to call it: in memory, or over a real server."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import uuid_utils
from msgspec import Struct

from proviso.errors import Forbidden, Unauthenticated, UnknownApp
from proviso.gateway import Gateway, Parts, PendingRun, ReleaseCard, Server
from proviso.ledger import RunRecord, StoredPayload
from proviso.settings import Settings
from proviso.types import (
    Action,
    Answer,
    Channel,
    Citation,
    Decision,
    Principal,
    Purpose,
    Refusal,
    Request,
    Served,
    Usage,
)
from tests.waiting import PATIENCE_S

DANA = Principal("dana", frozenset({"staff"}), frozenset({"user"}), "k1")
AUDREY = Principal("audrey", frozenset({"audit"}), frozenset({"auditor"}), "k2")
MALLORY = Principal("mallory", frozenset({"staff"}), frozenset({"user"}), "k3")
KEYS = {"pv_dana": DANA, "pv_audrey": AUDREY, "pv_mallory": MALLORY}

DECISION = Decision("inputs.sensitive.mask.EMAIL", Action.MASK, "EMAIL", Channel.USER)
CITATION = Citation(
    1, "travel", "per-diem.md", "Per diem", "ab" * 32, "p1", 10, 34, "It is 64 EUR in Oslo.", "cd" * 32
)
ANSWER = Answer("It is 64 EUR in Oslo. [1] Meals are part of it. [1]", (CITATION,), (DECISION,))
REFUSAL = Refusal("purpose.refuses.legal-advice", "out_of_purpose", "Please ask the legal team.", (DECISION,))


class Terms(Struct, frozen=True):
    digest: str = "22" * 32


class Release(Struct, frozen=True):
    app: str = "policy-qa"
    summary: str = "Answers questions on travel."
    digest: str = "11" * 32
    unapproved: bool = True
    terms: Terms = Terms()


class House:
    """The rooms below. `fault` is raised by the next runs; `gate` holds them back until it is set."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.runs: dict[str, RunRecord] = {}
        self.peers: list[str] = []
        self.ends: list[str] = []
        self.fault: BaseException | None = None
        self.late_fault: BaseException | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.gate: asyncio.Event | None = None
        self.started = threading.Event()
        self.missing = ""
        self.closed = False

    def parts(self) -> Parts:
        return Parts(
            self.known, self.find_out, self.begin, self.usable, self.read_run, self.may_read_own, self.may_read_any,
            lambda: self.missing, self.start, self.close, lambda: 1_700_000_000_000_000,
        )  # fmt: skip

    async def start(self) -> None:
        """Begin; nothing to begin with."""

    def known(self, bearer: str, user_token: str | None) -> Principal | None:
        return KEYS.get(bearer) if user_token is None else None

    async def find_out(self, bearer: str, peer: str, user_token: str | None) -> Principal:
        self.peers.append(peer)
        if user_token is not None:
            raise Forbidden("only a service key may name its user", fix="leave it out")
        return self.authenticate(bearer)

    def authenticate(self, bearer: str) -> Principal:
        if bearer not in KEYS:
            raise Unauthenticated("this API key is not valid", fix="ask for another")
        return KEYS[bearer]

    async def begin(self, request: Request, principal: Principal) -> PendingRun:
        if request.app != "policy-qa":
            raise UnknownApp(f"no app `{request.app[:64]}`", fix="list them")
        if "user" not in principal.roles:
            raise Forbidden("this key may not ask questions", fix="use another")
        self.requests.append(request)
        run = Pending(self, request)
        self.runs[run.id] = RunRecord(
            run.id, request.app, principal.user, "w1", 1, payload=StoredPayload(request.text)
        )
        return run

    def usable(self, principal: Principal) -> Sequence[ReleaseCard]:
        return [Release()] if "staff" in principal.groups else []

    async def read_run(self, run: str) -> RunRecord | None:
        return self.runs.get(run)

    def may_read_own(self, principal: Principal, record: RunRecord) -> bool:
        return record.user == principal.user

    def may_read_any(self, principal: Principal, record: RunRecord) -> bool:
        return record.app == "policy-qa" and "auditor" in principal.roles

    def release(self) -> None:
        """Let the runs that wait go on, from any thread."""
        if self.gate is not None and self.loop is not None:
            self.loop.call_soon_threadsafe(self.gate.set)

    async def close(self) -> None:
        self.closed = True


class Pending:
    """A run of the double: it refuses what asks to sue, and answers the rest."""

    unapproved = True

    def __init__(self, house: House, request: Request) -> None:
        self.id = str(uuid_utils.uuid7())
        self._house = house
        self._request = request

    async def serve(self) -> Served:
        try:
            await self._wait()
        except BaseException as error:
            self._house.ends.append(type(error).__name__)
            raise
        self._house.ends.append("finished")
        return self._served()

    async def stream(self) -> AsyncGenerator[str | Served, None]:
        try:
            await self._wait()
            served = self._served()
            first, mark, rest = served.outcome.text.partition(". [1] ")
            yield first + mark
            if self._house.late_fault is not None:
                raise self._house.late_fault
            if self._house.gate is not None:
                await self._house.gate.wait()
        except BaseException as error:
            self._house.ends.append(type(error).__name__)
            raise
        self._house.ends.append("finished")
        yield rest
        yield served

    async def _wait(self) -> None:
        self._house.loop = asyncio.get_running_loop()
        self._house.started.set()
        if self._house.fault is not None:
            raise self._house.fault
        if self._house.gate is not None and not self._request.stream:
            await self._house.gate.wait()

    def _served(self) -> Served:
        outcome = REFUSAL if "sue" in self._request.text else ANSWER
        return Served(
            run=self.id,
            app=self._request.app,
            release="11" * 32,
            terms="22" * 32,
            outcome=outcome,
            decisions=outcome.decisions,
            model="extractive-1",
            provider="extractive",
            usage=Usage(12, 9),
            cost_micro_usd=7,
            duration_us=1234,
            unapproved=True,
            purpose=self._request.purpose,
        )


class Reply(Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def events(self) -> list[tuple[str, str]]:
        """The server-sent events as (name, data)."""
        events = []
        for block in self.body.decode().split("\n\n")[:-1]:
            lines = dict(line.split(": ", 1) for line in block.split("\n"))
            events.append((lines.get("event", ""), lines["data"]))
        return events


def scope(
    headers: dict[str, str], method: str = "POST", path: str = "/v1/chat/completions"
) -> dict[str, Any]:
    """Return the ASGI scope of a request."""
    return {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "query_string": b"",
        "root_path": "",
        "http_version": "1.1",
        "scheme": "http",
    }


async def nowhere(message: Any) -> None:
    """Send a message to nobody."""


async def call(
    gateway: Gateway,
    method: str,
    path: str,
    body: Any = None,
    *,
    key: str | None = "pv_dana",
    headers: dict[str, str] | None = None,
    chunks: Iterable[bytes] | None = None,
) -> Reply:
    """Call a gateway in memory. What is not bytes is sent as JSON; `chunks` are sent without a length."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    sent = {"content-type": "application/json"}
    if key is not None:
        sent["authorization"] = f"Bearer {key}"
    if chunks is None:
        sent["content-length"] = str(len(raw))
    sent |= headers or {}
    pieces = [raw] if chunks is None else list(chunks)
    left = [
        {"type": "http.request", "body": piece, "more_body": place < len(pieces) - 1}
        for place, piece in enumerate(pieces)
    ]
    messages: list[Any] = []

    async def receive() -> Any:
        if left:
            return left.pop(0)
        await asyncio.Event().wait()
        return None

    async def send(message: Any) -> None:
        messages.append(message)

    await gateway(scope(sent, method, path), receive, send)
    start = messages[0]
    return Reply(
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"]},
        b"".join(message.get("body", b"") for message in messages[1:]),
    )


def ask(
    question: str = "What is the per diem for Oslo?", more: dict[str, Any] | None = None, **named: Any
) -> dict[str, Any]:
    """Return a body of the OpenAI dialect."""
    return {
        "model": "policy-qa",
        "messages": [{"role": "user", "content": question}],
        **(more or {}),
        **named,
    }


@contextmanager
def served(house: House, **settings: Any) -> Iterator[str]:
    """Serve a gateway on a free port of this machine, in a thread; give its base URL."""
    ready = threading.Event()
    server = Server(
        Gateway(house.parts(), Settings(port=0, **settings), purpose=Purpose.TEST),
        Settings(port=0),
        on_ready=lambda url: ready.set(),
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert ready.wait(PATIENCE_S)
        yield server.url
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
