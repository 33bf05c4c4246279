"""What a workflow and its contract ask of each other: roles, words that mean the same, limits."""

from collections.abc import Iterator
from typing import get_args

from proviso.contract.document import Path as Place
from proviso.contract.model import Contract
from proviso.contract.partial import numbered, where_readable, written
from proviso.contract.parts import Parts
from proviso.contract.register import ModelRegister
from proviso.contract.vocabulary import ModelRole
from proviso.contract.wording import nearest, suggest
from proviso.contract.workspace import Workflow
from proviso.text import Analyser
from proviso.types import Problem

ROLES: tuple[str, ...] = get_args(ModelRole)
_ROLES = {"draft-then-verify": ("drafter",)}  # the roles that each pattern calls


@where_readable
def role_problems(parts: Parts, contract: Contract, workflow: Workflow) -> Iterator[Problem]:
    """Check that the contract and the workflow speak of the same roles; a misspelt one is told on one side."""
    needed, given = contract.models.needs, workflow.models
    lonely = [role for role in needed if role not in given]
    for role in [role for role in given if role not in needed]:
        meant = nearest(role, lonely)
        if meant:
            lonely.remove(meant)
        if meant and role in _ROLES[workflow.pattern]:
            what = f"`{meant}` is no role of the pattern `{workflow.pattern}`"
            place: Place = ("models", "needs", meant)
            yield parts.problem("contract", place, what, suggest(meant, [role]), of_key=True)
        else:
            what = f"`{role}` is no role of the contract's `models.needs`"
            fix = suggest(role, [meant] if meant else list(needed))
            yield parts.problem("workflow", ("models", role), what, fix, of_key=True)
    for role in [role for role in given if role in needed and role not in ROLES]:
        what = f"`{role}` is nothing that a model does here"
        fix = f"{suggest(role, ROLES)}; here and in the contract"
        yield parts.problem("workflow", ("models", role), what, fix, of_key=True)
    for role in lonely:
        what = f"the contract's role `{role}` has no model"
        yield parts.problem("workflow", ("models",), what, f"add `{role}: …` with a model of models.yaml")


@where_readable
def pattern_problems(parts: Parts, contract: Contract, workflow: Workflow) -> Iterator[Problem]:
    """Check that the roles of the pattern are there."""
    for role in _ROLES[workflow.pattern]:
        if role not in workflow.models and role not in contract.models.needs:
            what = f"`{workflow.pattern}` needs a model for the role `{role}`"
            yield parts.problem("workflow", ("models",), what, f"add `{role}`, here and to `models.needs`")


@where_readable
def synonym_problems(parts: Parts, workflow: Workflow) -> Iterator[Problem]:
    """Check that each word means something to the search, and is said once: meanings do not flow from set to set."""
    analyser = Analyser()
    seen: dict[tuple[int, ...], tuple[int, str]] = {}
    for row, words in numbered(workflow.retrieval.synonyms):
        for column, word in numbered(words):
            place: Place = ("retrieval", "synonyms", row, column)
            terms = tuple(analyser.phrase(word)[0])
            if not analyser.terms(word):
                what = f"`{word}` is a word that the search leaves out"
                yield parts.problem("workflow", place, what, "remove it")
            elif terms in seen:
                other_row, other = seen[terms]
                what = f"`{word}` is the same to the search as `{other}`"
                fix = "remove it" if other_row == row else "join the two sets, or keep it in one of them"
                yield parts.problem("workflow", place, what, fix)
            seen.setdefault(terms, (row, word))


@where_readable
def limit_model_problems(parts: Parts, contract: Contract, register: ModelRegister) -> Iterator[Problem]:
    """Check that limits are for models that there are."""
    for index, limit in numbered(contract.cost.limits):
        for model in written(limit, "model"):
            if model not in (None, "*", *register.models):
                what = f"`{model[:60]}` is no model of models.yaml"
                place: Place = ("cost", "limits", index, "model")
                yield parts.problem("contract", place, what, suggest(model, list(register.models)))
