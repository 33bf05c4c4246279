"""A histogram of durations that can be added up: logarithmic buckets, quantiles within 1 % of the true value.

The relative-error sketch of Masson, Rim and Lee, "DDSketch" (VLDB 2019): with γ = (1+α)/(1−α) a value x
falls into bucket ⌈log_γ x⌉, and 2γ^i/(γ+1) is within α of every value in bucket i. Histograms of minutes
and of writers are added bucket by bucket, which loses nothing. From 1 µs to an hour there are 1,100
buckets, of which a minute touches a few.
"""

import math
from collections.abc import Mapping

ACCURACY = 0.01

_GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_GAMMA = math.log(_GAMMA)


def bucket(value: int) -> int:
    """Return the bucket of a value (at least 0; 0 counts as 1)."""
    return math.ceil(math.log(value) / _LOG_GAMMA) if value > 1 else 0


def midpoint(number: int) -> float:
    """Return the value that stands for a bucket: within 1 % of all that fell into it."""
    return float(2 * _GAMMA**number / (_GAMMA + 1)) if number > 0 else 1.0


def quantile(counts: Mapping[int, int], share: float) -> float:
    """Return the value that a share (0 to 1) of the counted values does not exceed; NaN if there are none."""
    total = sum(counts.values())
    if total == 0:
        return math.nan
    rank = max(1, math.ceil(share * total))
    seen = 0
    for number in sorted(counts):
        seen += counts[number]
        if seen >= rank:
            return midpoint(number)
    return midpoint(max(counts))
