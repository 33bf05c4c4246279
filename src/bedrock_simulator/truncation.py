"""Where an answer ends before it has ended: a stop sequence, the tokens it may have, the context of the model."""

from collections.abc import Sequence
from typing import Any

from bedrock_simulator.scene import Block, Turn
from bedrock_simulator.tokens import count, count_block, cut


def stopped(turn: Turn, sequences: Sequence[str]) -> Turn:
    """Return a turn up to the first stop sequence in its words, which it leaves out."""
    for index, block in enumerate(turn.content):
        text = block.get("text", "")
        places = [place for sequence in sequences if sequence and (place := text.find(sequence)) >= 0]
        if places:
            rest = ({"text": text[: min(places)]},) if min(places) else ()
            return Turn((*turn.content[:index], *rest), "stop_sequence")
    return turn


def fitted(turn: Turn, limit: int, stop: str) -> Turn:
    """Return a turn of at most that many tokens; with the stop reason where it had more."""
    left = limit
    kept: list[Block] = []
    for block in turn.content:
        needed = output_tokens((block,))
        if needed > left:
            return Turn((*kept, *_beginning(block, left)), stop)
        kept.append(block)
        left -= needed
    return turn


def output_tokens(blocks: Sequence[Block]) -> int:
    """Return the tokens of what a model says: words and thoughts, but not the citations beside them."""
    return sum(map(_tokens, blocks))


def _tokens(block: Block) -> int:
    if "citationsContent" in block:
        return sum(count(part["text"]) for part in block["citationsContent"]["content"])
    if "reasoningContent" in block:
        return count(block["reasoningContent"]["reasoningText"]["text"])
    return count_block(block)


def _beginning(block: Block, left: int) -> tuple[Block, ...]:
    """Return what fits of a block: of words their beginning, of a tool call nothing."""
    if "text" in block:
        text = cut(block["text"], left)
        return ({"text": text},) if text else ()
    if "citationsContent" in block:
        text = cut(_cited_text(block["citationsContent"]), left)
        return ({"text": text},) if text else ()
    return ()


def _cited_text(cited: dict[str, Any]) -> str:
    return "".join(part["text"] for part in cited["content"])
