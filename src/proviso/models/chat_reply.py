"""What a chat completion says, whole or in chunks of a stream, as far as we read it."""

from contextlib import suppress
from typing import Final

import msgspec
from msgspec import Raw, Struct

from proviso.aws import HttpResponse, TransportFailed
from proviso.models.failure import CallFailed, Kind
from proviso.models.responses import UNREADABLE, Count, kind_by_status, retry_after_s, shortened
from proviso.models.shapes import Block, Reasoning, Reply, Text, ToolUse
from proviso.types import StopReason, Usage

_STOPS: Final = {
    "stop": StopReason.END,
    "length": StopReason.MAX_TOKENS,
    "tool_calls": StopReason.TOOL_USE,
    "content_filter": StopReason.FILTERED,
}
# By the code or the type of an error.
_KINDS: Final = {
    "insufficient_quota": Kind.QUOTA,
    "rate_limit_exceeded": Kind.THROTTLED,
    "invalid_api_key": Kind.DENIED,
    "model_not_found": Kind.NOT_FOUND,
    "context_length_exceeded": Kind.INVALID,
    "overloaded_error": Kind.UNAVAILABLE,
}
# These say less than a status; in a stream there is none.
_KINDS_IN_STREAMS: Final = _KINDS | {
    "invalid_request_error": Kind.INVALID,
    "server_error": Kind.INTERNAL,
    "service_unavailable": Kind.UNAVAILABLE,
}


class _Error(Struct):
    message: object = None
    type: object = None
    code: object = None


class _Refusal(Struct):
    """The body of an error. Servers write its parts as they like: an object, or a string."""

    error: _Error | str | None = None


class _Details(Struct, gc=False):
    cached_tokens: Count | None = None


class ChatUsage(Struct, gc=False):
    """`usage`. Cached tokens are among those of the prompt."""

    prompt_tokens: Count
    completion_tokens: Count
    prompt_tokens_details: _Details | None = None

    def usage(self) -> Usage:
        """The same as a value of ours."""
        details = self.prompt_tokens_details
        cached = min((details.cached_tokens or 0) if details is not None else 0, self.prompt_tokens)
        return Usage(self.prompt_tokens - cached, self.completion_tokens, cached)


class _Function(Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Said(Struct, gc=False):
    """A message, or what a chunk adds to it. `reasoning_content` is of the servers that show it."""

    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(Struct, gc=False):
    """`stop_reason` is of vLLM: the stop sequence, where it was one."""

    index: int = 0
    message: _Said | None = None
    delta: _Said | None = None
    finish_reason: str | None = None
    stop_reason: object = None


class _Chunk(Struct, gc=False):
    """A completion, or a chunk of one."""

    choices: list[_Choice] = []
    usage: ChatUsage | None = None
    id: str | None = None
    service_tier: str | None = None
    error: _Error | str | None = None


_CHUNK: Final = msgspec.json.Decoder(_Chunk)
_REFUSAL: Final = msgspec.json.Decoder(_Refusal)


class _Open:
    """A tool call of which more may come."""

    __slots__ = ("id", "name", "written")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.written: list[str] = []

    def take(self, call: _ToolCall) -> None:
        self.id = self.id or call.id or ""
        if call.function is not None:
            self.name = self.name or call.function.name or ""
            self.written.append(call.function.arguments or "")

    def block(self) -> ToolUse:
        return ToolUse(self.id, self.name, Raw("".join(self.written).encode() or b"{}"))


class ChatReply:
    """One completion's reply in the making, from one chunk or many. `stops`: the stop sequences that were asked for."""

    def __init__(self, stops: tuple[str, ...] = ()) -> None:
        self._stops = stops
        self._stopped_by = False
        self._text: list[str] = []
        self._thoughts: list[str] = []
        self._tools: dict[int, _Open] = {}
        self._refused = False
        self._finish: str | None = None
        self._usage: ChatUsage | None = None
        self._id = ""
        self._tier = ""

    @property
    def usage(self) -> Usage | None:
        """What it has used, where the server has said it."""
        return self._usage.usage() if self._usage is not None else None

    def take(self, data: bytes) -> str:
        """Take a completion or a chunk; return the text that came with it. Raises `CallFailed`."""
        try:
            chunk = _CHUNK.decode(data)
        except UNREADABLE as error:
            raise CallFailed(Kind.GARBLED, "the response is no chat completion", usage=self.usage) from error
        if chunk.error is not None:
            kind, words = _meaning(chunk.error, None)
            raise CallFailed(kind, f"broke off with an error: {words}", usage=self.usage)
        if chunk.usage is not None:
            self._usage = chunk.usage
        self._id = self._id or chunk.id or ""
        self._tier = chunk.service_tier or self._tier
        return "".join([self._choice(choice) for choice in chunk.choices if choice.index == 0])

    def reply(self, *, request_id: str = "") -> Reply:
        """Return the whole reply, unchecked. Raises `CallFailed` where usage is missing: its cost is not known."""
        usage = self.usage
        if usage is None:
            said = "the server does not say what was used: it must answer with `usage`, also in streams"
            raise CallFailed(Kind.GARBLED, said)
        content: list[Block] = []
        if thoughts := "".join(self._thoughts):
            content.append(Reasoning(thoughts))
        if text := "".join(self._text):
            content.append(Text(text))
        content += [self._tools[index].block() for index in sorted(self._tools)]
        if not content and not self.finished:
            raise CallFailed(Kind.GARBLED, "the response has no choice in it", usage=usage)
        return Reply(
            tuple(content),
            self._stop(),
            usage,
            raw_stop=self._finish or "",
            request_id=request_id or self._id,
            tier=self._tier,
        )

    @property
    def finished(self) -> bool:
        """Whether it is known how the model stopped."""
        return self._finish is not None

    def _stop(self) -> StopReason:
        if self._refused:
            return StopReason.FILTERED
        stop = _STOPS.get(self._finish or "", StopReason.UNKNOWN)
        if self._stopped_by and stop is StopReason.END:
            return StopReason.STOP_SEQUENCE
        # A call of the one tool that had to be called ends with `stop`.
        return StopReason.TOOL_USE if self._tools and stop is StopReason.END else stop

    def _choice(self, choice: _Choice) -> str:
        said = choice.delta or choice.message
        text = ""
        if said is not None:
            if self._finish is not None and (said.content or said.tool_calls):
                said_more = "the stream went on after the model had stopped"
                raise CallFailed(Kind.GARBLED, said_more, usage=self.usage)
            text = self._said(said)
        self._finish = choice.finish_reason or self._finish
        self._stopped_by = self._stopped_by or choice.stop_reason in self._stops
        return text

    def _said(self, said: _Said) -> str:
        if said.reasoning_content:
            self._thoughts.append(said.reasoning_content)
        for place, call in enumerate(said.tool_calls or ()):
            index = place if call.index is None else call.index
            self._tools.setdefault(index, _Open()).take(call)
        if said.refusal:
            self._refused = True
        text = (said.content or "") + (said.refusal or "")
        if text:
            self._text.append(text)
        return text


async def chat_failure(response: HttpResponse) -> CallFailed:
    """The failure that a response other than 200 stands for. What is no error of the dialect goes by its status."""
    error: _Error | str | None = None
    with suppress(TransportFailed, *UNREADABLE):
        error = _REFUSAL.decode(await response.read()).error
    kind, words = _meaning(error if error is not None else "", response.status)
    said = f"answered {response.status}: {words}" if words else f"answered {response.status}"
    return CallFailed(kind, said, retry_after_s=retry_after_s(response.headers))


def _meaning(error: _Error | str, status: int | None) -> tuple[Kind, str]:
    """What went wrong, and what the server says of it."""
    otherwise = Kind.INTERNAL if status is None else kind_by_status(status)
    if isinstance(error, str):
        return otherwise, shortened(error)
    words = shortened(error.message) if isinstance(error.message, str) else ""
    if status is None and isinstance(error.code, int) and 400 <= error.code < 600:
        return kind_by_status(error.code), words
    kinds = _KINDS_IN_STREAMS if status is None else _KINDS
    for name in (error.code, error.type):
        if isinstance(name, str) and name in kinds:
            return kinds[name], words
    return otherwise, words
