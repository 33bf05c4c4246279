"""Slips of the pen that a team makes in the example's files: file, text, replacement. Each is one problem.

No two touch the same line and none adds or takes away a line, so that any two of them can be made together.
"""

from typing import NamedTuple

from tests.contract.workspace import APP


class Slip(NamedTuple):
    """One replacement in one file."""

    file: str
    old: str
    new: str


_CONTRACT = {
    "an asset of no kind": ("asset: it-tool", "asset: tool"),
    "an unknown tier": ("tier: internal-assist", "tier: internal"),
    "an owner who is a list": ("product: dana ", "product: [dana] "),
    "an escalation to nobody": ("{after: 4h, to: sam}", "{after: 4h, to: zorro}"),
    "a task of no kind": ("tasks: [answer]", "tasks: [answer, anser]"),
    "a refused purpose of another's name": ("id: tax-advice", "id: legal-advice"),
    "a refused purpose without a description": ("description: Diagnosis", "descripton: Diagnosis"),
    "a refusal text without its file": ("refusals/tax-advice.md", "refusals/tax.md"),
    "an allowed question": ("Which tax bracket am I in?", "What is the per diem for Oslo?"),
    "an unknown source": ("sources: [travel-policy, expense", "sources: [travel-polcy, expense"),
    "a demanded type misspelt": ("- CREDIT_DEBIT_CARD_NUMBER", "- CREDIT_DEBIT_CARD_NUMER"),
    "a type of no kind to mask": ("mask: [EMAIL,", "mask: [EMIAL,"),
    "a language code in words": ("languages: [en]", "languages: [english]"),
    "a misspelt key": ("max_chars: 8000", "max_char: 8000"),
    "a weaker clause than the tier's": ("citations: required", "citations: none"),
    "a pattern that does not compile": ('"\\\\bwe (will', '"\\\\bwe ((will'),
    "a weaker number than the tier's": ("accuracy: 0.95", "accuracy: 0.85"),
    "a misspelt key that is optional": ("  refusals: {recall: 0.98", "  refusal: {recall: 0.98"),
    "a demanded filter misspelt": ("PROMPT_ATTACK: block", "PROMT_ATTACK: block"),
    "a check of no kind": ("method: [citations, numbers", "method: [citations, number"),
    "a role of no pattern": ("drafter: {context: 32000}", "draftr: {context: 32000}"),
    "a deadline before the promised time": ("deadline_ms: 8000", "deadline_ms: 2000"),
    "an answer for nothing": ("per_request_usd: 0.02", "per_request_usd: free"),
    "an unknown group": ("group: contractors", "group: contractor"),
    "fewer reviews than the tier asks for": ("model: 2", "model: 1"),
    "a freeze that ends before it begins": ("freeze: []", "freeze: [2026-12-31/2026-12-01]"),
    "a word that nobody knows": ("never_store: [credentials, model", "never_store: [credentials, credental, model"),
    "payloads kept too long": ("payload: 30d", "payload: 91d"),
    "an unknown signal": ("signal: empty_retrieval_rate", "signal: empty_retreival_rate"),
    "an alert to nobody": ("to: product", "to: producer"),
}  # fmt: skip
_WORKFLOW = {
    "a pattern of no kind": ("pattern: draft-then-verify", "pattern: draft-and-verify"),
    "more passages than possible": ("passages: 5", "passages: 500"),
    "a synonym twice": ("[train, rail, railway]", "[train, rail, trains]"),
    "an unknown model": ("drafter: extractive", "drafter: extrctive"),
    "a reason of no kind": ("deadline: refusals/deadline.md", "deadlin: refusals/deadline.md"),
    "a reason without its file": ("refusals/too-long.md", "refusals/long.md"),
}
_SOURCES = {
    "a folder that is not there": ("folder: sources/travel-policy", "folder: sources/travel"),
    "readers that are no group": ("readers: [employees, contractors]", "readers: [employes, contractors]"),
    "an approval by nobody": ("by: sam", "by: samm"),
    "an approval in the future": ("on: 2026-03-02", "on: 2062-03-02"),
    "a document that is not there": ("mileage-2025.md: mileage-2026.md", "mileage-2024.md: mileage-2026.md"),
    "a title that is a number": ("title: Expense policy", "title: 7"),
}
_POLICY = {
    "a version in words": ("version: 1", "version: one"),
    "a demand on no clause": ("clause: purpose.refuses, stated", "clause: purpose.refuse, stated"),
    "a duration of no form": ("{payload_max: 90d", "{payload_max: 90x"),
    "a ladder that does not rise": ("ladder: [1, 5, 25, 50, 100]", "ladder: [5, 1, 25, 50, 100]"),
    "an unknown model of a tier": (
        "anybody else.\n    models: [extractive]",
        "anybody else.\n    models: [extractiv]",
    ),
}
_MODELS = {
    "a provider of no kind": ("provider: extractive ", "provider: extractve "),
    "a price finer than a micro-dollar": ("input_per_million_usd: 0,", "input_per_million_usd: 0.0000001,"),
    "less than no context": ("context: 200000", "context: -1"),
    "a data class of no kind": ("[public, internal,", "[public, intern,"),
    "a model that has ended": ("{status: active}", "{status: end-of-life}"),
}
_PEOPLE = {
    "somebody without a name": ("jo: {name: Jo Marsh}", "jo: {nam: Jo Marsh}"),
    "a member who is nobody": ("auditors: [sam]", "auditors: [smm]"),
    "a role of no kind": ("operator: [li", "operatr: [li"),
}
_PROMPT = {"a misspelt variable": ("Question: {{ question }}", "Question: {{ question }} {{ questions }}")}

_FILES = {
    f"{APP}/contract.yaml": _CONTRACT,
    f"{APP}/workflow.yaml": _WORKFLOW,
    f"{APP}/sources.yaml": _SOURCES,
    f"{APP}/prompts/answer.md": _PROMPT,
    f"{APP}/refusals/legal-advice.md": {"a template mark in a text": ("\n", " {{ name }}\n")},
    "policy.yaml": _POLICY,
    "models.yaml": _MODELS,
    "proviso.yaml": _PEOPLE,
}
SLIPS = {name: Slip(file, *texts) for file, slips in _FILES.items() for name, texts in slips.items()}
