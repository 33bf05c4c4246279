"""The endpoint of Amazon Bedrock: Converse, ConverseStream and CountTokens over our own signer and decoder."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from msgspec import structs

from proviso.aws import (
    Bearer,
    BrokenStream,
    CredentialSource,
    EventStream,
    HttpRequest,
    HttpResponse,
    Keys,
    NoCredentials,
    Patience,
    Signer,
    Transport,
    TransportFailed,
)
from proviso.models.bedrock_errors import failure_in_stream, failure_of
from proviso.models.checked import checked
from proviso.models.converse import converse_body, count_body
from proviso.models.converse_reply import read_converse, read_count
from proviso.models.converse_stream import ConverseStream
from proviso.models.endpoint import Target
from proviso.models.failure import CallFailed, Kind
from proviso.models.responses import not_carried, patience_until, read_out, shortened
from proviso.models.shapes import Call, Guard, Reply
from proviso.types import Usage

_EVENT_STREAM: Final = "application/vnd.amazon.eventstream"
_WHOLE: Final[Mapping[str, str]] = MappingProxyType(
    {"Content-Type": "application/json", "Accept": "application/json"}
)
_STREAMED: Final[Mapping[str, str]] = MappingProxyType(
    {"Content-Type": "application/json", "Accept": _EVENT_STREAM}
)
_USUAL_PATIENCE: Final = Patience()


class BedrockEndpoint:
    """One model in one region. Where credentials have expired while it was called, it tries once with new ones."""

    def __init__(
        self,
        target: Target,
        transport: Transport,
        credentials: CredentialSource,
        *,
        patience: Patience = _USUAL_PATIENCE,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._target = target
        self._transport = transport
        self._credentials = credentials
        self._patience = patience
        self._now = now
        self._signer = Signer()
        self._path = f"/model/{quote(target.model, safe='')}/"
        self._traced: set[Guard] = set()

    @property
    def target(self) -> Target:
        """What and where this is."""
        return self._target

    async def converse(self, call: Call, deadline: float) -> Reply:
        """Return the whole reply. Raises `CallFailed`."""
        body, request_id = await self._whole("converse", converse_body(call), deadline)
        return checked(call, read_converse(body, request_id=request_id))

    async def count_tokens(self, call: Call, deadline: float) -> int:
        """Return how many tokens the call's input has. Raises `CallFailed`: not every model can be asked."""
        body, _ = await self._whole("count-tokens", count_body(call), deadline)
        return read_count(body)

    async def stream(self, call: Call, deadline: float) -> AsyncIterator[str | Reply]:
        """Return the reply in pieces, then whole. Raises `CallFailed`.

        The trace of a guardrail comes last. Until one has been seen of this guardrail, no text is given out before it.
        """
        taking = ConverseStream()
        held: list[str] | None = [] if call.guard is not None and call.guard not in self._traced else None
        request_id = ""
        begun = False
        body = converse_body(call, stream=True)
        try:
            async with AsyncExitStack() as stack:
                response = await self._answered(stack, "converse-stream", body, deadline)
                request_id, begun = _request_id(response), True
                _must_stream(response)
                chunks, frames = response.chunks(), EventStream()
                async for chunk in chunks:
                    if text := _taken(frames, chunk, taking):
                        if held is None:
                            yield text
                        else:
                            held.append(text)
                    if taking.whole:
                        await read_out(chunks)
                        break
                else:
                    _ended(frames, taking)
        except TransportFailed as error:
            raise not_carried(error, streaming=begun, usage=taking.usage) from error
        reply = self._finished(call, taking.reply(request_id=request_id))
        if held:
            yield "".join(held)
        yield reply

    async def _whole(self, operation: str, body: bytes, deadline: float) -> tuple[bytes, str]:
        """The body of a response, and the ID that Bedrock gave to the request."""
        try:
            async with AsyncExitStack() as stack:
                response = await self._answered(stack, operation, body, deadline)
                return await response.read(), _request_id(response)
        except TransportFailed as error:
            raise not_carried(error) from error

    async def _answered(
        self, stack: AsyncExitStack, operation: str, body: bytes, deadline: float
    ) -> HttpResponse:
        """A response with status 200, open until the stack is closed. Raises `CallFailed`, `TransportFailed`."""
        used = await self._who(deadline)
        response = await stack.enter_async_context(self._send(operation, body, deadline, used))
        if response.status == 200:
            return response
        failure = await failure_of(response)
        if failure.kind is Kind.EXPIRED and (renewed := await self._who(deadline, used)) != used:
            response = await stack.enter_async_context(self._send(operation, body, deadline, renewed))
            if response.status == 200:
                return response
            failure = await failure_of(response)
        raise failure

    def _send(
        self, operation: str, body: bytes, deadline: float, credentials: Keys | Bearer
    ) -> AbstractAsyncContextManager[HttpResponse]:
        patience = patience_until(deadline, self._patience)
        headers = _STREAMED if operation == "converse-stream" else _WHOLE
        bare = HttpRequest("POST", self._target.origin, f"{self._path}{operation}", headers, body)
        try:
            added = self._signer.sign(
                bare, credentials, region=self._target.region, service="bedrock", now=self._now()
            )
        except NoCredentials as error:
            raise CallFailed(Kind.NO_CREDENTIALS, error.message, usage=Usage()) from error
        return self._transport.send(structs.replace(bare, headers={**headers, **added}), patience)

    async def _who(self, deadline: float, refused: Keys | Bearer | None = None) -> Keys | Bearer:
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await self._credentials.current(refused)
        except NoCredentials as error:
            raise CallFailed(Kind.NO_CREDENTIALS, error.message, usage=Usage()) from error
        except TimeoutError as error:
            said = "there were no credentials before the deadline"
            raise CallFailed(Kind.NO_CREDENTIALS, said, usage=Usage()) from error

    def _finished(self, call: Call, reply: Reply) -> Reply:
        """The reply, checked; and whether the trace of its guardrail may be waited for next time."""
        if call.guard is not None:
            if reply.guarded:
                self._traced.add(call.guard)
            else:
                self._traced.discard(call.guard)
        return checked(call, reply)


def _request_id(response: HttpResponse) -> str:
    return response.headers.get("x-amzn-requestid", "")


def _must_stream(response: HttpResponse) -> None:
    kind = response.headers.get("content-type", "")
    if not kind.startswith(_EVENT_STREAM):
        raise CallFailed(Kind.GARBLED, f"answered with `{shortened(kind)}` instead of an event stream")


def _taken(frames: EventStream, chunk: bytes, taking: ConverseStream) -> str:
    """The text that came with a chunk; one string however many events it has."""
    try:
        events = frames.feed(chunk)
    except BrokenStream as error:
        raise CallFailed(Kind.GARBLED, error.message, usage=taking.usage) from error
    texts = []
    for event in events:
        if event.kind != "event":
            raise failure_in_stream(event, taking.usage)
        if text := taking.take(event.name, event.payload):
            texts.append(text)
    return "".join(texts)


def _ended(frames: EventStream, taking: ConverseStream) -> None:
    """Say that the body has ended. Damage that is still to be told of is not a cut."""
    _taken(frames, b"", taking)
    try:
        frames.close()
    except BrokenStream as error:
        raise CallFailed(Kind.CUT, error.message, usage=taking.usage) from error
