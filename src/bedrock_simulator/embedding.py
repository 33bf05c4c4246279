"""Embeddings as Titan v2 and Cohere v4 answer them: hashed words, so that texts alike lie near each other."""

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import msgspec

from bedrock_simulator.exchange import ServiceError
from bedrock_simulator.passages import blob
from bedrock_simulator.tokens import count, cut, written
from bedrock_simulator.wording import all_words, terms

Body = dict[str, Any]

_MALFORMED: Final = "Malformed input request: {}, please reformat your input and try again."
_TITAN_KEYS: Final = ("inputText", "dimensions", "normalize", "embeddingTypes")
_COHERE_KEYS: Final = (
    *("input_type", "texts", "images", "inputs"),
    *("embedding_types", "output_dimension", "max_tokens", "truncate"),
)
_INPUT_TYPES: Final = ("search_document", "search_query", "classification", "clustering", "image")
_TRUNCATE: Final = ("NONE", "LEFT", "RIGHT", "START", "END")
_TITAN_TOKENS: Final = 8_192
_TITAN_CHARACTERS: Final = 50_000
_COHERE_TOKENS: Final = 128_000
_COHERE_MOST: Final = 96


def body_of(content: bytes | str) -> Body:
    """Return a body of InvokeModel as JSON. Raises `ServiceError`."""
    try:
        body = msgspec.json.decode(blob(content))
    except msgspec.DecodeError as error:
        raise _wrong("the body is not JSON") from error
    if not isinstance(body, dict):
        raise _wrong("#: expected type: JSONObject, found: another")
    return body


def titan(body: Body) -> dict[str, Any]:
    """Answer as Titan Text Embeddings V2. Raises `ServiceError`."""
    problems = [
        *_keys(body, _TITAN_KEYS, ("inputText",)),
        *_expected(body, "inputText", str, "String"),
        *_expected(body, "normalize", bool, "Boolean"),
        *_one_of(body, "dimensions", (256, 512, 1024)),
        *_listed(body, "embeddingTypes", ("float", "binary")),
    ]
    text = body.get("inputText")
    if isinstance(text, str) and not text:
        problems.append("#/inputText: expected minLength: 1, actual: 0")
    if isinstance(text, str) and len(text) > _TITAN_CHARACTERS:
        problems.append(f"#/inputText: expected maxLength: {_TITAN_CHARACTERS}, actual: {len(text)}")
    if problems:
        raise _wrong(*problems)
    text = body["inputText"]
    tokens = count(text)
    if tokens > _TITAN_TOKENS:
        message = (
            f"Too many input tokens. Max input tokens: {_TITAN_TOKENS}, request input token count: {tokens}"
        )
        raise ServiceError("ValidationException", f"400 Bad Request: {message}", 400)
    values = vector(text, body.get("dimensions", 1024), normalize=body.get("normalize", True))
    kinds = body.get("embeddingTypes") or ["float"]
    by_type = {kind: values if kind == "float" else [int(value > 0) for value in values] for kind in kinds}
    return {"embedding": values, "embeddingsByType": by_type, "inputTextTokenCount": tokens}


def cohere(body: Body) -> dict[str, Any]:
    """Answer as Cohere Embed v4. Raises `ServiceError`."""
    problems = [
        *_keys(body, _COHERE_KEYS, ("input_type",)),
        *_one_of(body, "input_type", _INPUT_TYPES),
        *_one_of(body, "output_dimension", (256, 512, 1024, 1536)),
        *_one_of(body, "truncate", _TRUNCATE),
        *_listed(body, "embedding_types", tuple(_ENCODINGS)),
        *_expected(body, "max_tokens", int, "Integer"),
    ]
    given = [key for key in ("texts", "images", "inputs") if key in body]
    if len(given) != 1:
        problems.append("#: exactly one of [texts], [images] and [inputs] is required")
    elif not isinstance(body[given[0]], list) or not 1 <= len(body[given[0]]) <= _COHERE_MOST:
        problems.append(f"#/{given[0]}: expected an array of 1 to {_COHERE_MOST} items")
    if problems:
        raise _wrong(*problems)
    inputs = [_words_of(given[0], item) for item in body[given[0]]]
    most = min(body.get("max_tokens", _COHERE_TOKENS), _COHERE_TOKENS)
    texts = [_truncated(text, most, body.get("truncate", "NONE")) for text in inputs]
    size = body.get("output_dimension", 1536)
    vectors = [vector(text, size, normalize=True) for text in texts]
    digest = hashlib.sha256(written(body).encode("utf-8", "surrogatepass")).digest()
    answer: dict[str, Any] = {"id": str(UUID(bytes=digest[:16], version=4))}
    if kinds := body.get("embedding_types"):
        encoded = {kind: [_ENCODINGS[kind](one) for one in vectors] for kind in kinds}
        answer |= {"embeddings": encoded, "response_type": "embeddings_by_type"}
    else:
        answer |= {"embeddings": vectors, "response_type": "embeddings_floats"}
    return answer | ({"texts": body["texts"]} if "texts" in body else {})


def vector(text: str, size: int, *, normalize: bool) -> list[float]:
    """Return the hashed bag of a text's words, word pairs and word beginnings; of length 1 where normalised.

    Each feature adds its weight to one of `size` places, with a sign (feature hashing, Weinberger et al. 2009).
    """
    values = [0.0] * size
    for feature, weight in _features(text).items():
        digest = int.from_bytes(
            hashlib.blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        )
        values[digest % size] += weight if digest >> 63 else -weight
    if not any(values):  # two features met, or none is there
        values[count(text) % size] = 1.0
    length = math.sqrt(math.fsum(value * value for value in values)) if normalize else 1.0
    return [round(value / length, 8) for value in values]


def _features(text: str) -> Mapping[str, float]:
    words = terms(text) or all_words(text) or [text]
    weights: Counter[str] = Counter()
    for feature, weight in (
        *((f"w:{word}", 1.0) for word in words),
        *((f"b:{word[:5]}", 0.4) for word in words),
        *((f"p:{one} {other}", 0.5) for one, other in pairwise(words)),
    ):
        weights[feature] += weight  # type: ignore[assignment]  # a Counter also counts in fractions
    return {feature: math.sqrt(weight) for feature, weight in weights.items()}


def _words_of(kind: str, item: Any) -> str:
    """Return the words of an input; an image is a word of its own."""
    if kind == "inputs" and isinstance(item, dict):
        parts = item.get("content") if isinstance(item.get("content"), list) else []
        return " ".join(map(_part_words, parts or [])) or _malformed("inputs")
    if not isinstance(item, str) or not item:
        return _malformed(kind)
    return _image_word(item) if kind == "images" else item


def _part_words(part: Any) -> str:
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        return str(part["text"])
    url = part.get("image_url") if isinstance(part, dict) else None
    url = url.get("url") if isinstance(url, dict) else url
    return _image_word(url) if isinstance(url, str) else _malformed("inputs")


def _image_word(uri: str) -> str:
    if not uri.startswith("data:image/"):
        raise _wrong("#/images: expected a data URI of an image")
    return f"image{hashlib.sha256(uri.encode()).hexdigest()[:16]}"


def _malformed(key: str) -> str:
    raise _wrong(f"#/{key}: an item is empty or not of the right type")


def _truncated(text: str, most: int, side: str) -> str:
    tokens = count(text)
    if tokens <= most:
        return text
    if side == "NONE":
        message = (
            f"too many tokens: total number of tokens in the prompt cannot exceed {most} - received {tokens}."
        )
        raise ServiceError("ValidationException", message, 400)
    return cut(text, most) if side in ("RIGHT", "END") else cut(text[::-1], most)[::-1]


def _keys(body: Body, known: Sequence[str], required: Sequence[str]) -> list[str]:
    missing = [f"#: required key [{key}] not found" for key in required if key not in body]
    return missing + [f"#: extraneous key [{key}] is not permitted" for key in body if key not in known]


def _expected(body: Body, key: str, kind: type, name: str) -> list[str]:
    value = body.get(key)
    fits = key not in body or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool)))
    return [] if fits else [f"#/{key}: expected type: {name}, found: {type(value).__name__}"]


def _one_of(body: Body, key: str, values: Sequence[Any]) -> list[str]:
    value = body.get(key)
    fits = key not in body or (not isinstance(value, bool) and value in values)
    return [] if fits else [f"#/{key}: {value} is not a valid enum value"]


def _listed(body: Body, key: str, values: Sequence[str]) -> list[str]:
    value = body.get(key, [])
    if not isinstance(value, list):
        return [f"#/{key}: expected type: JSONArray, found: {type(value).__name__}"]
    return [
        f"#/{key}/{n}: {one} is not a valid enum value" for n, one in enumerate(value) if one not in values
    ]


def _wrong(*problems: str) -> ServiceError:
    told = problems[0] if len(problems) == 1 else f"{len(problems)} schema violations found"
    return ServiceError("ValidationException", _MALFORMED.format(told), 400)


def _int8(values: Sequence[float]) -> list[int]:
    return [max(-128, min(127, round(value * 127))) for value in values]


def _packed(values: Sequence[float]) -> list[int]:
    """Return eight signs a byte, the first as the highest bit."""
    bits = [int(value > 0) for value in values]
    return [int("".join(map(str, bits[at : at + 8])), 2) for at in range(0, len(bits), 8)]


_ENCODINGS: Mapping[str, Callable[[Sequence[float]], list[Any]]] = MappingProxyType(
    {
        "float": list,
        "int8": _int8,
        "uint8": lambda values: [value + 128 for value in _int8(values)],
        "binary": lambda values: [value - 128 for value in _packed(values)],
        "ubinary": _packed,
    }
)
