"""The most that a call of a model can use: what has to be reserved before it, and how long its answer may be."""

from msgspec import Struct

from proviso.budgets.limits import Demand
from proviso.types import Usage

_MILLION = 1_000_000


class Prices(Struct, frozen=True):
    """A model's prices, in micro-dollars per million tokens. What the cache costs is by default what input costs."""

    input: int
    output: int
    cache_read: int = -1
    cache_write: int = -1

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        """Return the most that so many tokens may cost, in micro-dollars, rounded up: with what a cache may add."""
        price = input_tokens * max(self.input, self.cache_write) + output_tokens * self.output
        return -(-price // _MILLION)

    def cost_of(self, usage: Usage) -> int:
        """Return what was used in micro-dollars, rounded up: a call that used something is never free."""
        price = usage.input_tokens * self.input + usage.output_tokens * self.output
        if usage.cache_read_tokens or usage.cache_write_tokens:
            price += usage.cache_read_tokens * (self.input if self.cache_read < 0 else self.cache_read)
            price += usage.cache_write_tokens * (self.input if self.cache_write < 0 else self.cache_write)
        return -(-price // _MILLION)


def call_demand(prices: Prices, input_tokens: int, max_output_tokens: int, attempts: int = 1) -> Demand:
    """Return the most that one request can use if its call is made up to `attempts` times.

    `input_tokens` must be a bound from above: a token is at least one byte of UTF-8, so the bytes of a prompt
    are one, and its tokens by the provider's own count are the best.
    """
    tokens = attempts * (input_tokens + max_output_tokens)
    return Demand(1, tokens, attempts * prices.cost(input_tokens, max_output_tokens))


def most_output_tokens(prices: Prices, input_tokens: int, max_output_tokens: int, micro_usd: int) -> int:
    """Return how many tokens an answer may have so that the call costs `micro_usd` at most; below 0: none fits.

    This is how `cost.per_request_usd` is kept: the bound goes into the call, it is not found out afterwards.
    """
    left = micro_usd * _MILLION - input_tokens * max(prices.input, prices.cache_write)
    if left < 0:
        return -1
    return max_output_tokens if prices.output == 0 else min(max_output_tokens, left // prices.output)
