"""The model register and the price book by themselves: what is missing, and what contradicts itself."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from proviso.contract.document import Path as Place
from proviso.contract.fitness import LOCAL
from proviso.contract.partial import numbered, where_readable, written
from proviso.contract.parts import Parts
from proviso.contract.pricing import BUILT_IN, book_of, micro_usd, price_of
from proviso.contract.register import ModelRegister, PriceBook, RegisteredModel
from proviso.contract.vocabulary import is_day
from proviso.types import Problem

BEDROCK = "bedrock"
REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")
_GEOGRAPHIES = ("us", "us-gov", "eu", "apac", "jp", "au", "ca", "global")
_ONLY_BEDROCK: tuple[tuple[Place, Callable[[RegisteredModel], object]], ...] = (
    (("profiles",), lambda model: model.profiles),
    (("guardrail",), lambda model: model.guardrail),
    (("settings", "service_tier"), lambda model: model.settings.service_tier),
    (("settings", "fast"), lambda model: model.settings.fast),
)
Check = Callable[[Parts, str, RegisteredModel], Iterator[Problem]]


@where_readable
def register_problems(parts: Parts, register: ModelRegister) -> Iterator[Problem]:
    """Check each model of the register by itself, and that hosted ones have a price."""
    for name, model in register.models.items():
        for check in _CHECKS:
            yield from where_readable(check)(parts, name, model)


@where_readable
def book_problems(parts: Parts, book: PriceBook) -> Iterator[Problem]:
    """Check the price book's day."""
    if not is_day(book.updated):
        what = f"`{book.updated}` is a day that does not exist"
        yield parts.problem("prices", ("updated",), what, "correct the date")


def _day(parts: Parts, name: str, model: RegisteredModel) -> Iterator[Problem]:
    day = model.lifecycle.end_of_life
    if day is not None and not is_day(day):
        place: Place = ("models", name, "lifecycle", "end_of_life")
        yield parts.problem("models", place, f"`{day}` is a day that does not exist", "correct the date")


def _price(parts: Parts, name: str, model: RegisteredModel) -> Iterator[Problem]:
    if model.price is None:
        unnamed = any(map(_is_arn, model.called))  # a problem of its own: no book knows it
        if not unnamed and price_of(model, book_of(parts)) is None:
            what = f"nobody says what `{name}` costs"
            fix = f"add its `price`, or `{model.id}` to prices.yaml: `proviso models prices import`"
            yield parts.problem("models", ("models", name), what, fix, of_key=True)
        return
    for key in type(model.price).model_fields:
        for usd in written(model.price, key):
            if usd is not None and micro_usd(usd) is None:
                place: Place = ("models", name, "price", key)
                what = f"`{usd:g}` is finer than a micro-dollar"
                yield parts.problem("models", place, what, "write six digits after the point at most")


def _pinned_guardrail(parts: Parts, name: str, model: RegisteredModel) -> Iterator[Problem]:
    if model.guardrail is not None and model.guardrail.version == "DRAFT":
        what = "`DRAFT` is not pinned: it can change without another release"
        place: Place = ("models", name, "guardrail", "version")
        yield parts.problem("models", place, what, "publish a version of the guardrail, and write its number")


def _bedrock_only(parts: Parts, name: str, model: RegisteredModel) -> Iterator[Problem]:
    for place, of in _ONLY_BEDROCK:
        if model.provider not in (BEDROCK, BUILT_IN) and of(model):
            what = f"only models of Bedrock have `{place[-1]}`"
            yield parts.problem("models", ("models", name, *place), what, "remove it", of_key=True)


def _built_in(parts: Parts, name: str, model: RegisteredModel) -> Iterator[Problem]:
    for key in ("profiles", "guardrail", "settings"):
        if model.provider == BUILT_IN and getattr(model, key) != type(model).model_fields[key].default:
            what = f"the built-in model has no `{key}`"
            yield parts.problem("models", ("models", name, key), what, "remove it", of_key=True)


def _temperature(parts: Parts, name: str, model: RegisteredModel) -> Iterator[Problem]:
    temperature = model.settings.temperature
    if model.provider == BEDROCK and temperature is not None and temperature > 1:
        place: Place = ("models", name, "settings", "temperature")
        yield parts.problem("models", place, f"`{temperature:g}` is too large for Bedrock", "write 1 or less")


def _determinism(parts: Parts, name: str, model: RegisteredModel) -> Iterator[Problem]:
    if model.provider != BUILT_IN and model.deterministic and model.settings.temperature != 0:
        what = "equal input gives equal output at `settings.temperature: 0` at the most"
        fix = "set the temperature to 0, or write `deterministic: false`"
        yield parts.problem("models", ("models", name, "deterministic"), what, fix)


def _names(parts: Parts, name: str, model: RegisteredModel) -> Iterator[Problem]:
    """Check that what is called names no account: that belongs to an environment, and is not released."""
    places: list[tuple[Place, str]] = [(("id",), model.id)]
    places += [(("profiles", index), profile) for index, profile in numbered(model.profiles)]
    for place, called in places:
        if _is_arn(called):
            what = "an ARN names an account, and a release runs in many"
            fix = "write the ID here, and the ARN in `environments` of proviso.yaml"
            yield parts.problem("models", ("models", name, *place), what, fix)


def _is_arn(name: str) -> bool:
    return name.startswith("arn:")


def _regions(parts: Parts, name: str, model: RegisteredModel) -> Iterator[Problem]:
    if model.provider != BEDROCK:
        return
    for index, region in numbered(model.regions):
        if not REGION.fullmatch(region):
            what = f"`{region[:60]}` is no region of AWS"
            if region == LOCAL:
                what = "Bedrock does not run on this machine"
            place: Place = ("models", name, "regions", index)
            yield parts.problem("models", place, what, "write a region such as `eu-central-1`")


def _geography(parts: Parts, name: str, model: RegisteredModel) -> Iterator[Problem]:
    across = next((called for called in model.called if called.partition(".")[0] in _GEOGRAPHIES), None)
    if model.provider == BEDROCK and across and len(model.regions) == 1:
        what = f"`{across}` may process a request in several regions, and only one is listed"
        fix = "list every region that the profile sends requests to"
        yield parts.problem("models", ("models", name, "regions"), what, fix)


def _repeated(parts: Parts, name: str, model: RegisteredModel) -> Iterator[Problem]:
    for key in ("profiles", "regions", "features"):
        yield from _twice(parts, name, model, key)


@where_readable
def _twice(parts: Parts, name: str, model: RegisteredModel, key: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, word in numbered(getattr(model, key)):
        if word in seen:
            place: Place = ("models", name, key, index)
            yield parts.problem(
                "models", place, f"`{word}` stands here a second time", "remove one of the two"
            )
        seen.add(word)


_CHECKS: Final[tuple[Check, ...]] = (
    _day, _price, _pinned_guardrail, _bedrock_only, _built_in, _temperature, _determinism, _names, _regions,
    _geography, _repeated,
)  # fmt: skip
