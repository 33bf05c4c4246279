"""A tier's demands on single clauses: a contract that states less than its tier demands is invalid."""

from collections.abc import Iterator, Mapping, Sequence
from typing import get_origin

from proviso.contract.document import Json
from proviso.contract.document import Path as Place
from proviso.contract.fields import at, bare, choices
from proviso.contract.model import Contract
from proviso.contract.parts import Parts
from proviso.contract.read import item_names
from proviso.contract.vocabulary import Section
from proviso.contract.wording import found, suggest
from proviso.contract.workspace import Demand, Policy
from proviso.types import Problem

_CONDITIONS = ("equals", "one_of", "includes", "at_least", "at_most", "stated")


def demand_problems(parts: Parts, contract: Contract, policy: Policy) -> Iterator[Problem]:
    """Compare what the contract states with what its tier demands."""
    tier = policy.tiers.get(contract.tier)
    if tier is None or not tier.allowed:
        return
    stated = _stated(contract)
    for demand in tier.demands:
        for place, value in select(stated, tuple(demand.clause.split("."))):
            if not _met(demand, value):
                words = _words(demand)
                what = f"the contract states {_shown(value)}, but tier `{contract.tier}` demands {words}"
                yield parts.problem("contract", place, what, f"state {words}, or choose another tier")


def policy_demand_problems(parts: Parts, policy: Policy) -> Iterator[Problem]:
    """Check each demand by itself: its clause exists, and it has one condition that fits that clause."""
    for name, tier in policy.tiers.items():
        for index, demand in enumerate(tier.demands):
            place: Place = ("tiers", name, "demands", index)
            if fault := _fault(demand):
                yield parts.problem("policy", place, *fault)


def select(value: Json, steps: Sequence[str]) -> Iterator[tuple[Place, Json]]:
    """Yield every place that a path with `*` stands for, with its value; None where nothing is stated."""
    if not steps:
        yield (), value
        return
    head, rest = steps[0], steps[1:]
    if isinstance(value, list):
        names = item_names(value)
        children: dict[str | int, tuple[str, Json]] = {
            i: (name, item) for i, (name, item) in enumerate(zip(names, value, strict=True))
        }
    else:
        children = {key: (key, item) for key, item in value.items()} if isinstance(value, dict) else {}
    chosen = [(key, item) for key, (name, item) in children.items() if head in ("*", name)]
    if not chosen and head != "*":
        chosen = [(head, None)]
    for key, item in chosen:
        for place, selected in select(item, rest):
            yield (key, *place), selected


def _stated(contract: Contract) -> Json:
    """Return the contract's values. What is blocked is also masked, in that it goes no further."""
    value: dict[str, Json] = contract.model_dump(mode="json", by_alias=True)
    sensitive = contract.inputs.sensitive
    inputs = dict(value["inputs"]) if isinstance(value["inputs"], dict) else {}
    masked: list[Json] = [*map(str, sensitive.mask), *map(str, sensitive.block)]
    inputs["sensitive"] = {
        "block": list(map(str, sensitive.block)),
        "mask": masked,
        "custom": [{"id": c.id, "pattern": c.pattern, "action": c.action} for c in sensitive.custom],
    }
    return {**value, "inputs": inputs}


def _met(demand: Demand, value: Json) -> bool:
    if value is None or value == [] or value == {}:
        return False
    if demand.stated:
        return True
    if demand.includes is not None:
        entries = (
            item_names(value) if isinstance(value, list) else list(value) if isinstance(value, dict) else []
        )
        texts = {*entries, *map(str, value if isinstance(value, list) else ())}
        return texts.issuperset(demand.includes)
    if demand.at_least is not None or demand.at_most is not None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return (demand.at_least is None or value >= demand.at_least) and (
            demand.at_most is None or value <= demand.at_most
        )
    return str(value) in (demand.one_of or (demand.equals,))


def _entries(value: Json) -> set[str]:
    """Return what a list includes: its texts, and the names of its items; the keys of a section."""
    if isinstance(value, list):
        return {*item_names(value), *(item for item in value if isinstance(item, str))}
    return set(value) if isinstance(value, dict) else set()


def _words(demand: Demand) -> str:
    if demand.equals is not None:
        return f"`{demand.equals}`"
    if demand.one_of is not None:
        return " or ".join(f"`{word}`" for word in demand.one_of)
    if demand.includes is not None:
        return "that it includes " + ", ".join(f"`{word}`" for word in demand.includes)
    if demand.at_least is not None:
        return f"at least {demand.at_least:g}"
    if demand.at_most is not None:
        return f"at most {demand.at_most:g}"
    return "that it is stated"


def _shown(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(f"`{name}`" for name in item_names(value)) or "nothing"
    if isinstance(value, dict):
        return ", ".join(f"`{name}`" for name in value) or "nothing"
    return found(value)


def _fault(demand: Demand) -> tuple[str, str] | None:
    given = [name for name in _CONDITIONS if getattr(demand, name) is not None]
    if len(given) != 1:
        what = f"a demand has one condition, this one has {len(given)}"
        return what, "write one of " + ", ".join(f"`{name}`" for name in _CONDITIONS)
    steps = tuple(demand.clause.split("."))
    kind = bare(at(Contract, steps))
    if kind is None:
        for length in range(len(steps)):
            section = bare(at(Contract, steps[:length]))
            if isinstance(section, type) and issubclass(section, Section):
                known = [field.alias or name for name, field in section.model_fields.items()]
                if steps[length] not in known:
                    return f"a contract has no clause `{demand.clause}`", suggest(steps[length], known)
        return f"a contract has no clause `{demand.clause}`", "name a clause of `docs/contract.md`"
    return _unfit(given[0], kind, demand)


def _unfit(condition: str, kind: object, demand: Demand) -> tuple[str, str] | None:
    listed = get_origin(kind) in (tuple, dict, Mapping)
    fits = {
        "includes": listed,
        "at_least": kind in (int, float),
        "at_most": kind in (int, float),
        "equals": kind is str or bool(choices(kind)),
        "one_of": kind is str or bool(choices(kind)),
        "stated": True,
    }
    if not fits[condition]:
        fix = "`includes` is for lists, `at_least` and `at_most` for numbers, `equals` and `one_of` for words"
        return f"`{condition}` does not fit `{demand.clause}`", fix
    allowed = choices(kind)
    for word in (demand.equals, *(demand.one_of or ())):
        if word is not None and allowed and word not in allowed:
            return f"`{demand.clause}` can never be `{word}`", suggest(word, allowed)
    return None
