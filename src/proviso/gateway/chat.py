"""The OpenAI dialect's request: what `POST /v1/chat/completions` takes, refuses and leaves unused."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from proviso.errors import BadRequest
from proviso.gateway.intake import decode
from proviso.types import Purpose, Request, Turn


class ChatPart(Struct, frozen=True):
    """A part of a message's content; only text is taken."""

    type: str
    text: str | None = None
    refusal: str | None = None


class ChatMessage(Struct, frozen=True):
    """One message. `role` is user, assistant, system or developer; what the last two say is not used."""

    role: str
    content: str | list[ChatPart] | None = None
    refusal: str | None = None


class StreamOptions(Struct, frozen=True):
    """How a stream ends; with `include_usage` it has a last chunk with the tokens used."""

    include_usage: bool | None = None


class ChatRequest(Struct, frozen=True):
    """A question in the OpenAI dialect. `model` is the app's name; the last message is the question.

    The contract decides the instructions and the model's settings: other parameters are left unused and
    listed in `proviso.ignored` of the answer; those that would change the form of the answer are refused.
    """

    model: str
    messages: list[ChatMessage]
    stream: bool | None = None
    stream_options: StreamOptions | None = None


class Chat(Struct, frozen=True):
    """A question read from the OpenAI dialect. `ignored` are the JSON paths of what has no effect."""

    request: Request
    include_usage: bool
    ignored: tuple[str, ...]


_BODY = msgspec.json.Decoder(ChatRequest)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_USED = frozenset(ChatRequest.__struct_fields__)
_IGNORED_AT_MOST = 32  # a longer list would only echo a hostile body
# What the caller would notice missing, with the values that ask for nothing.
_REFUSED: Mapping[str, tuple[object, ...]] = {
    "audio": (),
    "function_call": ("none", "auto"),
    "functions": ([],),
    "logprobs": (False,),
    "modalities": (["text"],),
    "n": (1,),
    "response_format": ({"type": "text"},),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_logprobs": (0,),
    "web_search_options": (),
}


def read_chat(body: bytes, purpose: Purpose) -> Chat:
    """Read a request; raise `BadRequest` with the JSON path of what is wrong."""
    chat = decode(_BODY, body)
    ignored = _unused(body)
    turns: list[Turn] = []
    for place, message in enumerate(chat.messages):
        where = f"$.messages[{place}]"
        if message.role in {"user", "assistant"}:
            turns.append(Turn(message.role, _text(message, where)))
        elif message.role in {"system", "developer"}:
            ignored.append(where)
        else:
            raise BadRequest(
                f"`{where}.role` is not one that this API takes",
                where=f"{where}.role",
                fix="use `user` and `assistant`",
            )
    question = _question(chat, turns)
    options = chat.stream_options
    request = Request(
        chat.model,
        question,
        tuple(turn for turn in turns[:-1] if turn.text),
        purpose,
        stream=bool(chat.stream),
    )
    include_usage = options is not None and bool(options.include_usage)
    return Chat(request, include_usage, tuple(ignored[:_IGNORED_AT_MOST]))


def _question(chat: ChatRequest, turns: list[Turn]) -> str:
    if not chat.messages:
        raise BadRequest(
            "`$.messages` is empty", where="$.messages", fix="add a message with the role `user`"
        )
    where = f"$.messages[{len(chat.messages) - 1}]"
    if chat.messages[-1].role != "user":
        raise BadRequest(
            "the last message is not the user's",
            where=f"{where}.role",
            fix="end with a message of the role `user`",
        )
    question = turns[-1].text
    if not question.strip():
        raise BadRequest("the question is empty", where=f"{where}.content", fix="write the question there")
    return question


def _text(message: ChatMessage, where: str) -> str:
    content = message.content
    if isinstance(content, str):
        return content
    if content is not None:
        return "\n".join(_part(part, f"{where}.content[{place}]") for place, part in enumerate(content))
    if message.refusal is not None:
        return message.refusal
    raise BadRequest(
        f"`{where}.content` is missing", where=f"{where}.content", fix="write the message's text there"
    )


def _part(part: ChatPart, where: str) -> str:
    if part.type == "text" and part.text is not None:
        return part.text
    if part.type == "refusal" and part.refusal is not None:
        return part.refusal
    raise BadRequest(
        f"`{where}` is not text", where=where, fix='send parts such as `{"type": "text", "text": "…"}`'
    )


def _unused(body: bytes) -> list[str]:
    """Return the paths of parameters without effect; raise `BadRequest` for one that would be missed."""
    fields = decode(_FIELDS, body)
    if fields.keys() <= _USED:
        return []
    unused = []
    for name, raw in fields.items():
        if name in _USED or bytes(raw) == b"null":
            continue
        if name not in _REFUSED:
            unused.append(f"$.{name[:64]}")
        elif not _asks_for_nothing(name, raw):
            raise BadRequest(
                f"`{name}` is not offered here: the app's contract decides the form of the answer",
                where=f"$.{name}",
                fix="leave it out",
            )
    return unused


def _asks_for_nothing(name: str, raw: msgspec.Raw) -> bool:
    # Of the same type too: Python holds `true` and `1.0` for 1.
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError, ValueError):  # such as a number of 5,000 digits, or 1e999
        return False
    return any(type(value) is type(plain) and value == plain for plain in _REFUSED[name])
