"""What answers in the simulator: rules first, then a persona; and the other operations, each by its module."""

import hashlib
import time
from collections.abc import Callable
from random import Random
from typing import Any, Final

import msgspec
from msgspec import structs

from bedrock_simulator import checks, embedding, guarding, knowledge
from bedrock_simulator.caching import PromptCache
from bedrock_simulator.conversation import Reading, read
from bedrock_simulator.exchange import Exchange, Said, ServiceError
from bedrock_simulator.personas import persona_of
from bedrock_simulator.rules import Rules, filled
from bedrock_simulator.scenario import Rule, Scenario, SimulatedModel
from bedrock_simulator.scene import Scene, Turn, reasoning
from bedrock_simulator.tokens import count_body, count_input, written
from bedrock_simulator.truncation import fitted, output_tokens, stopped

STOPS: Final = frozenset(
    (
        "end_turn",
        "tool_use",
        "max_tokens",
        "stop_sequence",
        "guardrail_intervened",
        "content_filtered",
        "malformed_model_output",
        "malformed_tool_use",
        "model_context_window_exceeded",
    )
)
_TOO_LONG: Final = "Input is too long for requested model."
_THOUGHT: Final = "The question is: {question} I look at what I was given and answer from that."


class Answerer:
    """Answers by a scenario. Seeded: the same requests in the same order get the same answers.

    `clock` gives the seconds by which the prompt cache forgets. Not safe for more than one thread.
    """

    def __init__(self, scenario: Scenario, clock: Callable[[], float] = time.monotonic) -> None:
        self._scenario = scenario
        self._rules = Rules(scenario.answers.rules)
        self._cache = PromptCache(clock)
        self._guards = guarding.compiled(scenario)
        self._knowledge = knowledge.KnowledgeBases(scenario.knowledge_bases, self._guards)
        self._calls = 0
        self._operations: dict[str, Callable[[Exchange], dict[str, Any]]] = {
            "ApplyGuardrail": self._guards.apply,
            "InvokeGuardrailChecks": checks.check,
            "CountTokens": _count,
            "Retrieve": self._knowledge.retrieve,
            "Rerank": knowledge.rerank,
        }

    def converse(self, exchange: Exchange) -> Said:
        """Return the turn of Converse and ConverseStream. Raises `ServiceError`."""
        model = exchange.model or SimulatedModel()
        limit, stop = _limit(exchange.params, model)
        guard = self._guards.of_converse(exchange.params)
        if guard and (refused := guard.refuse_input()):
            return refused
        params = guard.params if guard else exchange.params
        reading = read(params)
        turn = self._turn(reading, structs.replace(exchange, params=params), limit)
        tokens = self._cache.account(exchange)
        turn = fitted(stopped(turn, _inference(params).get("stopSequences") or ()), limit, stop)
        tokens = structs.replace(tokens, output=output_tokens(turn.content))
        if guard:
            return guard.release(turn.content, turn.stop, tokens)
        return Said(turn.content, turn.stop, tokens)

    def invoke(self, exchange: Exchange, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body of InvokeModel's answer. Raises `ServiceError`."""
        kind = exchange.model.kind if exchange.model else ""
        if kind == "titan-embed":
            return embedding.titan(body)
        if kind == "cohere-embed":
            return embedding.cohere(body)
        message = (
            f"The simulator answers InvokeModel for embeddings only; ask {exchange.model_id} with Converse."
        )
        raise ServiceError("ValidationException", message, 400)

    def answer(self, exchange: Exchange) -> dict[str, Any]:
        """Return the output of any other operation that it knows. Raises `ServiceError`."""
        operation = self._operations.get(exchange.operation)
        if operation is None:
            raise ServiceError(
                "ValidationException", f"The simulator does not know {exchange.operation}.", 400
            )
        return operation(exchange)

    def _turn(self, reading: Reading, exchange: Exchange, limit: int) -> Turn:
        self._calls += 1
        rule = self._rules.choose(reading, exchange)
        scene = Scene(reading, *self._chance(exchange, limit), _schema(exchange.params))
        turn = self._chosen(scene, rule, exchange)
        if rule and rule.stop:
            turn = _stopping(turn, rule.stop)
        thought = rule.reasoning if rule and rule.reasoning else _thinking(exchange.params, reading)
        return Turn((reasoning(thought), *turn.content), turn.stop) if thought else turn

    def _chosen(self, scene: Scene, rule: Rule | None, exchange: Exchange) -> Turn:
        """Return what the rule says, what a forced tool is called with, or what the persona says."""
        reading = scene.reading
        tools = {tool.name: tool for tool in reading.tools}
        text = filled(rule.text, reading) if rule and rule.text is not None else None
        if rule and rule.tool:
            turn = scene.call(tools[rule.tool], rule.input)
            return Turn(({"text": text}, *turn.content), turn.stop) if text else turn
        if reading.choice != "auto" and tools:
            name = reading.choice.partition(":")[2] or next(iter(tools))
            if name not in tools:
                raise ServiceError("ValidationException", f"Tool '{name}' not found in provided tools.", 400)
            return scene.call(tools[name])
        if text is not None:
            return Turn(({"text": text},) if text else ())
        named = rule.persona if rule else None
        return persona_of(exchange.model_id, named, self._scenario.answers.persona)(scene)

    def _chance(self, exchange: Exchange, limit: int) -> tuple[Random, int, Callable[[], str]]:
        """Return a generator that the seed and the request determine, the limit, and the maker of tool call IDs."""
        digest = hashlib.sha256(str(self._scenario.answers.seed).encode())
        request = written([exchange.model_id, exchange.params])
        digest.update(request.encode("utf-8", "surrogatepass"))
        random = Random(digest.digest())  # noqa: S311  # repeatable, not secret
        names = Random(digest.digest() + self._calls.to_bytes(8, "big"))  # noqa: S311  # the same
        return random, limit, lambda: f"tooluse_{names.getrandbits(128):032x}"


def _limit(params: dict[str, Any], model: SimulatedModel) -> tuple[int, str]:
    """Return how many tokens the answer may have, and why it stops there."""
    left = model.context - count_input(params)
    if left <= 0:
        raise ServiceError("ValidationException", _TOO_LONG, 400)
    most = min(int(_inference(params).get("maxTokens", model.max_output)), model.max_output)
    return (most, "max_tokens") if most <= left else (left, "model_context_window_exceeded")


def _inference(params: dict[str, Any]) -> dict[str, Any]:
    return params.get("inferenceConfig") or {}


def _schema(params: dict[str, Any]) -> Any:
    """Return the schema that the answer's text must fit; None where it may be prose."""
    text_format = (params.get("outputConfig") or {}).get("textFormat")
    if not text_format:
        return None
    try:
        return msgspec.json.decode(text_format["structure"]["jsonSchema"]["schema"])
    except msgspec.DecodeError as error:
        message = f"The JSON schema in outputConfig.textFormat is not usable: {error}."
        raise ServiceError("ValidationException", message, 400) from error


def _thinking(params: dict[str, Any], reading: Reading) -> str:
    """Return the thoughts that `additionalModelRequestFields` asks for, by the names that models give to thinking."""
    fields = params.get("additionalModelRequestFields") or {}
    asked = [fields.get(name) for name in ("thinking", "reasoning_config", "reasoningConfig")]
    on = any(isinstance(one, dict) and one.get("type", "disabled") != "disabled" for one in asked)
    if not on and fields.get("reasoning_effort", "none") == "none":
        return ""
    if reading.choice != "auto":
        message = "Thinking may not be enabled when tool_choice forces tool use."
        raise ServiceError("ValidationException", message, 400)
    return _THOUGHT.format(question=reading.question[:300])


def _stopping(turn: Turn, stop: str) -> Turn:
    """Return a turn with another stop reason, and with the content that goes with it where it is malformed."""
    content = turn.content
    if stop == "malformed_tool_use":
        content = tuple(_cut_input(block) for block in content)
    elif stop == "malformed_model_output":
        content = tuple(
            {"text": block["text"][: len(block["text"]) // 2]} if "text" in block else block
            for block in content
        )
    return Turn(content, stop)


def _cut_input(block: dict[str, Any]) -> dict[str, Any]:
    if "toolUse" not in block:
        return block
    whole = written(block["toolUse"]["input"])
    return {"toolUse": block["toolUse"] | {"input": whole[: len(whole) // 2]}}


def _count(exchange: Exchange) -> dict[str, Any]:
    if exchange.model and not exchange.model.count_tokens:
        raise ServiceError("ValidationException", "The provided model doesn't support counting tokens.", 400)
    given = exchange.params["input"]
    if "converse" in given:
        return {"inputTokens": count_input(given["converse"])}
    return {"inputTokens": count_body(embedding.body_of(given["invokeModel"]["body"]))}
