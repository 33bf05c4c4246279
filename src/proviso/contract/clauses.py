"""Every checkable line of a contract, by its path, with the owner's role that answers for it."""

from collections.abc import Iterator

from msgspec import Struct

from proviso.contract.document import Json
from proviso.contract.model import Contract
from proviso.contract.read import item_names
from proviso.contract.vocabulary import OwnerRole

# The sections that hold clauses, and who answers for each; name, summary, tier, owners promise nothing.
ANSWERS: dict[str, OwnerRole] = {
    "purpose": "product",
    "inputs": "risk",
    "outputs": "technical",
    "quality": "product",
    "safety": "risk",
    "models": "technical",
    "latency": "on_call",
    "cost": "product",
    "change_control": "technical",
    "monitoring": "on_call",
}

# Where the walk stops: what stands below is one clause, because only the whole can be checked.
_WHOLE = {
    "purpose.refuses.*", "inputs.languages", "inputs.sensitive.custom.*", "outputs.format",
    "outputs.disallowed.*", "outputs.tone", "safety.residency", "cost.limits.*", "change_control.freeze",
    "monitoring.feedback_tags", "monitoring.alerts.*",
}  # fmt: skip
_SKIPPED = {"quality.intents.*.risk", "quality.intents.*.examples"}  # they explain a clause
# Sections whose keys are names that the contract chooses.
_FREE = {"quality.intents", "models.needs", "safety.filters", "change_control.review"}


class Clause(Struct, frozen=True):
    """One checkable line: its path, its section, its value in words, the owner's role that answers for it."""

    path: str
    section: str
    value_text: str
    owner: OwnerRole


def clauses(contract: Contract) -> list[Clause]:
    """Return every clause that a contract states, section by section; nothing that it does not state."""
    values: dict[str, Json] = contract.model_dump(mode="json", by_alias=True)
    return [
        Clause(path, section, text, owner)
        for section, owner in ANSWERS.items()
        for path, text in _walk(section, section, values[section])
    ]


def _walk(path: str, pattern: str, value: Json) -> Iterator[tuple[str, str]]:
    if value is None or pattern in _SKIPPED:
        return
    if pattern in _WHOLE:
        if value not in ([], {}):
            yield path, _text(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            free = pattern in _FREE
            yield from _walk(f"{path}.{key}", f"{pattern}.{'*' if free else key}", item)
    elif isinstance(value, list):
        for name, item in zip(item_names(value), value, strict=True):
            yield from _walk(f"{path}.{name}", f"{pattern}.*", item)
    else:
        yield path, _text(value)


_FREE = {
    "quality.intents",
    "models.needs",
    "safety.filters",
    "change_control.review",
}  # sections of free names


def _text(value: Json) -> str:
    """Return a value as one line: what a reader needs to recognise the clause."""
    if isinstance(value, dict):
        if "description" in value:
            return str(value["description"])
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items() if item not in (None, [], {}))
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
