"""The histogram of durations: adding up loses nothing, and a quantile is within 1 % of the true one."""

import math
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.monitoring.histogram import ACCURACY, bucket, midpoint, quantile

DURATIONS = st.lists(st.integers(min_value=1, max_value=4 * 3_600_000_000), min_size=1, max_size=200)


@settings(deadline=None, max_examples=100)
@given(DURATIONS, st.floats(min_value=0.01, max_value=1))
def test_a_quantile_is_within_one_percent_of_the_true_one(durations: list[int], share: float) -> None:
    true = sorted(durations)[max(1, math.ceil(share * len(durations))) - 1]
    estimate = quantile(Counter(map(bucket, durations)), share)
    assert abs(estimate - true) <= true * (ACCURACY + 1e-9)


@settings(deadline=None, max_examples=50)
@given(DURATIONS, DURATIONS)
def test_the_histograms_of_two_writers_add_up_to_that_of_both(one: list[int], two: list[int]) -> None:
    assert Counter(map(bucket, one)) + Counter(map(bucket, two)) == Counter(map(bucket, one + two))


def test_durations_of_nothing_and_of_a_day_have_buckets_too() -> None:
    assert bucket(0) == bucket(1) == 0
    assert midpoint(0) == 1
    assert bucket(86_400_000_000) < 1_300


def test_nothing_has_no_quantile() -> None:
    assert math.isnan(quantile({}, 0.95))
