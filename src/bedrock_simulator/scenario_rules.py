"""What a scenario must be besides well-shaped: its names refer to something, its patterns compile, its numbers fit."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Final

import re2
from msgspec import Struct

from bedrock_simulator.answering import STOPS
from bedrock_simulator.catalogue import ECHO, GEOGRAPHIES
from bedrock_simulator.permissions import deniable
from bedrock_simulator.personas import PERSONAS
from bedrock_simulator.routes import ANSWERED
from bedrock_simulator.scenario import Fault, Rule, Scenario, SimulatedGuardrail, SimulatedModel

Steps = tuple[str | int, ...]

_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_BASE: Final = re.compile(r"[0-9a-zA-Z]{10}")
_GUARDRAIL: Final = re.compile(r"[a-z0-9]+")
_VERSION: Final = re.compile(r"[1-9][0-9]{0,7}|DRAFT")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")


class Problem(Struct, frozen=True):
    """Something wrong: the way to the field, what is wrong and what to do."""

    at: Steps
    what: str
    fix: str


def problems_of(scenario: Scenario, kinds: Mapping[str, str]) -> Iterator[Problem]:
    """Yield all that is wrong with a scenario. `kinds`: the faults that there are."""
    models = _names(scenario)
    yield from _regions((scenario.region,), ("region",))
    for name, model in scenario.models.items():
        yield from _of_model(model, ("models", name))
    yield from _of_profiles(scenario)
    yield from _of_answers(scenario, models)
    yield from _of_conditions(scenario, models)
    for index, fault in enumerate(scenario.faults):
        yield from _of_fault(fault, ("faults", index), models, kinds)
    for name, guardrail in scenario.guardrails.items():
        yield from _of_guardrail(name, guardrail)
    for name in scenario.knowledge_bases:
        if not _BASE.fullmatch(name):
            yield Problem(
                ("knowledge_bases", name), "is no ID", "use ten letters and digits, e.g. KB12345678"
            )
    yield from _of_account(scenario, models)


def _names(scenario: Scenario) -> frozenset[str]:
    """Return every name by which a request can ask for a model."""
    models = {ECHO, *scenario.models}
    profiles = {*scenario.profiles, *(name.rpartition("/")[2] for name in scenario.profiles)}
    return frozenset(
        models | profiles | {f"{geography}.{name}" for geography in GEOGRAPHIES for name in models}
    )


def _of_model(model: SimulatedModel, at: Steps) -> Iterator[Problem]:
    yield from _regions(model.regions, (*at, "regions"))
    for field in ("context", "max_output"):
        yield from _at_least(getattr(model, field), 1, (*at, field))
    yield from _at_least(model.cache_min_tokens, 0, (*at, "cache_min_tokens"))
    yield from _at_least(model.burn, 0, (*at, "burn"))
    if model.lifecycle.end_of_life is not None:
        try:
            date.fromisoformat(model.lifecycle.end_of_life)
        except ValueError:
            told = f"is `{model.lifecycle.end_of_life}`, which is no day"
            yield Problem((*at, "lifecycle", "end_of_life"), told, "write it as 2026-12-31")


def _of_profiles(scenario: Scenario) -> Iterator[Problem]:
    known = {ECHO, *scenario.models}
    for name, profile in scenario.profiles.items():
        at = ("profiles", name)
        yield from _known(profile.model, known, (*at, "model"), "model")
        yield from _regions(profile.regions, (*at, "regions"))
        if not profile.regions:
            yield Problem((*at, "regions"), "is empty", "name the regions that it runs in, e.g. [us-east-1]")


def _of_answers(scenario: Scenario, models: Iterable[str]) -> Iterator[Problem]:
    yield from _known(scenario.answers.persona, PERSONAS, ("answers", "persona"), "persona")
    for index, rule in enumerate(scenario.answers.rules):
        yield from _of_rule(rule, ("answers", "rules", index), models)


def _of_rule(rule: Rule, at: Steps, models: Iterable[str]) -> Iterator[Problem]:
    for field in ("when", "system"):
        yield from _pattern(getattr(rule, field), (*at, field))
    for field, known in (("model", models), ("persona", PERSONAS), ("stop", STOPS)):
        if name := getattr(rule, field):
            yield from _known(name, known, (*at, field), "stop reason" if field == "stop" else field)
    if rule.times is not None:
        yield from _at_least(rule.times, 1, (*at, "times"))
    if rule.input is not None and not rule.tool:
        yield Problem((*at, "input"), "is the input of no tool", "add `tool:` with the tool's name")
    if rule.persona and (rule.tool or rule.text is not None):
        yield Problem((*at, "persona"), "would never answer", "drop it, or drop `text` and `tool`")
    if all(value is None for value in (rule.text, rule.tool, rule.persona, rule.reasoning, rule.stop)):
        yield Problem(at, "says nothing", "add `text`, `tool`, `persona`, `reasoning` or `stop`")


def _of_conditions(scenario: Scenario, models: Iterable[str]) -> Iterator[Problem]:
    yield from _at_least(scenario.time_scale, 0, ("time_scale",))
    known = {*models, "*"}
    for name, quota in scenario.quotas.items():
        yield from _known(name, known, ("quotas", name), "model")
        for field in ("tokens_per_minute", "default_max_tokens"):
            yield from _at_least(getattr(quota, field), 1, ("quotas", name, field))
    for name, latency in scenario.latency.items():
        yield from _known(name, known, ("latency", name), "model")
        for field in ("first_ms", "token_ms", "spread"):
            yield from _at_least(getattr(latency, field), 0, ("latency", name, field))


def _of_fault(fault: Fault, at: Steps, models: Iterable[str], kinds: Mapping[str, str]) -> Iterator[Problem]:
    yield from _known(fault.kind, kinds, (*at, "kind"), "fault")
    operations = [name for names in ANSWERED.values() for name in names]
    if fault.operation:
        yield from _known(fault.operation, operations, (*at, "operation"), "operation")
    if fault.model:
        yield from _known(fault.model, models, (*at, "model"), "model")
    yield from _regions([fault.region] if fault.region else (), (*at, "region"))
    for index, nth in enumerate(fault.nth):
        yield from _at_least(nth, 1, (*at, "nth", index))
    if fault.share is not None and not 0 <= fault.share <= 1:
        yield Problem((*at, "share"), f"is `{fault.share}`, which is no share", "write a number from 0 to 1")
    if fault.times is not None:
        yield from _at_least(fault.times, 1, (*at, "times"))
    for field in ("after", "seconds"):
        yield from _at_least(getattr(fault, field), 0, (*at, field))


def _of_guardrail(name: str, guardrail: SimulatedGuardrail) -> Iterator[Problem]:
    at = ("guardrails", name)
    if not _GUARDRAIL.fullmatch(name):
        yield Problem(at, "is no ID", "use lower-case letters and digits, e.g. gr1234567890")
    for index, version in enumerate(guardrail.versions):
        if not _VERSION.fullmatch(version):
            yield Problem(
                (*at, "versions", index), f"is `{version}`, which is no version", 'write "1", "2", … or DRAFT'
            )
    for field in ("blocked_patterns", "masked_patterns"):
        for key, pattern in getattr(guardrail, field).items():
            yield from _pattern(pattern, (*at, field, key))
    for topic, patterns in guardrail.topics.items():
        for index, pattern in enumerate(patterns):
            yield from _pattern(pattern, (*at, "topics", topic, index))
    for field in ("grounding_threshold", "relevance_threshold"):
        value = getattr(guardrail, field)
        if value is not None and not 0 <= value <= 1:
            yield Problem((*at, field), f"is `{value}`, which is no threshold", "write a number from 0 to 1")


def _of_account(scenario: Scenario, models: Iterable[str]) -> Iterator[Problem]:
    if not _ACCOUNT.fullmatch(scenario.account.id):
        yield Problem(
            ("account", "id"),
            f"is `{scenario.account.id}`, which is no account",
            "write twelve digits in quotes",
        )
    for index, name in enumerate(scenario.account.denied_models):
        yield from _known(name, models, ("account", "denied_models", index), "model")
    for index, name in enumerate(scenario.account.denied_operations):
        yield from _known(name, deniable(), ("account", "denied_operations", index), "operation or action")


def _known(name: str, known: Iterable[str], at: Steps, what: str) -> Iterator[Problem]:
    names = sorted(known)
    if name not in names:
        yield Problem(at, f"is `{name}`, which is no {what} that there is", f"write one of {_listed(names)}")


def _listed(names: list[str]) -> str:
    shown = names[:50]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(shown) < len(names) else "")


def _regions(regions: Iterable[str], at: Steps) -> Iterator[Problem]:
    for region in regions:
        if not _REGION.fullmatch(region):
            yield Problem(at, f"is `{region}`, which is no region", "write it as us-east-1")


def _at_least(value: float, least: float, at: Steps) -> Iterator[Problem]:
    if not value >= least:
        yield Problem(at, f"is `{value}`, which is too little", f"write {least} or more")


def _pattern(pattern: str, at: Steps) -> Iterator[Problem]:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        raw: Any = error.args[0] if error.args else ""
        told = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
        yield Problem(
            at, f"is `{pattern}`, which does not compile: {told}", "correct the pattern (RE2 syntax)"
        )
