"""Requests are held strictly against the service model, and refused in AWS's words."""

import base64
from typing import Any

import msgspec
import pytest

from bedrock_simulator.exchange import ServiceError
from bedrock_simulator.messages import Received
from bedrock_simulator.models import ServiceModels
from bedrock_simulator.reading import Readers
from bedrock_simulator.routes import ANSWERED, Routes
from bedrock_simulator.validation import Compiler

HELLO: list[Any] = [{"role": "user", "content": [{"text": "Hello"}]}]
MODELS = ServiceModels()
ROUTES = Routes(MODELS)
READERS = Readers(MODELS)


def received(path: str, body: object, *, method: str = "POST", query: str = "") -> Received:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Received(method, path, query, {}, raw)


def read(request: Received) -> dict[str, Any]:
    return READERS.read(ROUTES.route(request), request)


def converse(**changed: Any) -> dict[str, Any]:
    return read(received("/model/simulator.echo-v1%3A0/converse", {"messages": HELLO} | changed))


def refusal_of(**changed: Any) -> str:
    with pytest.raises(ServiceError) as refused:
        converse(**changed)
    assert refused.value.status == 400
    return refused.value.message


def user(*content: Any) -> list[Any]:
    return [{"role": "user", "content": list(content)}]


def test_a_valid_request_is_read_with_what_stands_in_its_path() -> None:
    assert converse() == {"modelId": "simulator.echo-v1:0", "messages": HELLO}


def test_a_member_that_is_null_is_a_member_that_is_not_there() -> None:
    assert "system" not in converse(system=None)


def test_the_message_of_a_wrong_enum_is_that_of_aws() -> None:
    assert refusal_of(messages=[*HELLO, {"role": "x", "content": []}]) == (
        "1 validation error detected: Value 'x' at 'messages.2.member.role' failed to satisfy constraint: "
        "Member must satisfy enum value set: [user, assistant, system]"
    )


def test_every_problem_is_told_and_counted() -> None:
    told = refusal_of(inferenceConfig={"maxTokens": 0, "temperature": 7}, messages=[{"role": "user"}])
    assert told.startswith("3 validation errors detected: Value null at 'messages.1.member.content'")
    assert "Value '0' at 'inferenceConfig.maxTokens'" in told
    assert "Value '7' at 'inferenceConfig.temperature'" in told


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"inferenceConfig": {"topP": -0.1}}, "Member must have value greater than or equal to 0"),
        ({"inferenceConfig": {"stopSequences": [""]}}, "'inferenceConfig.stopSequences.1.member'"),
        (
            {"requestMetadata": {str(n): "v" for n in range(17)}},
            "Member must have length less than or equal to 16",
        ),
        ({"requestMetadata": {"k" * 257: "v"}}, "Map keys must satisfy constraint: [Member must have length"),
        (
            {"requestMetadata": {"key": "ü"}},
            "Map value must satisfy constraint: [Member must satisfy regular",
        ),
        (
            {"toolConfig": {"tools": []}},
            "'toolConfig.tools' failed to satisfy constraint: Member must have length",
        ),
        (
            {"toolConfig": {"tools": [{"toolSpec": {"name": "no blanks", "inputSchema": {"json": {}}}}]}},
            "[a-zA-Z0-9_-]+",
        ),
        ({"messages": user({})}, "'messages.1.member.content.1.member' failed to satisfy constraint"),
        ({"messages": user({"text": "a", "image": None, "cachePoint": {"type": "default"}})}, "exactly one"),
        ({"messages": [None]}, "Value null at 'messages.1.member'"),
        ({"guardrailConfig": {"guardrailIdentifier": "NO"}}, "'guardrailConfig.guardrailIdentifier'"),
    ],
)
def test_a_broken_constraint_is_named_by_its_place(changed: dict[str, Any], told: str) -> None:
    assert told in refusal_of(**changed)


def test_an_unknown_member_is_refused() -> None:
    assert refusal_of(inferenceConfig={"topK": 4}) == (
        "Malformed input request: #/inferenceConfig: extraneous key [topK] is not permitted, please reformat your "
        "input and try again."
    )


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"messages": {}}, "Start of structure or map found where not expected."),
        ({"messages": "x"}, "Expected list or null"),
        ({"system": [{"text": []}]}, "Start of list found where not expected"),
        ({"system": [{"text": 1}]}, "NUMBER_VALUE can not be converted to String"),
        ({"inferenceConfig": {"maxTokens": "9"}}, "STRING_VALUE can not be converted to Integer"),
        ({"inferenceConfig": {"maxTokens": 1.5}}, "NUMBER_VALUE can not be converted to Integer"),
        ({"inferenceConfig": {"maxTokens": 2**31}}, "NUMBER_VALUE can not be converted to Integer"),
        ({"inferenceConfig": {"temperature": True}}, "TRUE_VALUE can not be converted to Float"),
        ({"inferenceConfig": 1}, "Unexpected field type"),
    ],
)
def test_a_wrong_type_cannot_be_read(changed: dict[str, Any], told: str) -> None:
    assert refusal_of(**changed) == told


@pytest.mark.parametrize("text", ["no!", "YQ", "YQ==\n", "ÄÖÜ="])
def test_bytes_must_be_base64(text: str) -> None:
    image = {"image": {"format": "png", "source": {"bytes": text}}}
    assert "base64" in refusal_of(messages=user(image))


def test_base64_is_left_as_it_is() -> None:
    image = {"image": {"format": "png", "source": {"bytes": base64.b64encode(b"png").decode()}}}
    assert converse(messages=user(image))["messages"] == user(image)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"x"', b"\xff", b'{"a":"\\ud800"}', b"[" * 100_000, b"nul", b'{"a":"\xff"}']
)
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(ServiceError) as refused:
        read(received("/model/x.y/converse", body))
    assert (refused.value.code, refused.value.status) == ("SerializationException", 400)


def test_a_filter_that_holds_filters_is_checked_to_its_ground() -> None:
    inner = {"equals": {"key": "team", "value": 1}}
    nested = {"andAll": [inner, {"orAll": [inner, {"equals": {"key": "team"}}]}]}
    body = {
        "retrievalQuery": {"text": "x"},
        "retrievalConfiguration": {"vectorSearchConfiguration": {"filter": nested}},
    }
    with pytest.raises(ServiceError, match=r"andAll\.2\.member\.orAll\.2\.member\.equals\.value"):
        read(received("/knowledgebases/KB12345678/retrieve", body))


def test_numbers_of_a_query_are_read_and_checked() -> None:
    assert read(received("/inference-profiles", b"", method="GET", query="maxResults=5")) == {"maxResults": 5}
    for wrong in ("0", "x"):
        with pytest.raises(ServiceError):
            read(received("/inference-profiles", b"", method="GET", query=f"maxResults={wrong}"))


def test_an_operation_that_is_not_answered_is_unknown() -> None:
    with pytest.raises(ServiceError, match="does not answer ListAsyncInvokes") as refused:
        read(received("/async-invoke", b"", method="GET"))
    assert (refused.value.code, refused.value.status) == ("UnknownOperationException", 404)


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "*", "//", "/model//converse", "http://x/model/a/converse"]
)
def test_a_path_that_leads_nowhere_is_unknown(path: str) -> None:
    with pytest.raises(ServiceError) as refused:
        read(received(path, {}))
    assert refused.value.status == 404


@pytest.mark.parametrize("service", ANSWERED)
def test_every_operation_that_is_answered_can_be_compiled(service: str) -> None:
    model = MODELS.load(service)
    compiler = Compiler(model.shapes)
    for name in ANSWERED[service]:
        shape = model.operations[name].input
        assert shape is None or callable(compiler.check(shape))
