"""How long an answer takes: until its first byte, and from token to token."""

import math
from collections.abc import Mapping
from random import Random

from bedrock_simulator.scenario import Latency


class Pace:
    """The waits of one answer, in real seconds: log-normal around the medians, times the time scale.

    `spread` is the standard deviation of the logarithm: at 0.5, two of three draws are between 0.6 and 1.65 times
    the median. The same `random` draws the same waits.
    """

    def __init__(self, latency: Latency, time_scale: float, random: Random) -> None:
        self._latency = latency
        self._scale = time_scale / 1_000
        self._random = random

    def first(self) -> float:
        """Return the seconds until the first byte."""
        return self._draw(self._latency.first_ms)

    def tokens(self, count: float) -> float:
        """Return the seconds that `count` tokens take."""
        return self._draw(self._latency.token_ms * count)

    def _draw(self, median: float) -> float:
        if median <= 0:
            return 0.0
        factor = math.exp(self._random.gauss(0.0, self._latency.spread)) if self._latency.spread else 1.0
        return median * factor * self._scale


def pace_of(model_id: str, latencies: Mapping[str, Latency], time_scale: float, random: Random) -> Pace:
    """Return the pace of a model: its own, or that of `*`, or none."""
    latency = latencies.get(model_id) or latencies.get("*") or Latency()
    return Pace(latency, time_scale, random)
