"""What a persona has before it: the request as read, what its answer is made of, and the blocks that it may say."""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from msgspec import Struct

from bedrock_simulator.conversation import NOTHING_FOUND, Reading, Tool
from bedrock_simulator.exchange import ServiceError
from bedrock_simulator.extracting import Quoted, blocks_of, extract, text_of
from bedrock_simulator.sampler import Material, Unsatisfiable, sample
from bedrock_simulator.tokens import written
from bedrock_simulator.wording import sentences

Block = dict[str, Any]

_PHRASES = 40  # that strings are drawn from
_LONGEST = 200  # characters of a phrase


class Turn(Struct, frozen=True):
    """What a persona says, and why it stops."""

    content: tuple[Block, ...]
    stop: str = "end_turn"


class Scene(Struct, frozen=True):
    """One request before a persona. `limit`: tokens that the answer may have; `schema`: what its text must fit."""

    reading: Reading
    random: Random
    limit: int
    tool_id: Callable[[], str]
    schema: Any = None

    def quotes(self) -> tuple[Quoted, ...]:
        """Return the sentences of the passages that answer the question."""
        return extract(self.reading.question, self.reading.passages)

    def say(self, text: str) -> Turn:
        """Return a turn of words; of JSON with these words in it where the request asks for JSON."""
        return self._formatted(text) if self.schema is not None else Turn(({"text": text},) if text else ())

    def quote(self, quotes: Sequence[Quoted]) -> Turn:
        """Return a turn that quotes passages and cites them; that nothing answers, where there is nothing to quote."""
        if self.schema is not None:
            return self._formatted(text_of(quotes) or self.nothing())
        return Turn(tuple(blocks_of(quotes)) or ({"text": self.nothing()},))

    def nothing(self) -> str:
        """Return what is said where nothing answers."""
        return self.reading.no_evidence or NOTHING_FOUND

    def call(self, tool: Tool, given: Any = None) -> Turn:
        """Return a turn that calls a tool, with an input that fits its schema where none is given."""
        value = (
            self.sampled(tool.schema, self.reading.question, f"toolConfig: {tool.name}")
            if given is None
            else given
        )
        return Turn(
            ({"toolUse": {"toolUseId": self.tool_id(), "name": tool.name, "input": value}},), "tool_use"
        )

    def sampled(self, schema: Any, answer: str, what: str) -> Any:
        """Return a value that fits a schema. Raises `ServiceError` where none does."""
        try:
            return sample(schema, self.random, self._material(answer))
        except Unsatisfiable as error:
            raise ServiceError(
                "ValidationException", f"The JSON schema in {what} is not usable: {error}.", 400
            ) from error

    def _formatted(self, text: str) -> Turn:
        value = self.sampled(self.schema, text, "outputConfig.textFormat")
        return Turn(({"text": written(value)},))

    def _material(self, answer: str) -> Material:
        reading = self.reading
        phrases = [reading.question[:_LONGEST]] if reading.question else []
        for passage in reading.passages:
            for part in passage.parts:
                for span in sentences(part):
                    if len(phrases) == _PHRASES:
                        break
                    phrases.append(part[span.start : span.end][:_LONGEST])
        numbers = tuple(int(p.number) for p in reading.passages if p.number.isdecimal())
        return Material(answer, tuple(phrases), numbers)


def reasoning(text: str) -> Block:
    """Return a reasoning block, signed as models sign theirs: with what nobody but they can read."""
    signature = b64encode(hashlib.sha512(text.encode("utf-8", "surrogatepass")).digest()).decode()
    return {"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}}
