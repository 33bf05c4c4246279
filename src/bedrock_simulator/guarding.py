"""Guardrails: ApplyGuardrail, and the same around a model's turn in Converse."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from bedrock_simulator.exchange import Exchange, Said, ServiceError, Tokens
from bedrock_simulator.policies import Grounds, Policies, Verdict
from bedrock_simulator.scenario import Scenario

Block = dict[str, Any]

_UNKNOWN = "The guardrail identifier or version provided in the request does not exist."


def compiled(scenario: Scenario) -> "Guardrails":
    """Return a scenario's guardrails, ready to assess."""
    return Guardrails({name: Policies(name, one) for name, one in scenario.guardrails.items()})


class Guardrails:
    """The guardrails of an account, by ID."""

    def __init__(self, guardrails: Mapping[str, Policies]) -> None:
        self._guardrails = guardrails

    def find(self, identifier: str, version: str, missing: tuple[str, int]) -> Policies:
        """Return a guardrail by its ID or ARN. Raises `ServiceError`, as `missing` says, where it is unknown."""
        policies = self._guardrails.get(identifier.rpartition("/")[2])
        if policies is None or version not in policies.guardrail.versions:
            code, status = missing
            raise ServiceError(code, _UNKNOWN, status)
        return policies

    def apply(self, exchange: Exchange) -> dict[str, Any]:
        """Answer ApplyGuardrail. Raises `ServiceError`."""
        params = exchange.params
        policies = self.find(
            params["guardrailIdentifier"], params["guardrailVersion"], ("ResourceNotFoundException", 404)
        )
        blocks = [block["text"] for block in params["content"] if "text" in block]
        full = params.get("outputScope") == "FULL"
        verdict = policies.assess(_to_guard(blocks), params["source"], _grounds(blocks), full=full)
        outputs: list[Block] = []
        if verdict.blocked:
            given, made = policies.guardrail.input_message, policies.guardrail.output_message
            outputs = [{"text": given if params["source"] == "INPUT" else made}]
        elif verdict.masked:
            outputs = [{"text": text} for text in verdict.texts]
        return {
            "usage": verdict.usage,
            "action": "GUARDRAIL_INTERVENED" if verdict.intervened else "NONE",
            "actionReason": verdict.reason,
            "outputs": outputs,
            "assessments": [verdict.assessment],
            "guardrailCoverage": verdict.coverage,
        }

    def of_converse(self, params: dict[str, Any]) -> "Guarded | None":
        """Return the guard of a Converse request, its input assessed; None where it asks for none."""
        config = params.get("guardrailConfig") or {}
        identifier, version = config.get("guardrailIdentifier", ""), config.get("guardrailVersion", "")
        if not identifier and not version:
            return None
        if not identifier or not version:
            message = "guardrailIdentifier and guardrailVersion must be provided together."
            raise ServiceError("ValidationException", message, 400)
        policies = self.find(identifier, version, ("ValidationException", 400))
        return _guarded(policies, params, config.get("trace", "disabled"))


class Guarded(Struct, frozen=True):
    """A Converse request under a guardrail. `params` are masked where the guardrail masks what goes in."""

    params: dict[str, Any]
    policies: Policies
    verdict: Verdict  # on the input
    grounds: Grounds
    trace: str

    def refuse_input(self) -> Said | None:
        """Return the guardrail's own answer where it blocks what goes in; no model is asked then."""
        if not self.verdict.blocked:
            return None
        content = [{"text": self.policies.guardrail.input_message}]
        return Said(content, "guardrail_intervened", Tokens(), self._traced(None, ()))

    def release(self, content: Sequence[Block], stop: str, tokens: Tokens) -> Said:
        """Return the model's turn, masked or replaced where the guardrail says so."""
        said: list[str] = []
        list(map(_through(said.append), content))
        full = self.trace == "enabled_full"
        verdict = self.policies.assess(said, "OUTPUT", self.grounds, full=full)
        trace = self._traced(verdict, said)
        if verdict.blocked:
            replaced = [{"text": self.policies.guardrail.output_message}]
            return Said(replaced, "guardrail_intervened", tokens, trace)
        if verdict.masked:
            texts = iter(verdict.texts)
            masked = list(map(_through(lambda _: next(texts)), content))
            return Said(masked, "guardrail_intervened", tokens, trace)
        return Said(content, stop, tokens, trace)

    def _traced(self, output: Verdict | None, said: Sequence[str]) -> dict[str, Any] | None:
        if self.trace not in ("enabled", "enabled_full"):
            return None
        name = self.policies.identifier
        trace: dict[str, Any] = {"inputAssessment": {name: self.verdict.assessment}}
        deciding = self.verdict
        if output:
            trace["outputAssessments"] = {name: [output.assessment]}
            deciding = output if output.intervened else self.verdict
            if output.intervened:
                trace["modelOutput"] = list(said)
        return {"guardrail": trace | {"actionReason": deciding.reason}}


def _guarded(policies: Policies, params: dict[str, Any], trace: str) -> Guarded:
    """Assess what goes in: the guarded blocks where there are some, else every word of the messages."""
    messages: list[Block] = params.get("messages") or []
    blocks = [block for message in messages for block in message["content"]]
    marked = [block["guardContent"]["text"] for block in blocks if "text" in block.get("guardContent", ())]
    some = any("guardContent" in block for block in blocks)
    texts: list[str] = []
    _mapped(messages, texts.append, some=some)
    verdict = policies.assess(texts, "INPUT", full=trace == "enabled_full")
    if verdict.masked and not verdict.blocked:
        masked = iter(verdict.texts)
        params = params | {"messages": _mapped(messages, lambda _: next(masked), some=some)}
    return Guarded(params, policies, verdict, _grounds(marked), trace)


def _mapped(messages: Sequence[Block], change: Callable[[str], str | None], *, some: bool) -> list[Block]:
    """Return the messages with each text that is guarded put through `change`."""
    through = _guard_through(change) if some else _through(change)
    return [message | {"content": list(map(through, message["content"]))} for message in messages]


def _guard_through(change: Callable[[str], str | None]) -> Callable[[Block], Block]:
    def through(block: Block) -> Block:
        text = block.get("guardContent", {}).get("text")
        if text is None or not _to_guard([text]):
            return block
        return {"guardContent": {"text": text | {"text": change(text["text"])}}}

    return through


def _through(change: Callable[[str], str | None]) -> Callable[[Block], Block]:
    """Return what puts the words of a block through `change`: plain ones and cited ones."""

    def through(block: Block) -> Block:
        if "text" in block:
            return {"text": change(block["text"])}
        if "citationsContent" in block:
            cited = block["citationsContent"]
            return {
                "citationsContent": cited
                | {"content": [{"text": change(p["text"])} for p in cited["content"]]}
            }
        return block

    return through


def _to_guard(blocks: Sequence[Block]) -> list[str]:
    """Return the texts that policies look at: those with another qualifier only are there for grounding."""
    return [b["text"] for b in blocks if not b.get("qualifiers") or "guard_content" in b["qualifiers"]]


def _grounds(blocks: Sequence[Block]) -> Grounds:
    sources = tuple(b["text"] for b in blocks if "grounding_source" in (b.get("qualifiers") or ()))
    return Grounds(sources, "\n".join(b["text"] for b in blocks if "query" in (b.get("qualifiers") or ())))
