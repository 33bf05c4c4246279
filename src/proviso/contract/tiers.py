"""What a tier allows, held against a contract; and the tiers of a policy, held against the register."""

from collections.abc import Iterator

from proviso.contract.document import Path as Place
from proviso.contract.model import Contract
from proviso.contract.parts import Parts
from proviso.contract.vocabulary import seconds
from proviso.contract.wording import suggest
from proviso.contract.workspace import ModelRegister, Policy, Tier
from proviso.types import Problem


def tier_problems(parts: Parts, contract: Contract, policy: Policy) -> Iterator[Problem]:
    """Check that the contract stays within its tier: tasks, models, retention, reviews."""
    tier = policy.tiers.get(contract.tier)
    if tier is None:
        what = f"`{contract.tier}` is no tier of policy.yaml"
        yield parts.problem("contract", ("tier",), what, suggest(contract.tier, list(policy.tiers)))
        return
    if not tier.allowed:
        what = f"no app of tier `{contract.tier}` is allowed: {tier.description}"
        yield parts.problem("contract", ("tier",), what, "do not build it, or have another tier agreed")
        return
    for index, task in enumerate(contract.purpose.tasks):
        if task not in tier.tasks:
            what = f"tier `{contract.tier}` does not allow `{task}`"
            fix = f"remove it, or choose another tier; allowed: {_listed(tier.tasks)}"
            yield parts.problem("contract", ("purpose", "tasks", index), what, fix)
    for role, model in parts.workflow.models.items() if parts.workflow else ():
        if model not in tier.models:
            what = f"tier `{contract.tier}` does not allow `{model[:60]}`"
            yield parts.problem("workflow", ("models", role), what, f"use one of {_listed(tier.models)}")
    yield from _fallback(parts, contract, tier)
    yield from _retention(parts, contract, tier)
    yield from _reviews(parts, contract, tier)


def policy_problems(parts: Parts, policy: Policy, register: ModelRegister | None) -> Iterator[Problem]:
    """Check each tier by itself, and that its models are in the register."""
    for name, tier in policy.tiers.items():
        place: Place = ("tiers", name)
        if any(a >= b for a, b in zip(tier.ladder, tier.ladder[1:], strict=False)):
            what = "the steps of the ladder do not rise"
            yield parts.problem(
                "policy", (*place, "ladder"), what, "write them from small to large: [5, 25, 100]"
            )
        if tier.allowed and tier.ladder and tier.ladder[-1] != 100:
            what = f"the ladder ends at {tier.ladder[-1]} percent"
            yield parts.problem("policy", (*place, "ladder"), what, "end it with 100")
        for index, model in enumerate(tier.models if register else ()):
            if register and model not in register.models:
                what = f"`{model[:60]}` is no model of models.yaml"
                fix = suggest(model, list(register.models))
                yield parts.problem("policy", (*place, "models", index), what, fix)


def _fallback(parts: Parts, contract: Contract, tier: Tier) -> Iterator[Problem]:
    if contract.models.when_unavailable != "extractive":
        return
    place: Place = ("models", "when_unavailable")
    if "extractive" not in tier.models:
        what = f"tier `{contract.tier}` does not allow `extractive`"
        yield parts.problem("contract", place, what, "set `when_unavailable: refuse`")
    if parts.models and "extractive" not in parts.models.models:
        what = "models.yaml has no model `extractive`"
        yield parts.problem(
            "contract", place, what, "add it to models.yaml, or set `when_unavailable: refuse`"
        )


def _retention(parts: Parts, contract: Contract, tier: Tier) -> Iterator[Problem]:
    stated, limit = contract.monitoring.retention, tier.retention
    if seconds(stated.payload) > seconds(limit.payload_max):
        what = f"`{stated.payload}` is longer than tier `{contract.tier}` allows"
        place: Place = ("monitoring", "retention", "payload")
        yield parts.problem("contract", place, what, f"write `{limit.payload_max}` or less")
    if seconds(stated.events) < seconds(limit.events_min):
        what = f"`{stated.events}` is shorter than tier `{contract.tier}` demands"
        place = ("monitoring", "retention", "events")
        yield parts.problem("contract", place, what, f"write `{limit.events_min}` or more")


def _reviews(parts: Parts, contract: Contract, tier: Tier) -> Iterator[Problem]:
    for change, count in contract.change_control.review.items():
        least = sum(demand.count for demand in tier.approvals.get(change, ()))
        if count < least:
            what = f"the contract states {count}, but tier `{contract.tier}` demands {least} for `{change}`"
            yield parts.problem(
                "contract", ("change_control", "review", change), what, f"write {least} or more"
            )


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words) or "none"
