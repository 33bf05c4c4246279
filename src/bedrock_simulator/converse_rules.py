"""The rules of Converse that the service model lacks: whose turn it is, tool results, limits, names of documents."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec

from bedrock_simulator.exchange import ServiceError
from bedrock_simulator.scenario import SimulatedModel

MOST_CACHE_POINTS = 4
MOST_DOCUMENTS = 5
MOST_IMAGES = 20

_NAME = re.compile(r"[A-Za-z0-9\-()\[\]]+(?:\s[A-Za-z0-9\-()\[\]]+)*")
_MEDIA = {"image": "IMAGE", "video": "VIDEO", "audio": "SPEECH"}

Params = dict[str, Any]
Message = dict[str, Any]


def check(params: Params, model: SimulatedModel, input_tokens: int) -> None:
    """Refuse what the service model lets through and the service does not. Raises `ServiceError` (400)."""
    if model.kind != "text":
        raise _refused(
            "This action doesn't support the model that you provided. Try again with a supported text or chat model."
        )
    messages: list[Message] = params.get("messages") or []
    _check_turns(messages)
    for index, message in enumerate(messages):
        _check_content(message["content"], f"messages.{index}.content", message["role"], model)
    _check_system(params.get("system") or [])
    _check_tools(params, messages)
    _check_results(messages)
    _check_media(messages)
    _check_cache_points(params, messages)
    _check_format(params)
    _check_size(params, model, input_tokens)


def check_streaming(model: SimulatedModel) -> None:
    """Refuse a stream of a model that has none."""
    if not model.streaming:
        raise _refused(
            "The model is unsupported for streaming. Try again with a model that supports streaming."
        )


def _check_turns(messages: list[Message]) -> None:
    """The user begins, and the roles alternate. A system message in between is nobody's turn."""
    roles = [message["role"] for message in messages if message["role"] != "system"]
    if not roles or roles[0] != "user":
        raise _refused(
            "A conversation must start with a user message. Try again with a conversation that starts with a user "
            "message."
        )
    if any(one == other for one, other in pairwise(roles)):
        raise _refused(
            "A conversation must alternate between user and assistant roles. Make sure the conversation alternates "
            "between user and assistant roles and try again."
        )


def _check_content(content: list[dict[str, Any]], at: str, role: str, model: SimulatedModel) -> None:
    if not content:
        raise _refused(
            f"The content field in the Message object at {at.removesuffix('.content')} is empty. Add a ContentBlock "
            "object to the content field and try again."
        )
    for index, block in enumerate(content):
        ((kind, value),) = block.items()
        if kind == "text":
            if not value.strip():
                raise _blank("ContentBlock", f"{at}.{index}")
        else:
            _check_block(kind, value, f"{at}.{index}", role, model)


def _check_block(kind: str, value: Any, at: str, role: str, model: SimulatedModel) -> None:
    if kind == "toolUse" and not isinstance(value["input"], dict):
        raise _no_object(f"{at}.toolUse.input")
    if kind in {"toolUse", "reasoningContent", "citationsContent"} and role != "assistant":
        raise _misplaced(kind, at, "assistant")
    if kind in {"toolResult", "image", "document", "video", "audio"} and role != "user":
        raise _misplaced(kind, at, "user")
    if kind in _MEDIA and _MEDIA[kind] not in model.input:
        raise _refused(f"This model doesn't support the {kind} field. Remove {kind} and try again.")
    if kind == "document" and not _NAME.fullmatch(value["name"]):
        raise _refused(
            "The document file name can only contain alphanumeric characters, whitespace characters, hyphens, "
            "parentheses, and square brackets. The name can't contain more than one consecutive whitespace character."
        )


def _check_system(system: list[dict[str, Any]]) -> None:
    for index, block in enumerate(system):
        if "text" in block and not block["text"].strip():
            raise _blank("SystemContentBlock", f"system.{index}")


def _check_tools(params: Params, messages: list[Message]) -> None:
    config = params.get("toolConfig")
    if config is None:
        if any(_ids(message, "toolUse") or _ids(message, "toolResult") for message in messages):
            raise _refused(
                "The toolConfig field must be defined when using toolUse and toolResult content blocks."
            )
        return
    names: list[str] = []
    for index, tool in enumerate(config["tools"]):
        spec = tool.get("toolSpec")
        if spec is not None:
            _check_schema(spec["inputSchema"]["json"], f"toolConfig.tools.{index}.toolSpec.inputSchema.json")
            names.append(spec["name"])
        elif "systemTool" in tool:
            names.append(tool["systemTool"]["name"])
    if len(names) != len(set(names)):
        twice = next(name for name in names if names.count(name) > 1)
        raise _refused(
            f"The tool name {twice} is used more than once in toolConfig. Use unique names and try again."
        )
    wanted = config.get("toolChoice", {}).get("tool", {}).get("name")
    if wanted is not None and wanted not in names:
        raise _refused(
            f"The tool {wanted} of toolConfig.toolChoice isn't in toolConfig.tools. Add it and try again."
        )


def _check_schema(schema: Any, at: str) -> None:
    if not isinstance(schema, dict):
        raise _no_object(at)
    if schema.get("type") != "object":
        raise _refused(f"The value at {at}.type must be one of the following: object.")


def _check_results(messages: list[Message]) -> None:
    """Each tool use is answered in the next turn, and nothing else is."""
    asked: list[str] = []
    for index, message in enumerate(messages):
        at = f"messages.{index}.content"
        answered = _ids(message, "toolResult")
        if message["role"] == "user":
            _check_answers(asked, answered, at)
            asked = []
        elif message["role"] == "assistant":
            asked = _ids(message, "toolUse")
            if len(asked) != len(set(asked)):
                raise _refused(f"The toolUse blocks at {at} contain duplicate Ids.")
    if asked:
        raise _unanswered(asked, f"messages.{len(messages)}.content")


def _check_answers(asked: list[str], answered: list[str], at: str) -> None:
    if len(answered) != len(set(answered)):
        raise _refused(
            f"The toolResult blocks at {at} contain duplicate Ids: {', '.join(sorted(set(answered)))}"
        )
    if len(answered) > len(asked):
        raise _refused(
            f"The number of toolResult blocks at {at} exceeds the number of toolUse blocks of previous turn."
        )
    if missing := [name for name in asked if name not in answered]:
        raise _unanswered(missing, at)


def _ids(message: Message, kind: str) -> list[str]:
    """Return the IDs of tool blocks; tools that the service runs itself are not the caller's to answer."""
    blocks = (block[kind] for block in message["content"] if kind in block)
    return [block["toolUseId"] for block in blocks if block.get("type") != "server_tool_use"]


def _check_media(messages: list[Message]) -> None:
    """At most so many documents and images, and a document never without words."""
    counts = {"document": 0, "image": 0}
    for message in messages:
        kinds = [kind for block in message["content"] for kind in block]
        for kind in counts:
            counts[kind] += kinds.count(kind)
        if "document" in kinds and not {"text", "guardContent"}.intersection(kinds):
            raise _refused(
                "A text block must be included when a document is. Add a text block and try again."
            )
    for kind, most in (("document", MOST_DOCUMENTS), ("image", MOST_IMAGES)):
        if counts[kind] > most:
            raise _refused(f"The number of {kind} blocks exceeds the limit of {most}. Found {counts[kind]}.")


def _check_cache_points(params: Params, messages: list[Message]) -> None:
    count = sum("cachePoint" in block for block in _cacheable(params, messages))
    if count > MOST_CACHE_POINTS:
        raise _refused(
            f"A maximum of {MOST_CACHE_POINTS} blocks with cachePoint may be provided. Found {count}."
        )


def _cacheable(params: Params, messages: list[Message]) -> Iterator[dict[str, Any]]:
    yield from params.get("system") or ()
    yield from params.get("toolConfig", {}).get("tools", ())
    for message in messages:
        yield from message["content"]


def _check_format(params: Params) -> None:
    if not isinstance(params.get("additionalModelRequestFields", {}), dict):
        raise _no_object("additionalModelRequestFields")
    structure = params.get("outputConfig", {}).get("textFormat", {}).get("structure", {})
    if "jsonSchema" not in structure:
        return
    try:
        schema = msgspec.json.decode(structure["jsonSchema"]["schema"])
    except (msgspec.DecodeError, RecursionError):
        schema = None
    if not isinstance(schema, dict):
        raise _no_object("outputConfig.textFormat.structure.jsonSchema.schema")


def _check_size(params: Params, model: SimulatedModel, input_tokens: int) -> None:
    wanted = params.get("inferenceConfig", {}).get("maxTokens")
    if wanted is not None and wanted > model.max_output:
        raise _refused(
            f"The maximum tokens you requested exceeds the model limit of {model.max_output}. Try again with a maximum "
            f"tokens value that is lower than {model.max_output}."
        )
    if input_tokens > model.context:
        raise _refused("Input is too long for requested model.")


def _refused(message: str) -> ServiceError:
    return ServiceError("ValidationException", message, 400)


def _blank(kind: str, at: str) -> ServiceError:
    return _refused(
        f"The text field in the {kind} object at {at} is blank. Add text to the text field, and try again."
    )


def _no_object(at: str) -> ServiceError:
    return _refused(
        f"The format of the value at {at} is invalid. Provide a json object for the field and try again."
    )


def _misplaced(kind: str, at: str, role: str) -> ServiceError:
    return _refused(
        f"The {kind} block at {at} is only allowed in a message of the role {role}. Move it and try again."
    )


def _unanswered(ids: list[str], at: str) -> ServiceError:
    return _refused(f"Expected toolResult blocks at {at} for the following Ids: {', '.join(ids)}")
