"""The most that a call of a model can use: what has to be reserved before it, and how long its answer may be."""

from msgspec import Struct

from proviso.budgets.limits import Demand

_MILLION = 1_000_000


class Prices(Struct, frozen=True):
    """A model's prices, in micro-dollars per million tokens."""

    input: int
    output: int

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        """Return micro-dollars, rounded up: a call that used something is never free."""
        price = input_tokens * self.input + output_tokens * self.output
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
    left = micro_usd * _MILLION - input_tokens * prices.input
    if left < 0:
        return -1
    return max_output_tokens if prices.output == 0 else min(max_output_tokens, left // prices.output)
