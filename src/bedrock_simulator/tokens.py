"""How many tokens something is: an estimate that depends on nothing but its bytes."""

import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Any, Final

from bedrock_simulator.passages import blob, document_parts

Block = dict[str, Any]

BYTES: Final = 4  # of UTF-8 a token
_A_MESSAGE: Final = 4  # what a turn costs besides its blocks
_TOOLS: Final = 300  # what the presence of tools costs
_IMAGE: Final = 1_600  # of an image whose size cannot be told
_PIXELS: Final = 750  # of an image a token
_AWAY: Final = 1_000  # of what lies in S3


def count(text: str) -> int:
    """Return the tokens of a text: a quarter of its UTF-8 bytes, rounded up."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES)


def written(value: Any) -> str:
    """Return a value as JSON in one way only; a blob in it as base64."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_base64)


def cut(text: str, most: int) -> str:
    """Return the longest beginning of a text that is at most that many tokens, whole characters only."""
    content = text.encode("utf-8", "surrogatepass")
    end = max(0, most) * BYTES
    if len(content) <= end:
        return text
    while end and content[end] & 0xC0 == 0x80:  # inside a character
        end -= 1
    return content[:end].decode("utf-8", "surrogatepass")


def count_input(params: dict[str, Any]) -> int:
    """Return the input tokens of Converse's parameters: tools, system prompt and messages."""
    tools = (params.get("toolConfig") or {}).get("tools") or ()
    total = (_TOOLS if tools else 0) + count_blocks(tools)
    total += count_blocks(params.get("system") or ())
    return total + sum(_A_MESSAGE + count_blocks(m["content"]) for m in params.get("messages") or ())


def count_body(body: dict[str, Any]) -> int:
    """Return the input tokens of an InvokeModel body: its strings, wherever they are, but not those of images."""
    total = 0
    left: list[Any] = [body]
    while left:
        value = left.pop()
        if isinstance(value, str):
            total += _IMAGE if value.startswith("data:") else count(value)
        elif isinstance(value, dict):
            left += value.values()
        elif isinstance(value, list):
            left += value
    return total


def count_blocks(blocks: Sequence[Block]) -> int:
    """Return the tokens of content blocks, system blocks or tools; a cache point is none."""
    return sum(map(count_block, blocks))


def count_block(block: Block) -> int:
    """Return the tokens of one block."""
    (kind, value), *_ = block.items()
    if kind == "text":
        return count(value)
    if kind == "cachePoint":
        return 0
    if kind == "image":
        return _image(value)
    if kind == "document":
        return _document(value)
    if kind in ("audio", "video"):
        return _AWAY
    if kind == "toolResult":
        return 4 + count_blocks(value["content"])
    if kind == "guardContent":
        return count(value["text"]["text"]) if "text" in value else _IMAGE
    return count(written(value))


def _document(document: Block) -> int:
    source = document["source"]
    if "s3Location" in source:
        return _AWAY
    parts = document_parts(document)
    if parts or "bytes" not in source:
        return sum(map(count, parts))
    return max(1, len(blob(source["bytes"])) // 20)  # of PDF and Office files most is not text


def _image(image: Block) -> int:
    source = image.get("source", {})
    width, height = _size(blob(source["bytes"])) if "bytes" in source else (0, 0)
    return max(1, min(width * height // _PIXELS, _IMAGE)) if width and height else _IMAGE


def _size(content: bytes) -> tuple[int, int]:
    """Return width and height as a PNG's or a GIF's head gives them, else zeros."""
    if content.startswith(b"\x89PNG\r\n\x1a\n") and len(content) >= 24:
        return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")
    if content.startswith((b"GIF87a", b"GIF89a")) and len(content) >= 10:
        return int.from_bytes(content[6:8], "little"), int.from_bytes(content[8:10], "little")
    return 0, 0


def _base64(value: bytes) -> str:
    return b64encode(value).decode()
