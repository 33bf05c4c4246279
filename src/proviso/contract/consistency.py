"""What must fit together inside one contract, and in the texts and schemas that it names."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence

from proviso.contract.document import Json
from proviso.contract.document import Path as Place
from proviso.contract.model import Contract
from proviso.contract.parts import Kind, Parts
from proviso.contract.vocabulary import SensitiveType, is_day
from proviso.contract.wording import suggest
from proviso.types import Problem

NEVER_STORED = (
    "credentials",
    "model_reasoning",
)  # what `monitoring.never_store` knows besides sensitive types
MAX_REFUSAL_CHARS = 4000


def contract_problems(
    parts: Parts, contract: Contract, pattern_problem: Callable[[str], str | None]
) -> Iterator[Problem]:
    """Check names, duplicates, patterns, and numbers that contradict each other."""
    if contract.contract != parts.name:
        what = f"the folder is called `{parts.name}`"
        yield parts.problem(
            "contract", ("contract",), what, f"write `contract: {parts.name}`, or rename the folder"
        )
    yield from _repeated_ids(parts, contract)
    yield from _repeated_items(parts, contract)
    yield from _sensitive(parts, contract)
    yield from _patterns(parts, contract, pattern_problem)
    yield from _examples(parts, contract)
    yield from _numbers(parts, contract)


def output_problems(parts: Parts, contract: Contract) -> Iterator[Problem]:
    """Check that citations can be given and are what the grounding expects."""
    outputs = contract.outputs
    if outputs.citations == "required" and not contract.inputs.sources:
        what = "`outputs.citations` is required but `inputs.sources` is empty"
        fix = "add a source, or set `outputs.citations: optional`"
        yield parts.problem("contract", ("outputs", "citations"), what, fix)
    if outputs.citations == "none" and "citations" in contract.safety.grounding.method:
        what = "`citations` cannot be checked: `outputs.citations` is `none`"
        fix = "remove it from `safety.grounding.method`, or set `outputs.citations: optional`"
        index = contract.safety.grounding.method.index("citations")
        yield parts.problem("contract", ("safety", "grounding", "method", index), what, fix)


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


def text_problems(parts: Parts) -> Iterator[Problem]:
    """Check the refusal texts: short plain texts that have something to say."""
    named: list[tuple[Kind, Place, str]] = []
    if parts.contract:
        refuses = parts.contract.purpose.refuses
        named += [
            ("contract", ("purpose", "refuses", i, "template"), r.template) for i, r in enumerate(refuses)
        ]
    if parts.workflow:
        named += [
            ("workflow", ("refusals", reason), path) for reason, path in parts.workflow.refusals.items()
        ]
    for kind, place, path in named:
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


def _repeated_ids(parts: Parts, contract: Contract) -> Iterator[Problem]:
    yield from _repeated(parts, ("purpose", "refuses"), [r.id for r in contract.purpose.refuses], "id")
    yield from _repeated(parts, ("outputs", "disallowed"), [d.id for d in contract.outputs.disallowed], "id")
    custom = [c.id for c in contract.inputs.sensitive.custom]
    yield from _repeated(parts, ("inputs", "sensitive", "custom"), custom, "id")
    yield from _repeated(parts, ("cost", "limits"), [limit.group for limit in contract.cost.limits], "group")
    alerts = [f"{a.signal} {a.action} {a.window}" for a in contract.monitoring.alerts]
    yield from _repeated(parts, ("monitoring", "alerts"), alerts, "signal")


def _repeated_items(parts: Parts, contract: Contract) -> Iterator[Problem]:
    inputs, safety, monitoring = contract.inputs, contract.safety, contract.monitoring
    lists: tuple[tuple[Place, Sequence[str]], ...] = (
        (("purpose", "tasks"), contract.purpose.tasks),
        (("inputs", "sources"), inputs.sources),
        (("inputs", "sensitive", "block"), inputs.sensitive.block),
        (("inputs", "sensitive", "mask"), inputs.sensitive.mask),
        (("inputs", "languages"), inputs.languages),
        (("safety", "grounding", "method"), safety.grounding.method),
        (("safety", "residency"), safety.residency),
        (("monitoring", "log"), monitoring.log),
        (("monitoring", "never_store"), monitoring.never_store),
        (("monitoring", "feedback_tags"), monitoring.feedback_tags),
    )
    for place, items in lists:
        yield from _repeated(parts, place, items)


def _repeated(parts: Parts, place: Place, items: Iterable[str], key: str = "") -> Iterator[Problem]:
    seen: set[str] = set()
    for index, item in enumerate(items):
        if item in seen:
            path = (*place, index, key) if key else (*place, index)
            yield parts.problem(
                "contract", path, f"`{item}` stands here a second time", "remove one of the two"
            )
        seen.add(item)


def _sensitive(parts: Parts, contract: Contract) -> Iterator[Problem]:
    sensitive = contract.inputs.sensitive
    for index, kind in enumerate(sensitive.mask):
        if kind in sensitive.block:
            place: Place = ("inputs", "sensitive", "mask", index)
            yield parts.problem(
                "contract", place, f"`{kind}` is blocked and masked", "keep it in one of the lists"
            )
    known = [*NEVER_STORED, *SensitiveType, *(custom.id for custom in sensitive.custom)]
    for index, word in enumerate(contract.monitoring.never_store):
        if word not in known:
            place = ("monitoring", "never_store", index)
            fix = suggest(word, known)
            yield parts.problem("contract", place, f"`{word[:60]}` is nothing that is known here", fix)


def _patterns(
    parts: Parts, contract: Contract, pattern_problem: Callable[[str], str | None]
) -> Iterator[Problem]:
    patterns: list[tuple[Place, str]] = [
        (("inputs", "sensitive", "custom", i, "pattern"), custom.pattern)
        for i, custom in enumerate(contract.inputs.sensitive.custom)
    ]
    for i, disallowed in enumerate(contract.outputs.disallowed):
        patterns += [
            (("outputs", "disallowed", i, "patterns", j), p) for j, p in enumerate(disallowed.patterns)
        ]
    for place, pattern in patterns:
        if what := pattern_problem(pattern):
            yield parts.problem(
                "contract", place, f"the pattern cannot be used: {what}", "correct the pattern"
            )


def _examples(parts: Parts, contract: Contract) -> Iterator[Problem]:
    owner: dict[str, str] = {}
    for name, intent in contract.quality.intents.items():
        owner.update({example.strip().casefold(): f"quality.intents.{name}" for example in intent.examples})
    for i, refused in enumerate(contract.purpose.refuses):
        for j, example in enumerate(refused.examples):
            if intent_path := owner.get(example.strip().casefold()):
                what = f"the same question is an example of `{intent_path}`"
                place: Place = ("purpose", "refuses", i, "examples", j)
                yield parts.problem("contract", place, what, "keep it where it belongs")


def _numbers(parts: Parts, contract: Contract) -> Iterator[Problem]:
    latency, cost = contract.latency, contract.cost
    if latency.deadline_ms < latency.p95_ms:
        what = f"the deadline is before `latency.p95_ms`, which is {latency.p95_ms}"
        yield parts.problem("contract", ("latency", "deadline_ms"), what, f"write {latency.p95_ms} or more")
    if cost.per_day_usd < cost.per_request_usd:
        what = f"a day may cost less than one answer, which is {cost.per_request_usd:g}"
        yield parts.problem(
            "contract", ("cost", "per_day_usd"), what, f"write {cost.per_request_usd:g} or more"
        )
    for index, freeze in enumerate(contract.change_control.freeze):
        begin, end = freeze.split("/")
        place: Place = ("change_control", "freeze", index)
        if not (is_day(begin) and is_day(end)):
            yield parts.problem(
                "contract", place, f"`{freeze}` has a day that does not exist", "correct the date"
            )
        elif end < begin:
            yield parts.problem("contract", place, f"`{freeze}` ends before it begins", "swap the two dates")
