"""Quotas in tokens per minute, reserved before a call and settled after it, as Bedrock does.

Source: "How tokens are counted in Amazon Bedrock" (Bedrock User Guide): the whole input, the cache too, and
`max_tokens` are taken at the start of a request; at its end input + cache writes + output × burn is what it costs.
Requests per minute are not limited. The minute is a real one: the scenario's time scale does not shorten it.
"""

from collections.abc import Callable, Mapping

from bedrock_simulator.exchange import Exchange, ServiceError, Tokens
from bedrock_simulator.scenario import Quota

_MODEL_CALLS = frozenset({"Converse", "ConverseStream", "InvokeModel"})


class Bucket:
    """Tokens that refill continuously, `capacity` within a minute; it holds no more than that.

    INVARIANT: what was ever granted, less what was given back, is at most capacity + refill since the start.
    A call that cost more than it reserved leaves the bucket in debt, which the refill pays off.
    """

    def __init__(self, capacity: int, clock: Callable[[], float]) -> None:
        self.capacity = capacity
        self._clock = clock  # seconds
        self._level = float(capacity)
        self._at = clock()

    @property
    def level(self) -> float:
        """Tokens that are free now; below zero: owed."""
        self._refill()
        return self._level

    def reserve(self, tokens: int) -> "Reservation | None":
        """Take `tokens`, or nothing where there are not so many."""
        self._refill()
        if tokens > self._level:
            return None
        self._level -= tokens
        return Reservation(self, tokens)

    def give_back(self, tokens: float) -> None:
        """Put back what was reserved and not used; take what was used and not reserved (negative)."""
        self._refill()
        self._level = min(self.capacity, self._level + tokens)

    def _refill(self) -> None:
        now = self._clock()
        passed = max(0.0, now - self._at)
        self._at = max(now, self._at)
        self._level = min(self.capacity, self._level + passed * self.capacity / 60)


class Reservation:
    """Tokens that a call has taken before it is known what it uses."""

    def __init__(self, bucket: Bucket, tokens: int) -> None:
        self.tokens = tokens
        self._bucket: Bucket | None = bucket

    def settle(self, used: float) -> None:
        """Pay what was used instead of what was reserved. Only the first settlement counts."""
        bucket, self._bucket = self._bucket, None
        if bucket is not None:
            bucket.give_back(self.tokens - used)


class Quotas:
    """The buckets of all regions and models. Nothing in here waits, so that calls on one loop cannot interleave."""

    def __init__(self, quotas: Mapping[str, Quota], clock: Callable[[], float]) -> None:
        self._quotas = quotas
        self._clock = clock
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def reserve(self, exchange: Exchange, input_tokens: int) -> Reservation | None:
        """Reserve what the call may use; None where no quota is set. Raises `ThrottlingException`."""
        quota = self._quotas.get(exchange.model_id) or self._quotas.get("*")
        if quota is None or exchange.model is None or exchange.operation not in _MODEL_CALLS:
            return None
        wanted = input_tokens + _most_output(exchange, quota)
        reservation = self._bucket(exchange, quota).reserve(wanted)
        if reservation is None:
            raise ServiceError(
                "ThrottlingException", "Too many tokens, please wait before trying again.", 429
            )
        return reservation

    def _bucket(self, exchange: Exchange, quota: Quota) -> Bucket:
        key = (exchange.region, exchange.model_id)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(quota.tokens_per_minute, self._clock)
        return bucket


def cost(tokens: Tokens, burn: float) -> float:
    """What a call takes from its quota: what the cache gave is free, and output burns `burn`-fold."""
    return tokens.input + tokens.cache_write + tokens.output * burn


def _most_output(exchange: Exchange, quota: Quota) -> int:
    if exchange.operation == "InvokeModel":  # embeddings put no tokens out
        return 0
    wanted = exchange.params.get("inferenceConfig", {}).get("maxTokens")
    return quota.default_max_tokens if wanted is None else int(wanted)
