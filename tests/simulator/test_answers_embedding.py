"""Embeddings: the shapes of Titan v2 and Cohere v4, nearness, and what is refused."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_simulator.answering import Answerer
from bedrock_simulator.embedding import vector
from bedrock_simulator.exchange import Exchange, ServiceError
from bedrock_simulator.scenario import Scenario, SimulatedModel


def _invoke(kind: Any, body: dict[str, Any]) -> dict[str, Any]:
    exchange = Exchange("InvokeModel", "us-east-1", {}, "m", SimulatedModel(kind=kind))
    return Answerer(Scenario()).invoke(exchange, body)


def _titan(**body: Any) -> dict[str, Any]:
    return _invoke("titan-embed", body)


def _cohere(**body: Any) -> dict[str, Any]:
    return _invoke("cohere-embed", {"input_type": "search_query"} | body)


def _near(one: str, other: str) -> float:
    pair = (vector(text, 1024, normalize=True) for text in (one, other))
    return math.fsum(a * b for a, b in zip(*pair, strict=True))


@pytest.mark.parametrize("size", [256, 512, 1024])
def test_titan_answers_with_as_many_numbers_as_asked(size: int) -> None:
    made = _titan(inputText="The hotel limit.", dimensions=size)
    assert set(made) == {"embedding", "embeddingsByType", "inputTextTokenCount"}
    assert made["embeddingsByType"] == {"float": made["embedding"]}
    assert (len(made["embedding"]), made["inputTextTokenCount"]) == (size, 4)


def test_titan_answers_in_bits_too() -> None:
    made = _titan(inputText="The hotel limit.", embeddingTypes=["binary", "float"])
    assert set(made["embeddingsByType"]) == {"binary", "float"}
    assert set(made["embeddingsByType"]["binary"]) == {0, 1}


@given(st.text(min_size=1, max_size=60))
@settings(deadline=None, max_examples=50)
def test_a_normalised_vector_has_length_one_and_is_always_the_same(text: str) -> None:
    one = vector(text, 256, normalize=True)
    assert math.isclose(math.hypot(*one), 1.0, abs_tol=1e-5)
    assert one == vector(text, 256, normalize=True)


def test_a_vector_that_is_not_normalised_grows_with_its_text() -> None:
    made = _titan(inputText="hotel limit meals taxi train flight", normalize=False)
    assert math.hypot(*made["embedding"]) > 1.5


def test_texts_that_share_words_are_nearer() -> None:
    question = "What is the hotel limit in Lisbon?"
    assert _near(question, "The hotel limit in Lisbon is 150 EUR.") > 0.4
    assert _near(question, "Alcohol is never reimbursed.") < 0.2


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "required key [inputText] not found"),
        ({"inputText": ""}, "expected minLength: 1, actual: 0"),
        ({"inputText": "x", "dimensions": 300}, "300 is not a valid enum value"),
        ({"inputText": "x", "texts": []}, "extraneous key [texts] is not permitted"),
        ({"texts": ["x"], "input_type": "y"}, "3 schema violations found"),
        ({"inputText": "x" * 50_001}, "expected maxLength: 50000, actual: 50001"),
        ({"inputText": "word " * 9_000}, "Max input tokens: 8192, request input token count: 11250"),
    ],
)
def test_titan_refuses_as_the_service_does(body: dict[str, Any], told: str) -> None:
    with pytest.raises(ServiceError) as refused:
        _titan(**body)
    assert (refused.value.code, refused.value.status) == ("ValidationException", 400)
    assert told in refused.value.message


def test_cohere_answers_with_lists_where_no_type_is_asked_for() -> None:
    made = _cohere(texts=["hotel", "meals"])
    assert made["response_type"] == "embeddings_floats"
    assert [len(one) for one in made["embeddings"]] == [1536, 1536]
    assert made["texts"] == ["hotel", "meals"]


def test_cohere_answers_by_type_where_types_are_asked_for() -> None:
    kinds = ["float", "int8", "uint8", "binary", "ubinary"]
    made = _cohere(texts=["hotel limit"], embedding_types=kinds, output_dimension=256)
    assert made["response_type"] == "embeddings_by_type"
    assert {kind: len(made["embeddings"][kind][0]) for kind in kinds} == dict(
        zip(kinds, [256, 256, 256, 32, 32], strict=True)
    )
    assert [value + 128 for value in made["embeddings"]["binary"][0]] == made["embeddings"]["ubinary"][0]


def test_cohere_reads_images_and_mixed_inputs() -> None:
    image = "data:image/png;base64,eA=="
    mixed = [
        {"content": [{"type": "text", "text": "hotel"}, {"type": "image_url", "image_url": {"url": image}}]}
    ]
    assert len(_cohere(inputs=mixed)["embeddings"]) == 1
    assert len(_cohere(images=[image])["embeddings"]) == 1


def test_cohere_cuts_what_is_too_long_where_it_may() -> None:
    kept = _cohere(texts=["word " * 100], max_tokens=2, truncate="RIGHT")
    assert kept["embeddings"] == _cohere(texts=["word wor"])["embeddings"]
    with pytest.raises(ServiceError, match="too many tokens"):
        _cohere(texts=["word " * 100], max_tokens=2)


@pytest.mark.parametrize(
    "body",
    [{}, {"texts": []}, {"texts": ["x"], "images": ["y"]}, {"texts": ["x"] * 97}, {"texts": [1]}, {"images": ["x"]},
     {"texts": ["x"], "output_dimension": 300}, {"texts": ["x"], "embedding_types": ["bits"]},
     {"inputs": [{"content": [3]}]}],
)  # fmt: skip
def test_cohere_refuses_as_the_service_does(body: dict[str, Any]) -> None:
    with pytest.raises(ServiceError, match="Malformed input request"):
        _cohere(**body)


def test_a_text_model_is_not_invoked() -> None:
    with pytest.raises(ServiceError, match="embeddings only"):
        _invoke("text", {})
