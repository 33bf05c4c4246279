"""What a workflow asks of the model register, and the register by itself."""

from collections.abc import Iterator
from datetime import date

from proviso.contract.document import Path as Place
from proviso.contract.model import Contract
from proviso.contract.parts import Parts
from proviso.contract.vocabulary import is_day
from proviso.contract.wording import suggest
from proviso.contract.workspace import ModelRegister, RegisteredModel, Workflow
from proviso.text import Analyser
from proviso.types import Problem

_ROLES = {"draft-then-verify": ("drafter",)}  # the roles that each pattern calls
LOCAL = "local"  # the region of a model that runs on this machine: data stays where it is


def role_problems(parts: Parts, contract: Contract, workflow: Workflow) -> Iterator[Problem]:
    """Check that the contract, the workflow and its pattern speak of the same roles."""
    for role in contract.models.needs:
        if role not in workflow.models:
            what = f"the contract's role `{role}` has no model"
            yield parts.problem("workflow", ("models",), what, f"add `{role}: …` with a model of models.yaml")
    for role in workflow.models:
        if role not in contract.models.needs:
            what = f"`{role}` is no role of the contract's `models.needs`"
            fix = suggest(role, list(contract.models.needs))
            yield parts.problem("workflow", ("models", role), what, fix, of_key=True)
    for role in _ROLES[workflow.pattern]:
        if role not in workflow.models and role not in contract.models.needs:
            what = f"`{workflow.pattern}` needs a model for the role `{role}`"
            yield parts.problem("workflow", ("models",), what, f"add `{role}`, here and to `models.needs`")


def synonym_problems(parts: Parts, workflow: Workflow) -> Iterator[Problem]:
    """Check that each word means something to the search, and is said once: meanings do not flow from set to set."""
    analyser = Analyser()
    seen: dict[tuple[int, ...], tuple[int, str]] = {}
    for row, words in enumerate(workflow.retrieval.synonyms):
        for column, word in enumerate(words):
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


def model_problems(parts: Parts, today: date) -> Iterator[Problem]:
    """Check each model that the workflow uses: known, alive, large enough, and allowed this data."""
    contract, workflow, register = parts.contract, parts.workflow, parts.models
    assert contract is not None
    assert workflow is not None
    assert register is not None
    for role, name in workflow.models.items():
        place: Place = ("models", role)
        model = register.models.get(name)
        if model is None:
            what = f"`{name[:60]}` is no model of models.yaml"
            yield parts.problem("workflow", place, what, suggest(name, list(register.models)))
            continue
        needs = contract.models.needs.get(role)
        if needs is not None and model.context < needs.context:
            what = (
                f"`{name}` reads {model.context} tokens, the contract's role `{role}` needs {needs.context}"
            )
            yield parts.problem("workflow", place, what, "use a larger model, or lower `models.needs`")
        for what, fix in _faults(name, model, parts, today):
            yield parts.problem("workflow", place, what, fix)


def register_problems(parts: Parts, register: ModelRegister) -> Iterator[Problem]:
    """Check the register's dates."""
    for name, model in register.models.items():
        day = model.lifecycle.end_of_life
        if day is not None and not is_day(day):
            place: Place = ("models", name, "lifecycle", "end_of_life")
            yield parts.problem("models", place, f"`{day}` is a day that does not exist", "correct the date")


def _faults(name: str, model: RegisteredModel, parts: Parts, today: date) -> Iterator[tuple[str, str]]:
    contract = parts.contract
    assert contract is not None
    life = model.lifecycle
    if life.status == "end-of-life" or (
        life.end_of_life is not None and life.end_of_life <= today.isoformat()
    ):
        since = f" since {life.end_of_life}" if life.end_of_life else ""
        yield f"`{name}` is at the end of its life{since}", "use a model that is active"
    allowed = contract.safety.residency
    outside = [region for region in model.regions if region != LOCAL and allowed and region not in allowed]
    if outside:
        regions = ", ".join(f"`{region}`" for region in outside)
        what = f"`{name}` may process data in {regions}, outside the contract's `safety.residency`"
        yield what, "use a model or profile of the contract's regions"
    missing = [language for language in contract.inputs.languages if language not in model.languages]
    if missing:
        what = f"`{name}` does not know the contract's language `{missing[0]}`"
        yield what, "use another model, or remove the language from `inputs.languages`"
    sources = parts.sources.sources if parts.sources else {}
    for source in contract.inputs.sources:
        if source in sources and sources[source].classification not in model.data_classes:
            what = (
                f"`{name}` may not be given `{sources[source].classification}` data, which `{source}` holds"
            )
            yield what, "use another model, or another source"
