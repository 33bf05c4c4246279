"""Retrieve and Rerank: order, filters, pages."""

from typing import Any

import pytest

from bedrock_simulator.answering import Answerer
from bedrock_simulator.exchange import ServiceError
from bedrock_simulator.scenario import Document, Scenario, SimulatedGuardrail
from tests.simulator.answers_made import check_shape, other

BASE = "KB12345678"
DOCUMENTS = (
    Document(
        "Alcohol is not reimbursed.", "s3://docs/meals.md", {"year": 2024, "tags": ["meals"], "lang": "en"}
    ),
    Document("The hotel limit is 150 EUR.", "https://docs.example/hotels", {"year": 2026, "lang": "en"}),
    Document(
        "Das Hotel kostet 150 EUR.",
        "s3://docs/hotels-de.md",
        {"year": 2025, "lang": "de", "tags": ["travel"]},
    ),
)


def _retrieve(
    query: str = "hotel limit", documents: tuple[Document, ...] = DOCUMENTS, **params: Any
) -> dict[str, Any]:
    search = {key: params.pop(key) for key in ("filter", "numberOfResults") if key in params}
    given = {"knowledgeBaseId": BASE, "retrievalQuery": {"text": query}} | params
    given["retrievalConfiguration"] = {"vectorSearchConfiguration": search}
    scenario = Scenario(
        knowledge_bases={BASE: documents}, guardrails={"gr1": SimulatedGuardrail(blocked_words=("limit",))}
    )
    output = Answerer(scenario).answer(other("Retrieve", **given))
    check_shape("Retrieve", output, "bedrock-agent-runtime")
    return output


def _uris(output: dict[str, Any]) -> list[str]:
    return [
        one["metadata"]["x-amz-bedrock-kb-source-uri"].rpartition("/")[2]
        for one in output["retrievalResults"]
    ]


def test_the_documents_with_most_words_of_the_query_come_first() -> None:
    output = _retrieve()
    assert _uris(output) == ["hotels", "hotels-de.md", "meals.md"]
    best = output["retrievalResults"][0]
    assert (best["score"], best["location"]["type"]) == (1.0, "WEB")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"equals": {"key": "lang", "value": "de"}}, ["hotels-de.md"]),
        ({"notEquals": {"key": "tags", "value": ["meals"]}}, ["hotels", "hotels-de.md"]),
        ({"in": {"key": "year", "value": [2024, 2025]}}, ["hotels-de.md", "meals.md"]),
        ({"notIn": {"key": "year", "value": [2024, 2025]}}, ["hotels"]),
        ({"greaterThan": {"key": "year", "value": 2025}}, ["hotels"]),
        ({"greaterThanOrEquals": {"key": "year", "value": 2025}}, ["hotels", "hotels-de.md"]),
        ({"lessThan": {"key": "year", "value": 2025}}, ["meals.md"]),
        ({"lessThanOrEquals": {"key": "year", "value": 2024}}, ["meals.md"]),
        ({"lessThan": {"key": "lang", "value": 3}}, []),
        ({"startsWith": {"key": "lang", "value": "d"}}, ["hotels-de.md"]),
        ({"stringContains": {"key": "tags", "value": "rave"}}, ["hotels-de.md"]),
        ({"listContains": {"key": "tags", "value": "meals"}}, ["meals.md"]),
        ({"equals": {"key": "missing", "value": 1}}, []),
    ],
)
def test_each_condition_filters(wanted: dict[str, Any], found: list[str]) -> None:
    assert _uris(_retrieve(filter=wanted)) == found


def test_conditions_are_put_together() -> None:
    english, new = {"equals": {"key": "lang", "value": "en"}}, {"greaterThan": {"key": "year", "value": 2024}}
    assert _uris(_retrieve(filter={"andAll": [english, new]})) == ["hotels"]
    assert len(_uris(_retrieve(filter={"orAll": [english, {"andAll": [new, new]}]}))) == 3


def test_no_more_than_asked_for_come_and_five_where_nothing_is_asked() -> None:
    assert len(_uris(_retrieve(numberOfResults=1))) == 1
    assert len(_uris(_retrieve(documents=DOCUMENTS * 4))) == 5


def test_pages_follow_each_other_and_lose_nothing() -> None:
    documents = tuple(Document(f"hotel {n}", f"s3://docs/{n}") for n in range(60))
    first = _retrieve(documents=documents, numberOfResults=60)
    second = _retrieve(documents=documents, numberOfResults=60, nextToken=first["nextToken"])
    third = _retrieve(documents=documents, numberOfResults=60, nextToken=second["nextToken"])
    assert "nextToken" not in third
    assert sorted(_uris(first) + _uris(second) + _uris(third)) == sorted(str(n) for n in range(60))


@pytest.mark.parametrize("token", ["x", "####", "OTk6MjU=", "é"])
def test_a_token_of_another_query_is_refused(token: str) -> None:
    with pytest.raises(ServiceError, match="nextToken"):
        _retrieve(nextToken=token)


def test_an_unknown_base_is_not_found() -> None:
    with pytest.raises(ServiceError) as missing:
        _retrieve(knowledgeBaseId="KB00000000")
    assert missing.value.code == "ResourceNotFoundException"


def test_a_query_that_a_guardrail_blocks_finds_nothing() -> None:
    config = {"guardrailId": "gr1", "guardrailVersion": "1"}
    blocked, open_ = (_retrieve(query, guardrailConfiguration=config) for query in ("hotel limit", "hotel"))
    assert (blocked["guardrailAction"], _uris(blocked)) == ("INTERVENED", [])
    assert (open_["guardrailAction"], len(_uris(open_))) == ("NONE", 3)


def test_sources_are_ranked_by_the_words_that_they_share() -> None:
    texts = ["Meals.", "The hotel limit.", "A hotel."]
    sources: list[dict[str, Any]] = [
        {"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}}}
        for text in texts
    ]
    sources.append(
        {"type": "INLINE", "inlineDocumentSource": {"type": "JSON", "jsonDocument": {"a": "limit"}}}
    )
    config = {
        "bedrockRerankingConfiguration": {"modelConfiguration": {"modelArn": "m"}, "numberOfResults": 3}
    }
    params = {"queries": [{"type": "TEXT", "textQuery": {"text": "hotel limit"}}], "sources": sources}
    output = Answerer(Scenario()).answer(other("Rerank", **params, rerankingConfiguration=config))
    check_shape("Rerank", output, "bedrock-agent-runtime")
    assert [(one["index"], one["relevanceScore"]) for one in output["results"]] == [
        (1, 1.0),
        (2, 0.5),
        (3, 0.5),
    ]
