"""Prices from LiteLLM's price file, `model_prices_and_context_window.json`: dollars a token, made exact integers.

Only models of Bedrock are read (`litellm_provider`: `bedrock`, `bedrock_converse`). Numbers are read as decimals,
never as floats: 3e-06 dollars a token are 3,000,000 micro-dollars for a million tokens, and not almost.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Context, Decimal, Inexact, InvalidOperation, Underflow
from typing import Any

from msgspec import Struct

from proviso.contract.register import BookPrice, ModelRegister, RegisteredModel
from proviso.contract.registering import BEDROCK
from proviso.errors import ProvisoError

MAX_BYTES = 64 * 1024 * 1024
_PROVIDERS = ("bedrock", "bedrock_converse")
_SCALE = Decimal(10) ** 12  # dollars for a token → micro-dollars for a million tokens
_EXACT = Context(prec=60, traps=[Inexact, Underflow, InvalidOperation])  # nothing is rounded without a word
_FINER = Decimal("0.5")  # stands for what has more digits than anybody's price
_LONG = 200_000  # beyond so many tokens in, some models have other prices
_KEYS = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
}


class PriceFileUnreadable(ProvisoError):
    """A file of prices is not what it is said to be, or has a price that cannot be kept exactly."""

    code = "price_file_unreadable"
    status = 422


class Imported(Struct, frozen=True):
    """What a price file says of a register's models: prices by model ID or profile ID, and who is not in it."""

    prices: Mapping[str, BookPrice]
    missing: tuple[str, ...]  # what the register calls and the file does not know, nor the model's `id`


def import_prices(content: bytes, register: ModelRegister) -> Imported:
    """Return the prices of a register's Bedrock models. Raise `PriceFileUnreadable`.

    Where the file has prices of a single region or for long prompts, which the register's entry allows, the
    dearest counts: a price is a bound for budgets.
    """
    entries = _entries(content)
    prices: dict[str, BookPrice] = {}
    missing: list[str] = []
    for model in (model for model in register.models.values() if model.provider == BEDROCK):
        for name in dict.fromkeys((*model.called, model.id)):
            if found := _price(entries, name, model):
                prices[name] = found
        if model.price is None:
            missing += [name for name in model.called if not {name, model.id} & prices.keys()]
    return Imported(prices, tuple(missing))


def _entries(content: bytes) -> Mapping[str, Any]:
    if len(content) > MAX_BYTES:
        raise _unreadable(f"it is over {MAX_BYTES:,} bytes")
    try:
        entries = json.loads(content, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_number)
    except (ValueError, ArithmeticError, RecursionError):
        raise _unreadable("it is not JSON") from None
    if not isinstance(entries, dict):
        raise _unreadable("it is no list of models by name")
    return entries


def _price(entries: Mapping[str, Any], name: str, model: RegisteredModel) -> BookPrice | None:
    found = [entry for entry in _of(entries, name, model.regions) if entry.get(_KEYS["input"]) is not None]
    if not found:
        return None
    amounts = {key: list(_amounts(found, name, key, model.context)) for key in _KEYS}
    if not amounts["output"]:
        raise _unreadable(f"`{name}` has no `{_KEYS['output']}`")
    return BookPrice(**{key: max(some) for key, some in amounts.items() if some})


def _of(entries: Mapping[str, Any], name: str, regions: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for key in (name, *(f"bedrock/{region}/{name}" for region in regions)):
        entry = entries.get(key)
        if isinstance(entry, dict) and entry.get("litellm_provider") in _PROVIDERS:
            yield entry


def _amounts(found: Iterable[Mapping[str, Any]], name: str, key: str, context: int) -> Iterator[int]:
    stated = _KEYS[key]
    keys = (stated, f"{stated}_above_200k_tokens") if context > _LONG else (stated,)
    for entry in found:
        for one in keys:
            if entry.get(one) is not None:
                yield _micro_usd(entry[one], name, one)


def _micro_usd(value: object, name: str, key: str) -> int:
    if not isinstance(value, Decimal) or not 0 <= value <= 1:
        raise _unreadable(f"`{key}` of `{name}` is no price of a token")
    try:
        amount = _EXACT.multiply(value, _SCALE)
    except ArithmeticError:
        amount = _FINER
    if amount != amount.to_integral_value(context=_EXACT):
        fix = "write the model's `price` into models.yaml, rounded up to whole micro-dollars for a million tokens"
        raise PriceFileUnreadable(
            f"`{key}` of `{name}` is finer than a micro-dollar for a million tokens", fix=fix
        )
    return int(amount)


def _no_number(text: str) -> None:
    raise ValueError(text)


def _unreadable(what: str) -> PriceFileUnreadable:
    fix = "name LiteLLM's `model_prices_and_context_window.json`"
    return PriceFileUnreadable(f"the price file cannot be read: {what}", fix=fix)
