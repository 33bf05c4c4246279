"""A tier's demands on single clauses: a contract that states less than its tier demands is invalid."""

from collections.abc import Iterator, Mapping, Sequence
from typing import get_origin

from proviso.contract.document import Path as Place
from proviso.contract.fields import at, bare, choices
from proviso.contract.model import Contract
from proviso.contract.partial import HOLE, numbered, plain, where_readable
from proviso.contract.parts import Parts
from proviso.contract.read import item_names
from proviso.contract.vocabulary import Section, Unreadable
from proviso.contract.wording import found, suggest
from proviso.contract.workspace import Demand, Policy, Tier
from proviso.types import Problem

_CONDITIONS = ("equals", "one_of", "includes", "at_least", "at_most", "stated")


@where_readable
def demand_problems(parts: Parts, contract: Contract, policy: Policy) -> Iterator[Problem]:
    """Compare what the contract states with what its tier demands."""
    tier = policy.tiers.get(contract.tier)
    if tier is None or not tier.allowed:
        return
    for _, demand in numbered(tier.demands):
        for place, value in _unmet(contract, demand):
            words = _words(demand)
            what = f"the contract states {_shown(value)}, but tier `{contract.tier}` demands {words}"
            yield parts.problem("contract", place, what, f"state {words}, or choose another tier")


def meets_demands(contract: Contract, policy: Policy, clause: str) -> bool:
    """Say whether a clause is what its tier demands. Raise `Unreadable` where nobody can know."""
    tier = policy.tiers.get(contract.tier)
    if tier is None or not tier.allowed:
        raise Unreadable
    demands = [demand for demand in tier.demands if demand.clause == clause]
    return all(_met(demand, value) for demand in demands for _, value in _selected(contract, demand))


@where_readable
def _unmet(contract: Contract, demand: Demand) -> Iterator[tuple[Place, object]]:
    if _fault(demand):
        return  # the policy's own problem
    for place, value in _selected(contract, demand):
        yield from _short(demand, place, value)


@where_readable
def _short(demand: Demand, place: Place, value: object) -> Iterator[tuple[Place, object]]:
    if not _met(demand, value):
        yield place, value


def _selected(contract: Contract, demand: Demand) -> Iterator[tuple[Place, object]]:
    for place, value in select(plain(contract), tuple(demand.clause.split("."))):
        if place == ("inputs", "sensitive", "mask") and isinstance(value, list):
            # What is blocked is also masked, in that it goes no further.
            yield place, [*value, *plain(contract.inputs.sensitive.block)]
        else:
            yield place, value


@where_readable
def policy_demand_problems(parts: Parts, policy: Policy) -> Iterator[Problem]:
    """Check each demand by itself: its clause exists, and it has one condition that fits that clause."""
    for name, tier in policy.tiers.items():
        yield from _faulty(parts, name, tier)


@where_readable
def _faulty(parts: Parts, name: str, tier: Tier) -> Iterator[Problem]:
    for index, demand in numbered(tier.demands):
        for fault in _faults(demand):
            yield parts.problem("policy", ("tiers", name, "demands", index), *fault)


@where_readable
def _faults(demand: Demand) -> Iterator[tuple[str, str]]:
    if fault := _fault(demand):
        yield fault


def select(value: object, steps: Sequence[str]) -> Iterator[tuple[Place, object]]:
    """Yield every place that a path with `*` stands for, with its value; None where nothing is stated.

    `value` is as `plain` returns it. What could not be read is left out, and so is what may be among it.
    """
    if not steps:
        yield (), value
        return
    for key, item in _children(value, steps[0]):
        for place, selected in select(item, steps[1:]):
            yield (key, *place), selected


def _children(value: object, step: str) -> list[tuple[str | int, object]]:
    children: list[tuple[str | int, str, object]] = []
    if isinstance(value, list):
        names = item_names(value)
        children = [(i, name, item) for i, (name, item) in enumerate(zip(names, value, strict=True))]
    elif isinstance(value, dict):
        children = [(key, key, item) for key, item in value.items()]
    chosen = [(key, item) for key, name, item in children if step in ("*", name)]
    if not chosen and step != "*" and not _uncertain(value):
        return [(step, None)]
    return [(key, item) for key, item in chosen if item is not HOLE]


def _uncertain(value: object) -> bool:
    """Say whether something could not be read of a list or a section, so that nobody knows what it lacks."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else (value,)
    return any(one is HOLE or (isinstance(one, dict) and HOLE in one.values()) for one in inside)


def _met(demand: Demand, value: object) -> bool:
    if value is None or value == [] or value == {}:
        return False
    if demand.stated:
        return True
    if demand.includes is not None:
        return _includes(value, demand.includes)
    if demand.at_least is not None or demand.at_most is not None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return (demand.at_least is None or value >= demand.at_least) and (
            demand.at_most is None or value <= demand.at_most
        )
    return str(value) in (demand.one_of or (demand.equals,))


def _includes(value: object, words: Sequence[str]) -> bool:
    """Say whether a list has these texts or items of these names, or a section these keys."""
    entries = set(value) if isinstance(value, dict) else set()
    if isinstance(value, list):
        entries = {*item_names(value), *(item for item in value if isinstance(item, str))}
    if not entries.issuperset(words) and _uncertain(value):
        raise Unreadable
    return entries.issuperset(words)


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


def _shown(value: object) -> str:
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
