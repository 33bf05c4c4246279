"""What the tests of answers share: requests as the server hands them on, and botocore's word on what comes back."""

from functools import cache
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from bedrock_simulator.answering import Answerer
from bedrock_simulator.exchange import Exchange, Said
from bedrock_simulator.scenario import Answers, Rule, Scenario, SimulatedModel

PASSAGES = """Passages:

[1] Meals
Employees may claim up to 60 EUR a day for meals. Alcohol is not reimbursed.

[2] Hotels
The hotel limit in Lisbon is 150 EUR a night.
In other cities it is 120 EUR.

Question: {question}
"""
SYSTEM = (
    "Use the passages. If they do not answer the question, reply with exactly: NO EVIDENCE\n- End with [2]."
)
WEATHER = {
    "toolSpec": {
        "name": "weather",
        "inputSchema": {
            "json": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
        },
    }
}
CLOCK = {"toolSpec": {"name": "clock", "inputSchema": {"json": {"type": "object"}}}}


def asked(text: str, model: SimulatedModel | None = None, **params: Any) -> Exchange:
    """A Converse request with one turn; `messages` and all else may be given."""
    given = {"modelId": "acme.one", "messages": [{"role": "user", "content": [{"text": text}]}]} | params
    return Exchange("Converse", "us-east-1", given, given["modelId"], model or SimulatedModel())


def about(question: str, **params: Any) -> Exchange:
    """A question with numbered passages."""
    return asked(PASSAGES.format(question=question), **({"system": [{"text": SYSTEM}]} | params))


def turns(*contents: Any) -> list[dict[str, Any]]:
    """Messages of user and assistant in turn."""
    return [{"role": ("user", "assistant")[n % 2], "content": one} for n, one in enumerate(contents)]


def persona(name: str) -> Answerer:
    """An answerer of one persona."""
    return Answerer(Scenario(answers=Answers(persona=name)))


def ruled(*rules: Rule) -> Answerer:
    """An answerer with rules."""
    return Answerer(Scenario(answers=Answers(rules=rules)))


def text_of(said: Said) -> str:
    """All words of a turn."""
    cited = [part for block in said.content for part in block.get("citationsContent", {}).get("content", ())]
    return "".join(block["text"] for block in [*said.content, *cited] if "text" in block)


def other(operation: str, **params: Any) -> Exchange:
    """A request of another operation."""
    return Exchange(operation, "us-east-1", params)


def as_service(said: Said) -> dict[str, Any]:
    """A turn as the output of Converse."""
    output: dict[str, Any] = {
        "output": {"message": {"role": "assistant", "content": list(said.content)}},
        "stopReason": said.stop,
        "usage": {"inputTokens": said.tokens.input, "outputTokens": said.tokens.output, "totalTokens": 0},
        "metrics": {"latencyMs": 1},
    }
    return output | ({"trace": said.trace} if said.trace else {})


def check_shape(operation: str, output: dict[str, Any], service: str = "bedrock-runtime") -> None:
    """Fail where botocore's model of the service does not know the output, down to members and enums."""
    shape = _service(service).operation_model(operation).output_shape
    report = ParamValidator().validate(output, shape)
    assert not report.has_errors(), report.generate_report()
    _check_enums(output, shape)


def _check_enums(value: Any, shape: Any) -> None:
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        assert set(value) <= set(shape.members), (shape.name, value)
        for name, one in value.items():
            _check_enums(one, shape.members[name])
    elif shape.type_name == "list":
        for one in value:
            _check_enums(one, shape.member)
    elif shape.type_name == "map":
        for one in value.values():
            _check_enums(one, shape.value)
    elif getattr(shape, "enum", None):
        assert value in shape.enum, (shape.name, value)


@cache
def _service(name: str) -> Any:
    return botocore.session.get_session().get_service_model(name)
