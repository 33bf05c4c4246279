"""What must fit together inside one contract, and in the texts and schemas that it names."""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import reduce

from proviso.contract.demands import meets_demands
from proviso.contract.document import Json
from proviso.contract.document import Path as Place
from proviso.contract.model import Contract, CostLimit, Intent, RefusedPurpose
from proviso.contract.partial import numbered, where_readable, written
from proviso.contract.parts import Kind, Parts
from proviso.contract.vocabulary import SensitiveType, is_day
from proviso.contract.wording import suggest
from proviso.contract.workspace import Policy, Workflow
from proviso.types import Problem

NEVER_STORED = (
    "credentials",
    "model_reasoning",
)  # what `monitoring.never_store` knows besides sensitive types
MAX_REFUSAL_CHARS = 4000

# The lists in which nothing stands twice, each with the keys that tell its items apart; words tell themselves apart.
_LISTS: dict[Place, tuple[str, ...]] = {
    ("purpose", "tasks"): (),
    ("purpose", "refuses"): ("id",),
    ("inputs", "sources"): (),
    ("inputs", "sensitive", "block"): (),
    ("inputs", "sensitive", "mask"): (),
    ("inputs", "sensitive", "custom"): ("id",),
    ("inputs", "languages"): (),
    ("outputs", "disallowed"): ("id",),
    ("safety", "grounding", "method"): (),
    ("safety", "residency"): (),
    ("monitoring", "log"): (),
    ("monitoring", "never_store"): (),
    ("monitoring", "feedback_tags"): (),
    ("monitoring", "alerts"): ("signal", "action", "window"),
}


def contract_problems(
    parts: Parts, contract: Contract, pattern_problem: Callable[[str], str | None]
) -> Iterator[Problem]:
    """Check names, duplicates, patterns, and numbers that contradict each other."""
    yield from _name(parts, contract)
    for place, key in _LISTS.items():
        yield from _repeated(parts, contract, place, key)
    yield from _masked(parts, contract)
    yield from _never_stored(parts, contract)
    yield from _patterns(parts, contract, pattern_problem)
    yield from _examples(parts, contract)
    yield from _latency(parts, contract)
    yield from _cost(parts, contract)
    yield from _limits(parts, contract)
    yield from _freezes(parts, contract)


@where_readable
def _name(parts: Parts, contract: Contract) -> Iterator[Problem]:
    if contract.contract != parts.name:
        what = f"the folder is called `{parts.name}`"
        fix = f"write `contract: {parts.name}`, or rename the folder"
        yield parts.problem("contract", ("contract",), what, fix)


@where_readable
def source_less_problems(parts: Parts, contract: Contract) -> Iterator[Problem]:
    """Check that citations can be given."""
    if contract.outputs.citations == "required" and not contract.inputs.sources:
        what = "`outputs.citations` is required but `inputs.sources` is empty"
        fix = "add a source, or set `outputs.citations: optional`"
        yield parts.problem("contract", ("outputs", "citations"), what, fix)


@where_readable
def citation_less_problems(parts: Parts, contract: Contract, policy: Policy) -> Iterator[Problem]:
    """Check that the grounding expects no citations where none are given.

    Where the tier demands citations, their lack is told already, and this is but what follows from it.
    """
    if contract.outputs.citations != "none" or not meets_demands(contract, policy, "outputs.citations"):
        return
    for index, method in numbered(contract.safety.grounding.method):
        if method == "citations":
            what = "`citations` cannot be checked: `outputs.citations` is `none`"
            fix = "remove it from `safety.grounding.method`, or set `outputs.citations: optional`"
            yield parts.problem("contract", ("safety", "grounding", "method", index), what, fix)


@where_readable
def schema_problems(
    parts: Parts, contract: Contract, schema_problem: Callable[[Json], str | None]
) -> Iterator[Problem]:
    """Check that a JSON answer has a schema, that nothing else has one, and that it is one."""
    form = contract.outputs.format
    place: Place = ("outputs", "format", "schema")
    if form.kind == "json" and form.schema_ is None:
        fix = "add `schema: schemas/answer.json`"
        yield parts.problem("contract", ("outputs", "format"), "a JSON answer needs a schema", fix)
    if form.kind != "json" and form.schema_ is not None:
        fix = "remove `schema`, or set `kind: json`"
        yield parts.problem("contract", place, f"`{form.kind}` answers have no schema", fix)
    if form.schema_ is not None and form.schema_ in parts.files:
        what = _schema_fault(parts.files[form.schema_], schema_problem)
        if what:
            yield parts.problem("contract", place, f"`{form.schema_}` {what}", "correct the file")


def refusal_texts(parts: Parts) -> Iterator[tuple[Kind, Place, str]]:
    """Name the files of all refusal texts, with the places of the clauses that name them."""
    if parts.contract:
        yield from _purpose_texts(parts.contract)
    if parts.workflow:
        yield from _reason_texts(parts.workflow)


@where_readable
def _purpose_texts(contract: Contract) -> Iterator[tuple[Kind, Place, str]]:
    for i, refused in numbered(contract.purpose.refuses):
        for template in written(refused, "template"):
            yield "contract", ("purpose", "refuses", i, "template"), template


@where_readable
def _reason_texts(workflow: Workflow) -> Iterator[tuple[Kind, Place, str]]:
    for reason, path in workflow.refusals.items():
        yield "workflow", ("refusals", reason), path


def text_problems(parts: Parts) -> Iterator[Problem]:
    """Check the refusal texts: short plain texts that have something to say."""
    for kind, place, path in refusal_texts(parts):
        fault = _text_fault(parts.files[path]) if path in parts.files else None
        if fault:
            yield parts.problem(kind, place, f"`{path}` {fault[0]}", fault[1])


def _text_fault(content: bytes) -> tuple[str, str] | None:
    try:
        text = content.decode("utf-8").strip()
    except UnicodeDecodeError:
        return "is not UTF-8", "save the file as UTF-8"
    if not text:
        return "is empty", "say what is refused and what to do instead"
    if len(text) > MAX_REFUSAL_CHARS:
        return f"is longer than {MAX_REFUSAL_CHARS:,} characters", "shorten it"
    if "{{" in text or "{%" in text:
        return "has a template mark", "write plain text: refusals take no variables"
    return None


def _schema_fault(content: bytes, schema_problem: Callable[[Json], str | None]) -> str | None:
    try:
        schema: Json = json.loads(content)
    except (ValueError, RecursionError):
        return "is not JSON"
    what = schema_problem(schema)
    return f"is not a JSON Schema: {what}" if what else None


@where_readable
def _repeated(parts: Parts, contract: Contract, place: Place, keys: Sequence[str]) -> Iterator[Problem]:
    items: Sequence[object] = reduce(getattr, map(str, place), contract)  # type: ignore[arg-type]  # as named above
    seen: set[str] = set()
    for index, item in numbered(items):
        for words in _words(item, keys):
            name = " ".join(words)
            if name in seen:
                path = (*place, index, *keys[:1])
                what = f"`{name}` stands here a second time"
                yield parts.problem("contract", path, what, "remove one of the two")
            seen.add(name)


@where_readable
def _words(item: object, keys: Sequence[str]) -> Iterator[list[str]]:
    yield [getattr(item, key) for key in keys] or [str(item)]


@where_readable
def _masked(parts: Parts, contract: Contract) -> Iterator[Problem]:
    blocked = {kind for _, kind in numbered(contract.inputs.sensitive.block)}
    for index, kind in numbered(contract.inputs.sensitive.mask):
        if kind in blocked:
            place: Place = ("inputs", "sensitive", "mask", index)
            what = f"`{kind}` is blocked and masked"
            yield parts.problem("contract", place, what, "keep it in one of the lists")


@where_readable
def _never_stored(parts: Parts, contract: Contract) -> Iterator[Problem]:
    for index, word in numbered(contract.monitoring.never_store):
        if word not in (*NEVER_STORED, *SensitiveType):
            yield from _unknown_word(parts, contract, index, word)


@where_readable
def _unknown_word(parts: Parts, contract: Contract, index: int, word: str) -> Iterator[Problem]:
    known = [*NEVER_STORED, *SensitiveType, *(custom.id for custom in contract.inputs.sensitive.custom)]
    if word not in known:
        place: Place = ("monitoring", "never_store", index)
        what = f"`{word[:60]}` is nothing that is known here"
        yield parts.problem("contract", place, what, suggest(word, known))


def _patterns(
    parts: Parts, contract: Contract, pattern_problem: Callable[[str], str | None]
) -> Iterator[Problem]:
    for place, pattern in (*_custom_patterns(contract), *_disallowed_patterns(contract)):
        if what := pattern_problem(pattern):
            what = f"the pattern cannot be used: {what}"
            yield parts.problem("contract", place, what, "correct the pattern")


@where_readable
def _custom_patterns(contract: Contract) -> Iterator[tuple[Place, str]]:
    for i, custom in numbered(contract.inputs.sensitive.custom):
        for pattern in written(custom, "pattern"):
            yield ("inputs", "sensitive", "custom", i, "pattern"), pattern


@where_readable
def _disallowed_patterns(contract: Contract) -> Iterator[tuple[Place, str]]:
    for i, disallowed in numbered(contract.outputs.disallowed):
        for patterns in written(disallowed, "patterns"):
            for j, pattern in numbered(patterns):
                yield ("outputs", "disallowed", i, "patterns", j), pattern


@where_readable
def _examples(parts: Parts, contract: Contract) -> Iterator[Problem]:
    owner: dict[str, str] = {}
    for name, intent in contract.quality.intents.items():
        owner.update({text: f"quality.intents.{name}" for _, text in _questions(intent)})
    for i, refused in numbered(contract.purpose.refuses):
        for j, text in _questions(refused):
            if intent_path := owner.get(text):
                what = f"the same question is an example of `{intent_path}`"
                place: Place = ("purpose", "refuses", i, "examples", j)
                yield parts.problem("contract", place, what, "keep it where it belongs")


@where_readable
def _questions(section: Intent | RefusedPurpose) -> Iterator[tuple[int, str]]:
    for index, example in numbered(section.examples):
        yield index, example.strip().casefold()


@where_readable
def _latency(parts: Parts, contract: Contract) -> Iterator[Problem]:
    latency = contract.latency
    if latency.deadline_ms < latency.p95_ms:
        what = f"the deadline is before `latency.p95_ms`, which is {latency.p95_ms}"
        yield parts.problem("contract", ("latency", "deadline_ms"), what, f"write {latency.p95_ms} or more")


@where_readable
def _cost(parts: Parts, contract: Contract) -> Iterator[Problem]:
    cost = contract.cost
    if cost.per_day_usd < cost.per_request_usd:
        what = f"a day may cost less than one answer, which is {cost.per_request_usd:g}"
        fix = f"write {cost.per_request_usd:g} or more"
        yield parts.problem("contract", ("cost", "per_day_usd"), what, fix)


@where_readable
def _limits(parts: Parts, contract: Contract) -> Iterator[Problem]:
    seen: set[tuple[str | None, ...]] = set()
    for index, limit in numbered(contract.cost.limits):
        yield from _limit(parts, ("cost", "limits", index), limit, seen)


@where_readable
def _limit(
    parts: Parts, place: Place, limit: CostLimit, seen: set[tuple[str | None, ...]]
) -> Iterator[Problem]:
    if all(amount is None for amount in limit.amounts):
        yield parts.problem(
            "contract", place, "it limits nothing", "add an amount such as `requests_per_day: 200`"
        )
    scope = (limit.group, limit.key, limit.model)
    if scope in seen:
        yield parts.problem(
            "contract", place, "its callers have a limit already", "write both into one entry"
        )
    seen.add(scope)


@where_readable
def _freezes(parts: Parts, contract: Contract) -> Iterator[Problem]:
    for index, freeze in numbered(contract.change_control.freeze):
        begin, end = freeze.split("/")
        place: Place = ("change_control", "freeze", index)
        if not (is_day(begin) and is_day(end)):
            what = f"`{freeze}` has a day that does not exist"
            yield parts.problem("contract", place, what, "correct the date")
        elif end < begin:
            yield parts.problem("contract", place, f"`{freeze}` ends before it begins", "swap the two dates")
