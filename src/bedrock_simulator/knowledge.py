"""Knowledge bases: Retrieve with filters, scores and pages; Rerank. By shared words, not by meaning."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from operator import ge, gt, le, lt
from types import MappingProxyType
from typing import Any, Final
from zlib import crc32

from bedrock_simulator.exchange import Exchange, ServiceError
from bedrock_simulator.guarding import Guardrails
from bedrock_simulator.scenario import Document
from bedrock_simulator.wording import overlap, terms

_RESULTS: Final = 5  # where the request does not say
_PAGE: Final = 25  # results in one answer
_SOURCE: Final = "x-amz-bedrock-kb-source-uri"


class KnowledgeBases:
    """The knowledge bases of an account, by ID."""

    def __init__(self, bases: Mapping[str, Sequence[Document]], guardrails: Guardrails) -> None:
        self._bases = bases
        self._guardrails = guardrails

    def retrieve(self, exchange: Exchange) -> dict[str, Any]:
        """Answer Retrieve. Raises `ServiceError`."""
        params = exchange.params
        identifier = params["knowledgeBaseId"].rpartition("/")[2]
        documents = self._bases.get(identifier)
        if documents is None:
            message = f"Knowledge Base with id {identifier} does not exist"
            raise ServiceError("ResourceNotFoundException", message, 404)
        query = params["retrievalQuery"].get("text", "")
        intervened = self._intervened(params.get("guardrailConfiguration"), query)
        searched = params.get("retrievalConfiguration") or {}
        search = searched.get("vectorSearchConfiguration") or searched.get("managedSearchConfiguration") or {}
        ranked = [] if intervened else _ranked(documents, query, search.get("filter"))
        ranked = ranked[: search.get("numberOfResults", _RESULTS)]
        stamp = crc32(json.dumps([identifier, query, search], sort_keys=True, default=str).encode())
        start = _start(params.get("nextToken"), stamp)
        answer: dict[str, Any] = {
            "retrievalResults": [
                _result(document, score) for document, score in ranked[start : start + _PAGE]
            ]
        }
        if len(ranked) > start + _PAGE:
            answer["nextToken"] = urlsafe_b64encode(f"{stamp}:{start + _PAGE}".encode()).decode()
        if params.get("guardrailConfiguration"):
            answer["guardrailAction"] = "INTERVENED" if intervened else "NONE"
        return answer

    def _intervened(self, config: dict[str, str] | None, query: str) -> bool:
        if not config:
            return False
        missing = ("ValidationException", 400)
        policies = self._guardrails.find(config["guardrailId"], config["guardrailVersion"], missing)
        return policies.assess([query], "INPUT").blocked


def rerank(exchange: Exchange) -> dict[str, Any]:
    """Answer Rerank: the sources by the words that they share with the query, equal ones in their order."""
    params = exchange.params
    asked = terms(params["queries"][0]["textQuery"]["text"])
    scores = [round(overlap(asked, terms(_source_text(source))), 4) for source in params["sources"]]
    ranked = sorted(range(len(scores)), key=lambda index: -scores[index])
    config = params["rerankingConfiguration"]["bedrockRerankingConfiguration"]
    most = config.get("numberOfResults", len(ranked))
    return {"results": [{"index": index, "relevanceScore": scores[index]} for index in ranked[:most]]}


def _source_text(source: dict[str, Any]) -> str:
    document = source["inlineDocumentSource"]
    if "textDocument" in document:
        return str(document["textDocument"].get("text", ""))
    return json.dumps(document.get("jsonDocument", {}), ensure_ascii=False)


def _ranked(
    documents: Sequence[Document], query: str, wanted: dict[str, Any] | None
) -> list[tuple[Document, float]]:
    asked = terms(query)
    scored = [
        (document, round(overlap(asked, terms(document.text)), 4))
        for document in documents
        if wanted is None or _fits(document.metadata, wanted)
    ]
    return sorted(scored, key=lambda pair: -pair[1])


def _result(document: Document, score: float) -> dict[str, Any]:
    if document.uri.startswith("s3:"):
        location: dict[str, Any] = {"type": "S3", "s3Location": {"uri": document.uri}}
    else:
        location = {"type": "WEB", "webLocation": {"url": document.uri}}
    return {
        "content": {"text": document.text, "type": "TEXT"},
        "location": location,
        "metadata": {_SOURCE: document.uri, **document.metadata},
        "score": score,
    }


def _start(token: str | None, stamp: int) -> int:
    """Return where the page begins. Raises `ServiceError` for a token of another query, or none of ours."""
    if token is None:
        return 0
    try:
        own, _, start = urlsafe_b64decode(token).decode().partition(":")
        if int(own) == stamp:
            return max(0, int(start))
    except ValueError:  # binascii.Error and UnicodeDecodeError are kinds of it
        pass
    raise ServiceError("ValidationException", "The nextToken provided in the request is not valid.", 400)


def _fits(metadata: Mapping[str, Any], wanted: dict[str, Any]) -> bool:
    """Say whether a document's metadata fit a filter. What is not there fits `notEquals` and `notIn` only."""
    (name, condition), *_ = wanted.items()
    if name == "andAll":
        return all(_fits(metadata, one) for one in condition)
    if name == "orAll":
        return any(_fits(metadata, one) for one in condition)
    key, value = condition["key"], condition["value"]
    if key not in metadata:
        return name in ("notEquals", "notIn")
    return _CONDITIONS[name](metadata[key], value)


def _compare(comparison: Callable[[Any, Any], Any]) -> Callable[[Any, Any], bool]:
    """Return a comparison of numbers, which nothing else fits."""

    def compare(one: Any, other: Any) -> bool:
        numbers = all(
            isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other)
        )
        return numbers and bool(comparison(one, other))

    return compare


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _among(one: Any, others: Any) -> bool:
    return isinstance(others, list) and any(_same(one, other) for other in others)


def _contains(one: Any, part: Any) -> bool:
    held = one if isinstance(one, list) else [one]
    return any(isinstance(text, str) and isinstance(part, str) and part in text for text in held)


_CONDITIONS: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        "equals": _same,
        "notEquals": lambda one, other: not _same(one, other),
        "in": _among,
        "notIn": lambda one, others: not _among(one, others),
        "greaterThan": _compare(gt),
        "greaterThanOrEquals": _compare(ge),
        "lessThan": _compare(lt),
        "lessThanOrEquals": _compare(le),
        "startsWith": lambda one, part: (
            isinstance(one, str) and isinstance(part, str) and one.startswith(part)
        ),
        "stringContains": _contains,
        "listContains": lambda one, value: isinstance(one, list) and _among(value, one),
    }
)
