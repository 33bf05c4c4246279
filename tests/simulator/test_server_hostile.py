"""Whatever a request holds, it is answered or refused: nothing in it makes the simulator fail."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_simulator import converse_output, converse_rules
from bedrock_simulator.answering import Answerer
from bedrock_simulator.exchange import Exchange, ServiceError
from bedrock_simulator.messages import Received
from bedrock_simulator.models import ServiceModels
from bedrock_simulator.reading import Readers
from bedrock_simulator.routes import Routes
from bedrock_simulator.scenario import Scenario, SimulatedGuardrail, SimulatedModel
from bedrock_simulator.tokens import count_input

MODEL = SimulatedModel(input=("TEXT", "IMAGE"))
SCENARIO = Scenario(guardrails={"abc": SimulatedGuardrail(blocked_words=("secret",))})
READERS, ROUTES = Readers(ServiceModels()), Routes(ServiceModels())
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        ["QQ==", "a1", "user", "tool", "default", '{"type":"object"}', {"type": "object"}, [], {}]
    ),
)
WHOLE: dict[str, Any] = {
    "system": [{"text": "Be kind."}, {"cachePoint": {"type": "default"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"text": "Look at this."},
                {"image": {"format": "png", "source": {"bytes": "QQ=="}}},
                {"document": {"name": "a", "format": "txt", "source": {"bytes": "QQ=="}}},
                {"searchResult": {"source": "s", "title": "t", "content": [{"text": "x"}]}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}},
                {"toolUse": {"toolUseId": "a1", "name": "find", "input": {"q": 1}}},
            ],
        },
        {
            "role": "user",
            "content": [{"toolResult": {"toolUseId": "a1", "content": [{"json": {"a": 1}}, {"text": "b"}]}}],
        },
    ],
    "toolConfig": {
        "tools": [
            {
                "toolSpec": {
                    "name": "find",
                    "inputSchema": {"json": {"type": "object", "properties": {"q": {"type": "integer"}}}},
                }
            },
            {"cachePoint": {"type": "default"}},
        ],
        "toolChoice": {"auto": {}},
    },
    "inferenceConfig": {"maxTokens": 50, "temperature": 0.5, "stopSequences": ["END"]},
    "outputConfig": {
        "textFormat": {
            "type": "json_schema",
            "structure": {"jsonSchema": {"schema": '{"type":"object"}', "name": "n"}},
        }
    },
    "guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "1", "trace": "enabled"},
    "requestMetadata": {"app": "a"},
    "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1_024}},
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*found, *(inner for key, item in items for inner in places(item, (*path, key)))]


PLACES = places(WHOLE)


def has(value: Any, key: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(key, int) and key < len(value)
    return isinstance(value, dict) and key in value


@st.composite
def mutilated(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a whole request of which a few places are gone or something else."""
    request: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(WHOLE))
    for path in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=4)):
        *way, last = path
        target: Any = request
        for key in way:
            target = target[key] if has(target, key) else None
        if isinstance(target, dict) and draw(st.booleans()):
            target.pop(last, None)
        elif has(target, last):
            target[last] = draw(LEAVES)
    return request


def status_of(raw: bytes) -> int:
    """Take a request all the way to its answer, whole and streamed."""
    request = Received("POST", "/model/simulator.echo-v1%3A0/converse", "", {}, raw)
    try:
        params = READERS.read(ROUTES.route(request), request)
        converse_rules.check(params, MODEL, count_input(params))
        said = Answerer(SCENARIO).converse(Exchange("Converse", "us-east-1", params, "m", MODEL))
    except ServiceError as refused:
        return refused.status
    assert converse_output.frames(said, params, 1)
    assert msgspec.json.decode(converse_output.whole(said, params, 1))
    return 200


def test_the_whole_request_is_answered() -> None:
    assert status_of(msgspec.json.encode(WHOLE)) == 200


@settings(deadline=None, max_examples=100)
@given(mutilated())
def test_a_mutilated_request_is_answered_or_refused(body: dict[str, Any]) -> None:
    assert status_of(msgspec.json.encode(body)) in {200, 400}


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200))
def test_rubbish_is_refused(body: bytes) -> None:
    assert status_of(b"{" + body) == 400
