"""What a model costs: its own price, else the price book's. Exact micro-dollars, because floats do not add up."""

import math
from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from proviso.contract.parts import Parts
from proviso.contract.register import Price, PriceBook, RegisteredModel
from proviso.contract.vocabulary import Unreadable

BUILT_IN = "extractive"  # the provider that is part of Proviso: it costs nothing and is always there
_MICRO = 1_000_000


class TokenPrice(Struct, frozen=True):
    """Micro-dollars for a million tokens of each kind; what a cache costs is by default what input costs."""

    input: int
    output: int
    cache_read: int
    cache_write: int

    def request(self, input_tokens: int, output_tokens: int) -> int:
        """Return what so many tokens cost without a cache, in micro-dollars, rounded up."""
        return -(-(input_tokens * self.input + output_tokens * self.output) // _MICRO)


FREE = TokenPrice(0, 0, 0, 0)


def price_of(model: RegisteredModel, book: PriceBook | None) -> TokenPrice | None:
    """Return what a model costs: its own price, else the book's for what is called, else nothing if it is built in.

    Profiles may differ in price, and which one answers is not known before: the dearest counts. None: unknown.
    """
    if model.price is not None:
        return own_price(model.price)
    found = list(_booked(model, book)) if book is not None else []
    if not found:
        return FREE if model.provider == BUILT_IN else None
    return TokenPrice(*map(max, zip(*found, strict=True)))


def book_of(parts: Parts) -> PriceBook | None:
    """Return the price book, None where there is none; raise `Unreadable` where it cannot be read."""
    if parts.prices is None and "prices" in parts.documents:
        raise Unreadable("prices")
    return parts.prices


def micro_usd(usd: float) -> int | None:
    """Return dollars, as somebody has written them, in micro-dollars; None if that is no whole number."""
    amount = Decimal(repr(usd)) * _MICRO
    return int(amount) if amount == amount.to_integral_value() else None


def own_price(price: Price) -> TokenPrice:
    """Read a price. A finer one than a micro-dollar is a problem of its own, and counts as the next one above."""
    amounts = (
        price.input_per_million_usd,
        price.output_per_million_usd,
        price.cache_read_per_million_usd,
        price.cache_write_per_million_usd,
    )
    read, written, *cached = (
        None if usd is None else math.ceil(Decimal(repr(usd)) * _MICRO) for usd in amounts
    )
    assert read is not None
    assert written is not None
    return TokenPrice(read, written, *(read if amount is None else amount for amount in cached))


def _booked(model: RegisteredModel, book: PriceBook) -> Iterator[tuple[int, int, int, int]]:
    for name in model.called:
        price = book.prices.get(name) or book.prices.get(model.id)
        if price is not None:
            read = price.input if price.cache_read is None else price.cache_read
            kept = price.input if price.cache_write is None else price.cache_write
            yield price.input, price.output, read, kept
