"""Contracts, passages and drafts made by hand."""

import json
from typing import Any

from proviso.contract import ReleasePart
from proviso.guardrails import Guardrails, compile_guardrails
from proviso.text import Analyser, sentence_spans
from proviso.types import (
    Draft,
    DraftCitation,
    Mask,
    Passage,
    Sentence,
    StopReason,
    Usage,
    original_span,
)

ANALYSER = Analyser()
MASKED = (
    "EMAIL", "PHONE", "IP_ADDRESS", "MAC_ADDRESS", "URL", "US_SOCIAL_SECURITY_NUMBER", "CREDIT_DEBIT_CARD_NUMBER",
    "INTERNATIONAL_BANK_ACCOUNT_NUMBER", "AWS_ACCESS_KEY", "AWS_SECRET_KEY",
)  # fmt: skip


def contract(**sections: dict[str, Any]) -> ReleasePart:
    """A contract in which the given sections' values replace plain ones."""
    value: dict[str, Any] = {
        "contract": "made",
        "tier": "sandbox",
        "purpose": {"tasks": ["answer"]},
        "inputs": {"sensitive": {}, "languages": ["en"], "max_chars": 8000},
        "outputs": {"format": {"kind": "markdown"}, "citations": "required", "on_failed_sentence": "drop"},
        "quality": {"intents": {}, "long_tail": {"accuracy": 0.8}},
        "safety": {"grounding": {"method": ["citations", "numbers", "coverage"], "threshold": 0.7}},
        "models": {"needs": {}, "when_unavailable": "refuse"},
    }
    for section, given in sections.items():
        value[section] = {**value[section], **given}
    return ReleasePart.model_validate_json(json.dumps(value))


def guardrails(texts: dict[str, str] | None = None, **sections: dict[str, Any]) -> Guardrails:
    """The guardrails of such a contract."""
    return compile_guardrails(contract(**sections), texts or {})


def masking(*kinds: str, **sections: dict[str, Any]) -> Guardrails:
    """Guardrails that mask these types, by default all."""
    sensitive = {"mask": list(kinds or MASKED)}
    return guardrails(inputs={"sensitive": sensitive}, **sections)


def passage(
    number: int, text: str, *, start: int = 0, title: str = "Travel", masks: tuple[Mask, ...] = ()
) -> Passage:
    """A passage as an index makes it."""
    spans = sentence_spans(text)
    sentences = tuple(Sentence(a, b, frozenset(ANALYSER.terms(text[a:b]))) for a, b in spans)
    end = start + original_span(masks, 0, len(text))[1]
    return Passage(
        f"p{number}", number, "policy", "a.md", title, "0" * 64, start, end, text, sentences, masks
    )


def draft(text: str, *citations: DraftCitation, stop: StopReason = StopReason.END) -> Draft:
    """A draft as a model returns it."""
    return Draft(text, citations, stop, Usage(), "scripted", "scripted")
