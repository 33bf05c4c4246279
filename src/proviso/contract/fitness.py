"""Whether a model of the register suits a role of an app: every reason why it does not, one check a reason."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Final, TypeVar

from msgspec import Struct

from proviso.contract.grounds import Ground
from proviso.contract.model import Contract, Needs
from proviso.contract.partial import numbered, where_readable
from proviso.contract.parts import Parts
from proviso.contract.pricing import TokenPrice, book_of, micro_usd, price_of
from proviso.contract.register import RegisteredModel
from proviso.contract.vocabulary import Unreadable, is_day
from proviso.contract.workspace import Sources, Workflow

T = TypeVar("T")

LOCAL = "local"  # the region of a model that runs on this machine: data stays where it is


class Case(Struct, frozen=True):
    """One model held against one role of one app. What could not be read raises `Unreadable`."""

    parts: Parts
    role: str
    name: str
    today: date

    @property
    def model(self) -> RegisteredModel:
        """The model's entry."""
        return _read(self.parts.models).models[self.name]

    @property
    def contract(self) -> Contract:
        """The app's contract."""
        return _read(self.parts.contract)

    @property
    def needs(self) -> Needs | None:
        """What the contract asks of the role, None where it does not know it: a problem of its own."""
        return self.contract.models.needs.get(self.role)

    @property
    def price(self) -> TokenPrice | None:
        """What the model costs, None where nobody says."""
        return price_of(self.model, book_of(self.parts))

    @property
    def micro_usd(self) -> int | None:
        """What a request of full length costs: all of the context that the role needs, and the longest draft."""
        if self.needs is None or self.price is None:
            return None
        return self.price.request(self.needs.context, _output(self.needs, _read(self.parts.workflow)))


Check = Callable[[Case], Iterator[Ground]]


def grounds(case: Case) -> Iterator[Ground]:
    """Yield every reason against a model that can be known."""
    for check in _CHECKS:
        yield from where_readable(check)(case)


def _ended(case: Case) -> Iterator[Ground]:
    life = case.model.lifecycle
    if life.status == "end-of-life" or (
        life.end_of_life is not None
        and is_day(life.end_of_life)
        and life.end_of_life <= case.today.isoformat()
    ):
        since = f" since {life.end_of_life}" if life.end_of_life else ""
        what = f"`{case.name}` is at the end of its life{since}"
        yield Ground("end-of-life", what, "use a model that is active")


def _tier(case: Case) -> Iterator[Ground]:
    tier = _read(case.parts.policy).tiers.get(case.contract.tier)
    # An unknown tier, and one that allows no app at all, are told once, as that.
    if tier is not None and tier.allowed and case.name not in tier.models:
        what = f"tier `{case.contract.tier}` does not allow `{case.name[:60]}`"
        yield Ground("tier", what, f"use one of {', '.join(f'`{name}`' for name in tier.models) or 'none'}")


def _regions(case: Case) -> Iterator[Ground]:
    allowed = case.contract.safety.residency
    outside = [
        region for region in case.model.regions if region != LOCAL and allowed and region not in allowed
    ]
    if outside:
        regions = ", ".join(f"`{region}`" for region in outside)
        what = f"`{case.name}` may process data in {regions}, outside the contract's `safety.residency`"
        yield Ground("residency", what, "use a model or profile of the contract's regions")


def _languages(case: Case) -> Iterator[Ground]:
    for _, language in numbered(case.contract.inputs.languages):
        if language not in case.model.languages:
            what = f"`{case.name}` does not know the contract's language `{language}`"
            yield Ground(
                "language", what, "use another model, or remove the language from `inputs.languages`"
            )


def _context(case: Case) -> Iterator[Ground]:
    needs = case.needs
    if needs is not None and case.model.context < needs.context:
        what = (
            f"`{case.name}` reads {case.model.context} tokens, "
            f"the contract's role `{case.role}` needs {needs.context}"
        )
        yield Ground("context", what, "use a larger model, or lower `models.needs`")


def _output_length(case: Case) -> Iterator[Ground]:
    most = case.model.max_output
    if case.needs is None or most is None:
        return
    needed = _output(case.needs, _read(case.parts.workflow))
    if most < needed:
        what = f"`{case.name}` writes {most} tokens at most, the role `{case.role}` needs {needed}"
        yield Ground("output", what, "use another model, or lower `max_tokens` and `models.needs`")


def _features(case: Case) -> Iterator[Ground]:
    for _, feature in numbered(case.needs.features) if case.needs is not None else ():
        if feature not in case.model.features:
            what = f"`{case.name}` lacks `{feature}`, which the contract's role `{case.role}` needs"
            yield Ground("feature", what, "use another model, or remove the feature from `models.needs`")


def _determinism(case: Case) -> Iterator[Ground]:
    if case.needs is not None and case.needs.deterministic and not case.model.deterministic:
        what = f"`{case.name}` may answer the same question in two ways, and the role `{case.role}` must not"
        yield Ground("determinism", what, "use a deterministic model, or remove `deterministic: true`")


def _ceiling(case: Case) -> Iterator[Ground]:
    needs = case.needs
    if needs is None or (needs.max_usd is None and needs.max_usd_per_million_out is None):
        return
    price, cost = case.price, case.micro_usd
    if price is None or cost is None:
        what = f"nobody knows what `{case.name}` costs, and the role `{case.role}` has a ceiling"
        yield Ground("price", what, "add its `price`, or its ID to prices.yaml")
        return
    for ceiling, amount, per, key in (
        (needs.max_usd, cost, "a request of full length", "max_usd"),
        (
            needs.max_usd_per_million_out,
            price.output,
            "a million tokens of replies",
            "max_usd_per_million_out",
        ),
    ):
        if ceiling is not None and amount > _ceiling_micro_usd(ceiling):
            what = f"`{case.name}` costs {amount / 1_000_000:g} USD for {per}, the ceiling is {ceiling:g}"
            yield Ground(
                "cost-ceiling", what, f"use a cheaper model, or raise `models.needs.{case.role}.{key}`"
            )


def _data(case: Case) -> Iterator[Ground]:
    sources = _read(case.parts.sources)
    for _, used in numbered(case.contract.inputs.sources):
        for kind in _classification(sources, used):
            if kind not in case.model.data_classes:
                what = f"`{case.name}` may not be given `{kind}` data, which `{used}` holds"
                yield Ground("data-sensitivity", what, "use another model, or another source")


@where_readable
def _classification(sources: Sources, name: str) -> Iterator[str]:
    if name in sources.sources:
        yield sources.sources[name].classification


def _read(part: T | None) -> T:
    if part is None:
        raise Unreadable
    return part


def _output(needs: Needs, workflow: Workflow) -> int:
    """Return how long a reply of the role may be, in tokens: as it says itself, else as the workflow's drafts."""
    return needs.output or workflow.max_tokens


def _ceiling_micro_usd(usd: float) -> float:
    whole = micro_usd(usd)
    return usd * 1_000_000 if whole is None else whole


_CHECKS: Final[tuple[Check, ...]] = (
    _ended, _tier, _data, _regions, _languages, _context, _output_length, _features, _determinism, _ceiling,
)  # fmt: skip
