"""The endpoint of any server that speaks OpenAI's chat completions."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Final

import msgspec

from proviso.aws import HttpRequest, HttpResponse, Patience, Transport, TransportFailed
from proviso.models.chat_reply import ChatReply, chat_failure
from proviso.models.chat_request import chat_body
from proviso.models.checked import checked
from proviso.models.converse import request_metadata
from proviso.models.endpoint import Target
from proviso.models.failure import CallFailed, Kind
from proviso.models.responses import not_carried, patience_until, read_out, shortened
from proviso.models.server_sent import ServerSentEvents
from proviso.models.shapes import Call, Reply

_PATH: Final = "/v1/chat/completions"
_EVENTS: Final = "text/event-stream"
_DONE: Final = b"[DONE]"
_USUAL_PATIENCE: Final = Patience()


class OpenAIEndpoint:
    """One model on one server. Its metadata goes in a header, `X-Request-Metadata`: bodies have no room for it.

    `key`: sent as a bearer, empty for a server that wants none. `limit`: the field for the most tokens of an answer;
    OpenAI's newer models want `max_completion_tokens`, which other servers do not know and would not keep.
    """

    def __init__(
        self,
        target: Target,
        transport: Transport,
        key: str,
        *,
        patience: Patience = _USUAL_PATIENCE,
        path: str = _PATH,
        limit: str = "max_tokens",
    ) -> None:
        self._target = target
        self._transport = transport
        self._patience = patience
        self._path = path
        self._limit = limit
        self._headers = {"Content-Type": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"

    @property
    def target(self) -> Target:
        """What and where this is."""
        return self._target

    async def converse(self, call: Call, deadline: float) -> Reply:
        """Return the whole reply. Raises `CallFailed`."""
        request = self._request(call, stream=False)
        try:
            async with AsyncExitStack() as stack:
                response = await self._answered(stack, request, deadline)
                body, request_id = await response.read(), _request_id(response)
        except TransportFailed as error:
            raise not_carried(error) from error
        taking = ChatReply(call.inference.stop_sequences)
        taking.take(body)
        return checked(call, taking.reply(request_id=request_id))

    async def stream(self, call: Call, deadline: float) -> AsyncIterator[str | Reply]:
        """Return the reply in pieces, then whole. Raises `CallFailed`."""
        request = self._request(call, stream=True)
        taking, events = ChatReply(call.inference.stop_sequences), ServerSentEvents()
        request_id, begun = "", False
        try:
            async with AsyncExitStack() as stack:
                response = await self._answered(stack, request, deadline)
                request_id, begun = _request_id(response), True
                _must_stream(response)
                chunks = response.chunks()
                async for chunk in chunks:
                    data = events.feed(chunk)
                    if text := _taken(data, taking):
                        yield text
                    if _DONE in data:
                        await read_out(chunks)
                        break
                else:
                    raise CallFailed(Kind.CUT, "the stream ended without `[DONE]`", usage=taking.usage)
        except TransportFailed as error:
            raise not_carried(error, streaming=begun, usage=taking.usage) from error
        if not taking.finished:
            raise CallFailed(Kind.CUT, "the stream ended before the model had stopped", usage=taking.usage)
        yield checked(call, taking.reply(request_id=request_id))

    def _request(self, call: Call, *, stream: bool) -> HttpRequest:
        headers = self._headers | {"Accept": _EVENTS if stream else "application/json"}
        if call.metadata:
            headers["X-Request-Metadata"] = msgspec.json.encode(request_metadata(call.metadata)).decode()
        body = chat_body(call, self._target.model, limit=self._limit, stream=stream)
        return HttpRequest("POST", self._target.origin, self._path, headers, body)

    async def _answered(self, stack: AsyncExitStack, request: HttpRequest, deadline: float) -> HttpResponse:
        patience = patience_until(deadline, self._patience)
        response = await stack.enter_async_context(self._transport.send(request, patience))
        if response.status != 200:
            raise await chat_failure(response)
        return response


def _request_id(response: HttpResponse) -> str:
    return response.headers.get("x-request-id", "")


def _must_stream(response: HttpResponse) -> None:
    kind = response.headers.get("content-type", "")
    if not kind.startswith(_EVENTS):
        raise CallFailed(Kind.GARBLED, f"answered with `{shortened(kind)}` instead of a stream of events")


def _taken(events: list[bytes], taking: ChatReply) -> str:
    """The text that came with some events; one string however many there are. After the last one there is nothing."""
    texts = []
    for data in events:
        if data == _DONE:
            break
        texts.append(taking.take(data))
    return "".join(texts)
