"""What a tier allows, held against a contract; and the tiers of a policy, held against the register."""

from collections.abc import Iterator

from proviso.contract.document import Path as Place
from proviso.contract.model import Contract
from proviso.contract.partial import numbered, where_readable
from proviso.contract.parts import Parts
from proviso.contract.register import ModelRegister
from proviso.contract.vocabulary import ChangeClass, seconds
from proviso.contract.wording import suggest
from proviso.contract.workspace import Policy, Tier
from proviso.types import Problem


@where_readable
def tier_problems(parts: Parts, contract: Contract, policy: Policy) -> Iterator[Problem]:
    """Check that the contract stays within its tier: tasks, fallback, retention, reviews."""
    tier = policy.tiers.get(contract.tier)
    if tier is None:
        what = f"`{contract.tier}` is no tier of policy.yaml"
        yield parts.problem("contract", ("tier",), what, suggest(contract.tier, list(policy.tiers)))
        return
    if not tier.allowed:
        what = f"no app of tier `{contract.tier}` is allowed: {tier.description}"
        yield parts.problem("contract", ("tier",), what, "do not build it, or have another tier agreed")
        return
    for check in (_tasks, _fallback, _payload, _events, _reviews):
        yield from check(parts, contract, tier)


@where_readable
def policy_problems(parts: Parts, policy: Policy, register: ModelRegister | None) -> Iterator[Problem]:
    """Check each tier by itself, and that its models are in the register."""
    for name, tier in policy.tiers.items():
        yield from _ladder(parts, name, tier)
        if register:
            yield from _registered(parts, name, tier, register)


@where_readable
def _ladder(parts: Parts, name: str, tier: Tier) -> Iterator[Problem]:
    place: Place = ("tiers", name, "ladder")
    if any(a >= b for a, b in zip(tier.ladder, tier.ladder[1:], strict=False)):
        what = "the steps of the ladder do not rise"
        yield parts.problem("policy", place, what, "write them from small to large: [5, 25, 100]")
    elif tier.ladder and tier.ladder[-1] != 100 and tier.allowed:
        what = f"the ladder ends at {tier.ladder[-1]} percent"
        yield parts.problem("policy", place, what, "end it with 100")


@where_readable
def _registered(parts: Parts, name: str, tier: Tier, register: ModelRegister) -> Iterator[Problem]:
    for index, model in numbered(tier.models):
        if model not in register.models:
            what = f"`{model[:60]}` is no model of models.yaml"
            fix = suggest(model, list(register.models))
            yield parts.problem("policy", ("tiers", name, "models", index), what, fix)


@where_readable
def _tasks(parts: Parts, contract: Contract, tier: Tier) -> Iterator[Problem]:
    for index, task in numbered(contract.purpose.tasks):
        if task not in tier.tasks:
            what = f"tier `{contract.tier}` does not allow `{task}`"
            fix = f"remove it, or choose another tier; allowed: {_listed(tier.tasks)}"
            yield parts.problem("contract", ("purpose", "tasks", index), what, fix)


@where_readable
def _fallback(parts: Parts, contract: Contract, tier: Tier) -> Iterator[Problem]:
    if contract.models.when_unavailable != "extractive" or parts.models is None:
        return
    place: Place = ("models", "when_unavailable")
    if "extractive" not in parts.models.models:
        what = "models.yaml has no model `extractive`"
        fix = "add it to models.yaml, or set `when_unavailable: refuse`"
        yield parts.problem("contract", place, what, fix)
    elif "extractive" not in tier.models:
        what = f"tier `{contract.tier}` does not allow `extractive`"
        yield parts.problem("contract", place, what, "set `when_unavailable: refuse`")


@where_readable
def _payload(parts: Parts, contract: Contract, tier: Tier) -> Iterator[Problem]:
    stated, most = contract.monitoring.retention.payload, tier.retention.payload_max
    if seconds(stated) > seconds(most):
        what = f"`{stated}` is longer than tier `{contract.tier}` allows"
        place: Place = ("monitoring", "retention", "payload")
        yield parts.problem("contract", place, what, f"write `{most}` or less")


@where_readable
def _events(parts: Parts, contract: Contract, tier: Tier) -> Iterator[Problem]:
    stated, least = contract.monitoring.retention.events, tier.retention.events_min
    if seconds(stated) < seconds(least):
        what = f"`{stated}` is shorter than tier `{contract.tier}` demands"
        place: Place = ("monitoring", "retention", "events")
        yield parts.problem("contract", place, what, f"write `{least}` or more")


@where_readable
def _reviews(parts: Parts, contract: Contract, tier: Tier) -> Iterator[Problem]:
    for change, count in contract.change_control.review.items():
        yield from _review(parts, contract.tier, tier, change, count)


@where_readable
def _review(parts: Parts, tier_name: str, tier: Tier, change: ChangeClass, count: int) -> Iterator[Problem]:
    least = sum(demand.count for demand in tier.approvals.get(change, ()))
    if count < least:
        what = f"the contract states {count}, but tier `{tier_name}` demands {least} for `{change}`"
        place: Place = ("change_control", "review", change)
        yield parts.problem("contract", place, what, f"write {least} or more")


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words) or "none"
