"""What must fit together across the files of a workspace: pure checks, each fault a problem.

Owners who are missing or have left are no problems here: they are gaps, which coverage shows.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date

from msgspec import Struct

from proviso.contract.binding import environment_problems
from proviso.contract.choice import choice_problems
from proviso.contract.consistency import (
    citation_less_problems,
    contract_problems,
    schema_problems,
    source_less_problems,
    text_problems,
)
from proviso.contract.demands import demand_problems, policy_demand_problems
from proviso.contract.document import Json
from proviso.contract.parts import Parts
from proviso.contract.people import app_people_problems, workspace_people_problems
from proviso.contract.prompt import PromptFile
from proviso.contract.provider import provider_problems
from proviso.contract.registering import book_problems, register_problems
from proviso.contract.sourcing import source_problems, used_source_problems
from proviso.contract.tiers import policy_problems, tier_problems
from proviso.contract.workflow import (
    limit_model_problems,
    pattern_problems,
    role_problems,
    synonym_problems,
)
from proviso.contract.workspace import Oidc
from proviso.types import Problem


class Rules(Struct, frozen=True):
    """What the checks take from outside: the day, and what other rooms know of patterns, schemas, templates, providers.

    The first two functions return what is wrong in words, or None; `prompt_problems` places each in the prompt's file;
    `provider_problems` gives the setting, the fault and the fix of each.
    """

    today: date
    pattern_problem: Callable[[str], str | None]
    schema_problem: Callable[[Json], str | None]
    prompt_problems: Callable[[PromptFile], Sequence[Problem]]
    provider_problems: Callable[[Oidc], Sequence[tuple[str, str, str]]]


def check_shared(parts: Parts, rules: Rules) -> list[Problem]:
    """Return the problems of the files that all apps share."""
    return list(_shared(parts, rules))


def check(parts: Parts, rules: Rules) -> list[Problem]:
    """Return the problems of one app. Each check looks at what could be read; what could not is told already."""
    return [*_own(parts, rules), *_around(parts, rules)]


def _shared(parts: Parts, rules: Rules) -> Iterator[Problem]:
    if parts.policy:
        yield from policy_demand_problems(parts, parts.policy)
        yield from policy_problems(parts, parts.policy, parts.models)
    if parts.models:
        yield from register_problems(parts, parts.models)
    if parts.prices:
        yield from book_problems(parts, parts.prices)
    if parts.workspace:
        yield from environment_problems(parts, parts.workspace)
        yield from workspace_people_problems(parts, parts.workspace)
        yield from provider_problems(parts, parts.workspace, rules.provider_problems)


def _own(parts: Parts, rules: Rules) -> Iterator[Problem]:
    if parts.contract:
        yield from contract_problems(parts, parts.contract, rules.pattern_problem)
        yield from source_less_problems(parts, parts.contract)
        yield from schema_problems(parts, parts.contract, rules.schema_problem)
    if parts.sources:
        yield from source_problems(parts, parts.sources, rules.today)
    if parts.workflow:
        yield from synonym_problems(parts, parts.workflow)
    yield from text_problems(parts)


def _around(parts: Parts, rules: Rules) -> Iterator[Problem]:
    contract, policy = parts.contract, parts.policy
    if contract and policy:
        yield from tier_problems(parts, contract, policy)
        yield from demand_problems(parts, contract, policy)
        yield from citation_less_problems(parts, contract, policy)
    if contract and parts.sources:
        yield from used_source_problems(parts, contract, parts.sources)
    if contract and parts.workflow:
        yield from role_problems(parts, contract, parts.workflow)
        yield from pattern_problems(parts, contract, parts.workflow)
    if parts.workflow:
        yield from choice_problems(parts, parts.workflow, rules.today)
    if parts.contract and parts.models:
        yield from limit_model_problems(parts, parts.contract, parts.models)
    if parts.workspace:
        yield from app_people_problems(parts, parts.workspace)
