"""compile(bundle) → CompiledRelease: each room compiles its own clauses, and this puts them together."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import astuple, replace

from proviso.budgets import Prices
from proviso.contract import Bundle, ReleasePart, Terms, Workflow
from proviso.guardrails import compile_guardrails
from proviso.models import Model
from proviso.orchestrator.prompts import Prompt
from proviso.orchestrator.release import CompiledRelease, CompiledTerms
from proviso.retrieval import Index
from proviso.text import Analyser, Synonyms
from proviso.types import Environment

# What asks models of the register, given their names in order: the first one that can answers.
Models = Callable[[tuple[str, ...]], Model]

DRAFTER = "drafter"
EXTRACTIVE = "extractive"

# How long a process may serve by what it has not been able to confirm (DESIGN §7.8).
STRICT_LEASE_S = 5.0  # of tiers that record before they reply
_LEASE_S = 60.0


def compile_release(
    bundle: Bundle,
    terms: Terms,
    *,
    index: Index,
    models: Models,
    environment: Environment,
    unapproved: bool,
) -> CompiledRelease:
    """Compile a release.

    Raises `InvalidWorkspace` for a prompt that does not parse, `NotReady` for a model that cannot be called here.
    """
    drafters = answering(bundle)
    schemas = answer_schemas(bundle.contract, bundle.files)
    return CompiledRelease(
        app=bundle.app,
        summary=terms.contract.summary,
        workflow=bundle.workflow.workflow,
        digest=bundle.digest,
        snapshot=bundle.snapshot,
        terms=compile_terms(bundle, terms),
        environment=environment,
        unapproved=unapproved,
        guardrails=compile_guardrails(bundle.contract, refusal_texts(bundle), schemas),
        index=index,
        passages=bundle.workflow.retrieval.passages,
        synonyms=compile_synonyms(bundle.workflow),
        prompt=Prompt(bundle.prompt),
        model=models(drafters),
        max_tokens=bundle.workflow.max_tokens,
        schema=msgspec.Raw(msgspec.json.encode(*schemas.values())) if schemas else None,
        drafter=drafters[0],
        prices=_prices(drafters, terms),
    )


def under_terms(
    release: CompiledRelease, bundle: Bundle, terms: Terms, *, models: Models, unapproved: bool
) -> CompiledRelease:
    """Return the same release under other terms; nothing that shapes answers is compiled again.

    Where the same models are called is of the terms.
    """
    drafters = answering(bundle)
    return replace(
        release,
        summary=terms.contract.summary,
        terms=compile_terms(bundle, terms),
        unapproved=unapproved,
        model=models(drafters),
        prices=_prices(drafters, terms),
    )


def answering(bundle: Bundle) -> tuple[str, ...]:
    """Return the models of the register that may draft, in order: those of the role, and the one for when none does."""
    drafters = bundle.roles[DRAFTER]
    spare = bundle.contract.models.when_unavailable == EXTRACTIVE and EXTRACTIVE not in drafters
    return (*drafters, EXTRACTIVE) if spare else drafters


def _prices(names: tuple[str, ...], terms: Terms) -> dict[str, Prices]:
    return {name: Prices(*astuple(terms.prices[name])) for name in names}


def compile_terms(bundle: Bundle, terms: Terms) -> CompiledTerms:
    """Compile what a request needs of the terms. A source that nobody has approved has no readers."""
    approved = {
        name: frozenset(terms.sources[name].readers)
        for name in bundle.contract.inputs.sources
        if terms.sources[name].approval is not None
    }
    # A tier that the policy no longer has is served as the strictest one.
    tier = terms.policy.tiers.get(bundle.contract.tier)
    strict = tier is None or tier.record_before_reply
    return CompiledTerms(
        digest=terms.digest,
        readers=approved,
        deadline_s=terms.contract.latency.deadline_ms / 1000,
        log=frozenset(terms.contract.monitoring.log),
        runs_readable_by=frozenset(terms.policy.runs_readable_by),
        record_before_reply=strict,
        lease_s=STRICT_LEASE_S if strict else _LEASE_S,
    )


def compile_synonyms(workflow: Workflow) -> Synonyms | None:
    """Compile the words that mean the same, None where there are none."""
    sets = workflow.retrieval.synonyms
    return Synonyms(sets, Analyser()) if sets else None


def refusal_texts(bundle: Bundle) -> dict[str, str]:
    """Return the refusal texts by clause (`purpose.refuses.<id>`) and by reason (`blocked_input`, …)."""
    files = {f"purpose.refuses.{refused.id}": refused.template for refused in bundle.contract.purpose.refuses}
    files.update({str(reason): path for reason, path in bundle.workflow.refusals.items()})
    return {key: bundle.files[path].decode("utf-8").strip() for key, path in files.items()}


def answer_schemas(contract: ReleasePart, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the parsed JSON Schema of the answers by its path; empty where the format has none."""
    path = contract.outputs.format.schema_
    return {path: msgspec.json.decode(files[path])} if path else {}
