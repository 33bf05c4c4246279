"""Which models of the register take each role: pinned by name, listed in order, or chosen by a rule, with reasons."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from proviso.contract.document import Path as Place
from proviso.contract.fitness import Case, grounds
from proviso.contract.grounds import Candidate, Choice
from proviso.contract.partial import numbered, where_readable, whole
from proviso.contract.parts import App, Parts
from proviso.contract.pricing import book_of
from proviso.contract.vocabulary import Unreadable
from proviso.contract.wording import suggest
from proviso.contract.workspace import ByRule, Selection, Workflow
from proviso.types import Problem

_DEAR = 2**63  # a model whose price nobody knows comes after all others


def choose(parts: Parts, today: date) -> dict[str, Choice]:
    """Return, for each role of a workflow, its models and every candidate of the register. Pure.

    Raises `Unreadable` where the files of the app have problems that the choice depends on.
    """
    if parts.workflow is None:
        raise Unreadable
    return {role: _choice(parts, role, wanted, today) for role, wanted in parts.workflow.models.items()}


def roles_of(app: App) -> dict[str, tuple[str, ...]]:
    """Return the names in models.yaml of each role's models: the first answers, the others may stand in."""
    return {role: choice.names for role, choice in app.choices.items()}


@where_readable
def choice_problems(parts: Parts, workflow: Workflow, today: date) -> Iterator[Problem]:
    """Check that each role has models, and that those that are named are known and suit it."""
    for role, wanted in workflow.models.items():
        place: Place = ("models", role)
        if isinstance(wanted, ByRule):
            yield from _nothing_chosen(parts, place, wanted, today)
        elif isinstance(wanted, str):
            yield from _unfit(parts, place, role, wanted, today)
        else:
            yield from _unfit_list(parts, place, wanted, today)


@where_readable
def _unfit_list(parts: Parts, place: Place, names: Sequence[str], today: date) -> Iterator[Problem]:
    role, seen = str(place[-1]), set[str]()
    for index, name in numbered(names):
        if name in seen:
            what = f"`{name[:60]}` stands here a second time"
            yield parts.problem("workflow", (*place, index), what, "remove one of the two")
        else:
            yield from _unfit(parts, (*place, index), role, name, today)
        seen.add(name)


@where_readable
def _unfit(parts: Parts, place: Place, role: str, name: str, today: date) -> Iterator[Problem]:
    if parts.models is None:
        return
    if name not in parts.models.models:
        what = f"`{name[:60]}` is no model of models.yaml"
        yield parts.problem("workflow", place, what, suggest(name, list(parts.models.models)))
        return
    for ground in grounds(Case(parts, role, name, today)):
        yield parts.problem("workflow", place, ground.what, ground.fix)


@where_readable
def _nothing_chosen(parts: Parts, place: Place, rule: ByRule, today: date) -> Iterator[Problem]:
    choice = _choice(parts, str(place[-1]), rule, today)
    if not choice.names:
        reasons = "; ".join(ground.what for one in choice.candidates for ground in one.grounds)
        what = f"no model of models.yaml suits the role `{place[-1]}`: {reasons or 'there is none'}"
        yield parts.problem("workflow", place, what, "register a model that does, or ask less of the role")


def _choice(parts: Parts, role: str, wanted: Selection, today: date) -> Choice:
    """Resolve one role. Every model of the register is a candidate, also for a role whose models are named."""
    _require_whole(parts)
    assert parts.models is not None
    cases = [Case(parts, role, name, today) for name in parts.models.models]
    against = {case.name: tuple(grounds(case)) for case in cases}
    if isinstance(wanted, ByRule):
        suited = sorted((case for case in cases if not against[case.name]), key=_ORDERS[wanted.choose])
        names = tuple(case.name for case in suited[: 1 + wanted.stand_ins])
    else:
        names = (wanted,) if isinstance(wanted, str) else wanted
    places = {name: place for place, name in enumerate(names, 1)}
    return Choice(
        wanted.choose if isinstance(wanted, ByRule) else "named",
        names,
        tuple(
            Candidate(
                case.name,
                places.get(case.name),
                against[case.name],
                case.micro_usd,
                case.model.trade_off if whole(case.model.trade_off) else "",
            )
            for case in cases
        ),
    )


def _require_whole(parts: Parts) -> None:
    """Raise `Unreadable` where something that a choice looks at could not be read: nobody knows what it would be."""
    contract, sources, policy, register = parts.contract, parts.sources, parts.policy, parts.models
    if not (contract and sources and policy and register and parts.workflow):
        raise Unreadable
    tier = policy.tiers.get(contract.tier)
    looked_at: list[object] = [
        contract.safety.residency,
        contract.inputs.languages,
        contract.inputs.sources,
        contract.models.needs,
        parts.workflow.max_tokens,
        register.models,
        book_of(parts),
        tier.models if tier is not None else None,
        [sources.sources[name].classification for name in contract.inputs.sources if name in sources.sources],
    ]
    if not all(map(whole, looked_at)):
        raise Unreadable


def _cost(case: Case) -> tuple[int, str]:
    cost = case.micro_usd
    return _DEAR if cost is None else cost, case.name


def _size(case: Case) -> tuple[int, int, str]:
    return -case.model.context, *_cost(case)


def _turn(case: Case) -> int:
    assert case.parts.policy is not None
    listed = case.parts.policy.tiers[case.contract.tier].models  # it suits, so its tier allows it
    return listed.index(case.name)


# Of equals the cheaper one, then the first by name: the same register always gives the same choice.
_ORDERS: Final[Mapping[str, Callable[[Case], tuple[int | str, ...] | int]]] = {
    "cheapest": _cost,
    "largest-context": _size,
    "first": _turn,
}
