"""The prompt cache: what a cache point writes, and what a later request reads, by prefixes that are the same bytes."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from msgspec import Struct

from bedrock_simulator.exchange import Exchange, Tokens
from bedrock_simulator.tokens import count_block, count_input, written

_SECONDS: Final = {"5m": 300.0, "1h": 3_600.0}
_MOST: Final = 10_000  # prefixes kept


class _Point(Struct, frozen=True):
    """A cache point: the digest and the tokens of all that stands before it."""

    prefix: bytes
    tokens: int
    seconds: float


class PromptCache:
    """Prefixes by model and region. `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[bytes, tuple[float, float]] = {}  # until when, and for how long from each use

    def account(self, exchange: Exchange) -> Tokens:
        """Return the input tokens of a request: read from the cache, written to it, and the rest.

        The longest prefix that is still kept is read, and kept anew; what lies between it and the last cache point
        is written. A prefix shorter than the model's minimum is not cached.
        """
        total = count_input(exchange.params)
        least = exchange.model.cache_min_tokens if exchange.model else 0
        points = [point for point in _points(exchange) if point.tokens >= least]
        now = self._clock()
        read = 0
        for point in points:
            until, seconds = self._kept.get(point.prefix, (0.0, 0.0))
            if until > now:
                read = point.tokens
                self._kept[point.prefix] = (now + seconds, seconds)
        written = points[-1].tokens - read if points else 0
        for point in points:
            if point.tokens > read:
                self._keep(point, now)
        return Tokens(total - read - written, 0, read, written)

    def _keep(self, point: _Point, now: float) -> None:
        if len(self._kept) >= _MOST:
            self._kept = {prefix: kept for prefix, kept in self._kept.items() if kept[0] > now}
            while len(self._kept) >= _MOST:
                del self._kept[next(iter(self._kept))]
        self._kept[point.prefix] = (now + point.seconds, point.seconds)


def _points(exchange: Exchange) -> Iterator[_Point]:
    """Yield the cache points of a request, in the order in which a prompt is put together: tools, system, messages."""
    digest = hashlib.sha256(f"{exchange.model_id}\n{exchange.region}".encode())
    tokens = 0
    for block in _blocks(exchange.params):
        if "cachePoint" in block:
            seconds = _SECONDS[block["cachePoint"].get("ttl") or "5m"]
            yield _Point(digest.digest(), tokens, seconds)
        else:
            digest.update(f"{written(block)}\n".encode("utf-8", "surrogatepass"))
            tokens += count_block(block)


def _blocks(params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (params.get("toolConfig") or {}).get("tools") or ()
    yield from params.get("system") or ()
    for message in params.get("messages") or ():
        yield (
            {"text": ""} if message["role"] == "user" else {"text": " "}
        )  # whose turn it is belongs to the prefix
        yield from message["content"]
