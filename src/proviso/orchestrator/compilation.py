"""compile(bundle) → CompiledRelease: each room compiles its own clauses, and this puts them together."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from proviso.contract import Bundle, ReleasePart, Terms, Workflow
from proviso.errors import NotReady
from proviso.guardrails import compile_guardrails
from proviso.models import Model
from proviso.orchestrator.fallback import Fallback
from proviso.orchestrator.prompts import Prompt
from proviso.orchestrator.release import CompiledRelease, CompiledTerms
from proviso.retrieval import Index
from proviso.text import Analyser, Synonyms
from proviso.types import Environment

DRAFTER = "drafter"
EXTRACTIVE = "extractive"

_MICRO = 1_000_000

# How long a process may serve by what it has not been able to confirm (DESIGN §7.8).
STRICT_LEASE_S = 5.0  # of tiers that record before they reply
_LEASE_S = 60.0


def compile_release(
    bundle: Bundle,
    terms: Terms,
    *,
    index: Index,
    models: Mapping[str, Model],
    environment: Environment,
    unapproved: bool,
) -> CompiledRelease:
    """Compile a release. `models` has, by name in the register, what this deployment can call.

    Raises `InvalidWorkspace` for a prompt that does not parse, `NotReady` for a model that is not there.
    """
    name = bundle.workflow.models[DRAFTER]
    input_price, output_price = _prices(bundle, terms)
    model = _model(name, models)
    if bundle.contract.models.when_unavailable == EXTRACTIVE and name != EXTRACTIVE:
        model = Fallback(model, _model(EXTRACTIVE, models))
    return CompiledRelease(
        app=bundle.app,
        summary=terms.contract.summary,
        workflow=bundle.workflow.workflow,
        digest=bundle.digest,
        snapshot=bundle.snapshot,
        terms=compile_terms(bundle, terms),
        environment=environment,
        unapproved=unapproved,
        guardrails=compile_guardrails(
            bundle.contract, refusal_texts(bundle), answer_schemas(bundle.contract, bundle.files)
        ),
        index=index,
        passages=bundle.workflow.retrieval.passages,
        synonyms=compile_synonyms(bundle.workflow),
        prompt=Prompt(bundle.prompt),
        model=model,
        max_tokens=bundle.workflow.max_tokens,
        input_micro_usd_per_million=input_price,
        output_micro_usd_per_million=output_price,
    )


def under_terms(
    release: CompiledRelease, bundle: Bundle, terms: Terms, *, unapproved: bool
) -> CompiledRelease:
    """Return the same release under other terms; nothing that shapes answers is compiled again."""
    input_price, output_price = _prices(bundle, terms)
    return replace(
        release,
        summary=terms.contract.summary,
        terms=compile_terms(bundle, terms),
        unapproved=unapproved,
        input_micro_usd_per_million=input_price,
        output_micro_usd_per_million=output_price,
    )


def _prices(bundle: Bundle, terms: Terms) -> tuple[int, int]:
    price = terms.models[bundle.workflow.models[DRAFTER]].price
    return round(price.input_per_million_usd * _MICRO), round(price.output_per_million_usd * _MICRO)


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


def _model(name: str, models: Mapping[str, Model]) -> Model:
    if name not in models:
        raise NotReady(f"the model `{name}` cannot be called here", fix="see its entry in models.yaml")
    return models[name]
