"""What a workflow asks of the model register, and the register by itself."""

from collections.abc import Iterator
from datetime import date

from proviso.contract.document import Path as Place
from proviso.contract.model import Contract
from proviso.contract.partial import numbered, where_readable, written
from proviso.contract.parts import Parts
from proviso.contract.vocabulary import is_day
from proviso.contract.wording import nearest, suggest
from proviso.contract.workspace import ModelRegister, RegisteredModel, Sources, Workflow
from proviso.text import Analyser
from proviso.types import Problem

_ROLES = {"draft-then-verify": ("drafter",)}  # the roles that each pattern calls
LOCAL = "local"  # the region of a model that runs on this machine: data stays where it is


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
def model_problems(
    parts: Parts, workflow: Workflow, register: ModelRegister, today: date
) -> Iterator[Problem]:
    """Check each model that the workflow uses: known, alive, large enough, and allowed this data."""
    for role, name in workflow.models.items():
        place: Place = ("models", role)
        if name not in register.models:
            what = f"`{name[:60]}` is no model of models.yaml"
            yield parts.problem("workflow", place, what, suggest(name, list(register.models)))
        else:
            for what, fix in _faults(parts, role, name, register, today):
                yield parts.problem("workflow", place, what, fix)


@where_readable
def limit_model_problems(parts: Parts, contract: Contract, register: ModelRegister) -> Iterator[Problem]:
    """Check that limits are for models that there are."""
    for index, limit in numbered(contract.cost.limits):
        for model in written(limit, "model"):
            if model not in (None, "*", *register.models):
                what = f"`{model[:60]}` is no model of models.yaml"
                place: Place = ("cost", "limits", index, "model")
                yield parts.problem("contract", place, what, suggest(model, list(register.models)))


@where_readable
def register_problems(parts: Parts, register: ModelRegister) -> Iterator[Problem]:
    """Check the register's dates."""
    for name, model in register.models.items():
        yield from _day(parts, name, model)


@where_readable
def _day(parts: Parts, name: str, model: RegisteredModel) -> Iterator[Problem]:
    day = model.lifecycle.end_of_life
    if day is not None and not is_day(day):
        place: Place = ("models", name, "lifecycle", "end_of_life")
        yield parts.problem("models", place, f"`{day}` is a day that does not exist", "correct the date")


@where_readable
def _faults(
    parts: Parts, role: str, name: str, register: ModelRegister, today: date
) -> Iterator[tuple[str, str]]:
    model = register.models[name]
    yield from _ended(name, model, today)
    if parts.contract:
        for check in (_regions, _languages):
            yield from check(name, model, parts.contract)
        yield from _context(name, model, parts.contract, role)
        if parts.sources:
            yield from _data(name, model, parts.contract, parts.sources)


@where_readable
def _ended(name: str, model: RegisteredModel, today: date) -> Iterator[tuple[str, str]]:
    life = model.lifecycle
    if life.status == "end-of-life" or (
        life.end_of_life is not None and is_day(life.end_of_life) and life.end_of_life <= today.isoformat()
    ):
        since = f" since {life.end_of_life}" if life.end_of_life else ""
        yield f"`{name}` is at the end of its life{since}", "use a model that is active"


@where_readable
def _context(name: str, model: RegisteredModel, contract: Contract, role: str) -> Iterator[tuple[str, str]]:
    needs = contract.models.needs.get(role)
    if needs is not None and model.context < needs.context:
        what = f"`{name}` reads {model.context} tokens, the contract's role `{role}` needs {needs.context}"
        yield what, "use a larger model, or lower `models.needs`"


@where_readable
def _regions(name: str, model: RegisteredModel, contract: Contract) -> Iterator[tuple[str, str]]:
    allowed = contract.safety.residency
    outside = [region for region in model.regions if region != LOCAL and allowed and region not in allowed]
    if outside:
        regions = ", ".join(f"`{region}`" for region in outside)
        what = f"`{name}` may process data in {regions}, outside the contract's `safety.residency`"
        yield what, "use a model or profile of the contract's regions"


@where_readable
def _languages(name: str, model: RegisteredModel, contract: Contract) -> Iterator[tuple[str, str]]:
    for _, language in numbered(contract.inputs.languages):
        if language not in model.languages:
            what = f"`{name}` does not know the contract's language `{language}`"
            yield what, "use another model, or remove the language from `inputs.languages`"


@where_readable
def _data(
    name: str, model: RegisteredModel, contract: Contract, sources: Sources
) -> Iterator[tuple[str, str]]:
    for _, used in numbered(contract.inputs.sources):
        for kind in _classification(sources, used):
            if kind not in model.data_classes:
                what = f"`{name}` may not be given `{kind}` data, which `{used}` holds"
                yield what, "use another model, or another source"


@where_readable
def _classification(sources: Sources, name: str) -> Iterator[str]:
    if name in sources.sources:
        yield sources.sources[name].classification
