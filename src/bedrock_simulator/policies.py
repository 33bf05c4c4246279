"""A guardrail's policies over texts: what is denied, blocked or masked, and how grounded an answer is."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import re2
from msgspec import Struct

from bedrock_simulator.scenario import SimulatedGuardrail
from bedrock_simulator.wording import overlap, terms

Found = dict[str, Any]

CONTENT_FILTERS: Final = frozenset(("INSULTS", "HATE", "SEXUAL", "VIOLENCE", "MISCONDUCT", "PROMPT_ATTACK"))
_UNIT: Final = 1_000  # characters
PII_TYPES: Final = frozenset(
    (
        *(
            "ADDRESS",
            "AGE",
            "AWS_ACCESS_KEY",
            "AWS_SECRET_KEY",
            "CA_HEALTH_NUMBER",
            "CA_SOCIAL_INSURANCE_NUMBER",
        ),
        *(
            "CREDIT_DEBIT_CARD_CVV",
            "CREDIT_DEBIT_CARD_EXPIRY",
            "CREDIT_DEBIT_CARD_NUMBER",
            "DRIVER_ID",
            "EMAIL",
        ),
        *(
            "INTERNATIONAL_BANK_ACCOUNT_NUMBER",
            "IP_ADDRESS",
            "LICENSE_PLATE",
            "MAC_ADDRESS",
            "NAME",
            "PASSWORD",
        ),
        *("PHONE", "PIN", "SWIFT_CODE", "UK_NATIONAL_HEALTH_SERVICE_NUMBER", "UK_NATIONAL_INSURANCE_NUMBER"),
        *("UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER", "URL", "USERNAME", "US_BANK_ACCOUNT_NUMBER"),
        *("US_BANK_ROUTING_NUMBER", "US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER", "US_PASSPORT_NUMBER"),
        *("US_SOCIAL_SECURITY_NUMBER", "VEHICLE_IDENTIFICATION_NUMBER"),
    )
)


class Grounds(Struct, frozen=True):
    """What an answer has to be grounded in, and what it has to be relevant to."""

    sources: tuple[str, ...] = ()
    query: str = ""


class Verdict(Struct, frozen=True):
    """What a guardrail makes of texts: `texts` are masked where it masks; `assessment` as the service writes it."""

    texts: tuple[str, ...]
    assessment: Found
    usage: dict[str, int]
    coverage: Found
    blocked: bool = False
    masked: bool = False

    @property
    def intervened(self) -> bool:
        """Whether it did anything."""
        return self.blocked or self.masked

    @property
    def reason(self) -> str:
        """The reason as the service words it."""
        return "Guardrail blocked." if self.blocked else "Guardrail masked." if self.masked else "No action."


class _Pattern(Struct, frozen=True):
    name: str
    source: str
    compiled: Any
    action: str  # BLOCKED or ANONYMIZED


class Policies:
    """A guardrail, compiled."""

    def __init__(self, identifier: str, guardrail: SimulatedGuardrail) -> None:
        self.identifier = identifier
        self.guardrail = guardrail
        blocked = [
            _Pattern(name, source, re2.compile(source), "BLOCKED")
            for name, source in guardrail.blocked_patterns.items()
        ]
        self._filters = [one for one in blocked if one.name in CONTENT_FILTERS]
        self._sensitive = [one for one in blocked if one.name not in CONTENT_FILTERS] + [
            _Pattern(name, source, re2.compile(source), "ANONYMIZED")
            for name, source in guardrail.masked_patterns.items()
        ]
        self._topics = {
            name: [re2.compile(pattern) for pattern in patterns]
            for name, patterns in guardrail.topics.items()
        }
        self._words = [
            re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE) for word in guardrail.blocked_words
        ]

    def assess(
        self, texts: Sequence[str], source: str, grounds: Grounds | None = None, *, full: bool = False
    ) -> Verdict:
        """Return what the guardrail makes of texts that go in (`INPUT`) or come out (`OUTPUT`).

        `full`: what was not detected is listed too.
        """
        whole = "\n".join(texts)
        assessment: Found = {}
        _add(assessment, "topicPolicy", topics=[*self._denied(whole, full=full)])
        _add(assessment, "contentPolicy", filters=[*self._filtered(whole, source, full=full)])
        words = [*self._worded(whole)]
        if words:
            assessment["wordPolicy"] = {"customWords": words, "managedWordLists": []}
        masked_texts, entities, regexes = self._sensitive_in(texts)
        if entities or regexes:
            assessment["sensitiveInformationPolicy"] = {"piiEntities": entities, "regexes": regexes}
        if grounds and source == "OUTPUT":
            _add(assessment, "contextualGroundingPolicy", filters=[*self._grounded(whole, grounds)])
        actions = {one["action"] for one in _findings(assessment)}
        size = sum(map(len, texts))
        usage = self._usage(size, grounds)
        coverage = {"textCharacters": {"guarded": size, "total": size}}
        metrics = {"guardrailProcessingLatency": 1, "usage": usage, "guardrailCoverage": coverage}
        return Verdict(
            masked_texts,
            assessment | {"invocationMetrics": metrics},
            usage,
            coverage,
            "BLOCKED" in actions,
            "ANONYMIZED" in actions,
        )

    def _denied(self, text: str, *, full: bool) -> Iterator[Found]:
        for name, patterns in self._topics.items():
            hit = any(pattern.search(text) for pattern in patterns)
            if hit or full:
                yield {"name": name, "type": "DENY", "action": _action(hit), "detected": hit}

    def _filtered(self, text: str, source: str, *, full: bool) -> Iterator[Found]:
        for one in self._filters:
            if one.name == "PROMPT_ATTACK" and source == "OUTPUT":
                continue
            hit = one.compiled.search(text) is not None
            if hit or full:
                confidence = "HIGH" if hit else "NONE"
                yield {
                    "type": one.name,
                    "confidence": confidence,
                    "filterStrength": "HIGH",
                    "action": _action(hit),
                    "detected": hit,
                }

    def _worded(self, text: str) -> Iterator[Found]:
        for word in self._words:
            if found := word.search(text):
                yield {"match": found[0], "action": "BLOCKED", "detected": True}

    def _sensitive_in(self, texts: Sequence[str]) -> tuple[tuple[str, ...], list[Found], list[Found]]:
        """Return the texts masked, and the entities and the matches of other patterns in them, each once."""
        entities: dict[tuple[str, str], Found] = {}
        regexes: dict[tuple[str, str], Found] = {}
        masked = list(texts)
        for one in self._sensitive:
            known = one.name in PII_TYPES
            for index, text in enumerate(masked):
                for found in one.compiled.finditer(text):
                    entry: Found = {"match": found[0], "action": one.action, "detected": True}
                    if known:
                        entities[one.name, found[0]] = entry | {"type": one.name}
                    else:
                        regexes[one.name, found[0]] = entry | {"name": one.name, "regex": one.source}
                if one.action == "ANONYMIZED":
                    masked[index] = one.compiled.sub(lambda _, name=one.name: f"{{{name}}}", text)
        return tuple(masked), list(entities.values()), list(regexes.values())

    def _grounded(self, text: str, grounds: Grounds) -> Iterator[Found]:
        told = terms(text)
        if self.guardrail.grounding_threshold is not None and grounds.sources:
            score = overlap(told, terms("\n".join(grounds.sources))) if told else 1.0
            yield _scored("GROUNDING", self.guardrail.grounding_threshold, score)
        if self.guardrail.relevance_threshold is not None and grounds.query:
            asked = terms(grounds.query)
            yield _scored(
                "RELEVANCE", self.guardrail.relevance_threshold, overlap(asked, told) if asked else 1.0
            )

    def _usage(self, size: int, grounds: Grounds | None) -> dict[str, int]:
        units = -(-size // _UNIT)
        known = any(one.name in PII_TYPES for one in self._sensitive)
        other = any(one.name not in PII_TYPES for one in self._sensitive)
        grounded = (
            sum(map(len, (*grounds.sources, grounds.query))) + size if grounds and grounds.sources else 0
        )
        return {
            "topicPolicyUnits": units if self._topics else 0,
            "contentPolicyUnits": units if self._filters else 0,
            "wordPolicyUnits": units if self._words else 0,
            "sensitiveInformationPolicyUnits": units if known else 0,
            "sensitiveInformationPolicyFreeUnits": units if other else 0,
            "contextualGroundingPolicyUnits": -(-grounded // _UNIT),
        }


def _add(assessment: Found, policy: str, **listed: list[Found]) -> None:
    """Add a policy's findings where it has some."""
    if any(listed.values()):
        assessment[policy] = listed


def _findings(assessment: Found) -> Iterator[Found]:
    for policy in assessment.values():
        for listed in policy.values():
            yield from listed


def _action(hit: bool) -> str:  # noqa: FBT001  # its only parameter
    return "BLOCKED" if hit else "NONE"


def _scored(kind: str, threshold: float, score: float) -> Found:
    low = score < threshold
    return {
        "type": kind,
        "threshold": threshold,
        "score": round(score, 2),
        "action": _action(low),
        "detected": low,
    }
