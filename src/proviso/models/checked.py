"""What every endpoint demands of a reply before it counts as one."""

from typing import Any, Final

import msgspec

from proviso.models.failure import CallFailed, Kind
from proviso.models.responses import UNREADABLE
from proviso.models.shapes import Call, Reply, ToolUse
from proviso.types import StopReason

_OBJECT: Final = msgspec.json.Decoder(dict[str, Any])
# Where a model was stopped it may have been in the middle of a tool's input.
_STOPPED: Final = (StopReason.MAX_TOKENS, StopReason.CONTEXT_EXCEEDED)


def checked(call: Call, reply: Reply) -> Reply:
    """Return the reply to the call; unfinished tool calls of a model that was stopped are left out.

    Raises `CallFailed`: `unguarded` where the guardrail that was asked for left no trace, `malformed` where the model
    wrote what cannot be used, `empty` where it says that it is whole and there is nothing in it.
    """
    if call.guard is not None and not reply.guarded:
        raise _failed(Kind.UNGUARDED, f"guardrail `{call.guard.identifier}` left no trace", reply)
    if reply.stop in (StopReason.MALFORMED_OUTPUT, StopReason.MALFORMED_TOOL_USE):
        raise _failed(Kind.MALFORMED, "the model wrote an output that is not well formed", reply)
    uses = [block for block in reply.content if isinstance(block, ToolUse)]
    if uses:
        return _with_tools(call, reply, [use for use in uses if not _is_whole(use)])
    if reply.stop is StopReason.TOOL_USE:
        raise _failed(Kind.MALFORMED, "the model stopped for a tool and named none", reply)
    if reply.stop is StopReason.END and not reply.text.strip():
        raise _failed(Kind.EMPTY, "the model's answer is empty", reply)
    return reply


def _with_tools(call: Call, reply: Reply, broken: list[ToolUse]) -> Reply:
    if call.tool_choice == "none" or not call.tools:
        raise _failed(Kind.MALFORMED, "the model called a tool that it was not offered", reply)
    if not broken:
        return reply
    if reply.stop not in _STOPPED:
        raise _failed(
            Kind.MALFORMED, "a tool call has no name, no ID, or an input that is no JSON object", reply
        )
    kept = tuple([block for block in reply.content if not any(block is use for use in broken)])
    return msgspec.structs.replace(reply, content=kept)


def _is_whole(use: ToolUse) -> bool:
    try:
        _OBJECT.decode(use.input)
    except UNREADABLE:
        return False
    return bool(use.id and use.name)


def _failed(kind: Kind, message: str, reply: Reply) -> CallFailed:
    return CallFailed(kind, message, usage=reply.usage)
