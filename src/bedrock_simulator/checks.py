"""InvokeGuardrailChecks: scores of harmful content, of prompt attacks and of sensitive information, by patterns."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import re2

from bedrock_simulator.exchange import Exchange

_UNIT: Final = 1_000  # characters
_HIT: Final = 0.9
_MOST: Final = 1_000  # entities in an answer

_CONTENT: Mapping[str, str] = MappingProxyType(
    {
        "VIOLENCE": r"(?i)\b(?:kill(?:ing)?|murder|stab|shoot|bomb|(?:attack|beat up) (?:him|her|them))\b",
        "HATE": r"(?i)\b(?:i hate (?:all|those)|inferior race|vermin|subhuman|go back to your country)\b",
        "SEXUAL": r"(?i)\b(?:porn\w*|nude|sexual(?:ly)? explicit|erotic\w*)\b",
        "MISCONDUCT": r"(?i)\b(?:steal|launder(?:ing)? money|forge a|counterfeit|hack into|make a bomb|evade taxes)\b",
        "INSULTS": r"(?i)\b(?:idiot|moron|stupid|imbecile|you are worthless|dumb)\b",
    }
)
_ATTACKS: Mapping[str, str] = MappingProxyType(
    {
        "JAILBREAK": r"(?i)\b(?:do anything now|you are DAN|no restrictions|developer mode|jailbreak)\b",
        "PROMPT_INJECTION": r"(?i)\b(?:ignore|disregard|forget)\b[^.\n]{0,40}\b(?:instructions?|rules?|prompts?)\b",
        "PROMPT_LEAKAGE": r"(?i)\b(?:system prompt|your (?:initial |hidden )?instructions|repeat everything above)\b",
    }
)
_SENSITIVE: Mapping[str, str] = MappingProxyType(
    {
        "EMAIL": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
        "PHONE": r"\+\d{1,3}[ -]?(?:\(\d{1,4}\)[ -]?)?\d{2,4}(?:[ -]?\d{2,4}){1,3}\b",
        "URL": r"https?://[^\s<>\"]+",
        "IP_ADDRESS": r"\b(?:\d{1,3}\.){3}\d{1,3}\b",
        "MAC_ADDRESS": r"(?i)\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b",
        "CREDIT_DEBIT_CARD_NUMBER": r"\b(?:\d{4}[ -]?){3}\d{4}\b",
        "INTERNATIONAL_BANK_ACCOUNT_NUMBER": r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b",
        "US_SOCIAL_SECURITY_NUMBER": r"\b\d{3}-\d{2}-\d{4}\b",
        "AWS_ACCESS_KEY": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    }
)


def check(exchange: Exchange) -> dict[str, Any]:
    """Answer InvokeGuardrailChecks with what the request asks for; types without a pattern are never found."""
    params = exchange.params
    messages, asked = params["messages"], params["checks"]
    texts = [block["text"] for message in messages for block in message["content"]]
    usage = {"textUnits": -(-sum(map(len, texts)) // _UNIT)}
    results: dict[str, Any] = {}
    if "contentFilter" in asked:
        results["contentFilter"] = {"results": _scores(asked["contentFilter"], texts, _CONTENT)}
    if "promptAttack" in asked:
        of_users = [b["text"] for m in messages if m["role"] == "user" for b in m["content"]]
        results["promptAttack"] = {"results": _scores(asked["promptAttack"], of_users, _ATTACKS)}
    if "sensitiveInformation" in asked:
        kinds = [entity["type"] for entity in asked["sensitiveInformation"]["entities"]]
        found = list(_entities(messages, kinds))
        results["sensitiveInformation"] = {"results": found[:_MOST], "truncated": len(found) > _MOST}
    return {"results": results, "usage": dict.fromkeys(results, usage)}


def _scores(asked: dict[str, Any], texts: Sequence[str], patterns: Mapping[str, str]) -> list[dict[str, Any]]:
    named = [one["category"] for one in asked["categories"]]
    return [
        {
            "category": name,
            "severityScore": _HIT if any(_compiled(patterns[name]).search(text) for text in texts) else 0.0,
        }
        for name in named
    ]


def _entities(messages: Sequence[dict[str, Any]], kinds: Sequence[str]) -> Iterator[dict[str, Any]]:
    for index, message in enumerate(messages):
        for place, block in enumerate(message["content"]):
            for kind in kinds:
                for found in (
                    _compiled(_SENSITIVE[kind]).finditer(block["text"]) if kind in _SENSITIVE else ()
                ):
                    yield {
                        "type": kind,
                        "confidenceScore": _HIT,
                        "beginOffset": found.start(),
                        "endOffset": found.end(),
                        "messageIndex": index,
                        "contentIndex": place,
                    }


@cache
def _compiled(pattern: str) -> Any:
    """Compile on first use: nothing is done at import."""
    return re2.compile(pattern)
