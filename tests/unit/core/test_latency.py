"""Quantiles of a histogram against those of the sorted samples."""

from __future__ import annotations

import bisect
import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echofs.core.latency import HALF_LIFE_SECONDS, LONGEST_SECONDS, SHORTEST_SECONDS, LatencyHistogram

SECONDS = st.floats(SHORTEST_SECONDS, LONGEST_SECONDS)
HALF_A_BUCKET = 0.05


def _filled(samples: list[float], now: float = 0.0) -> LatencyHistogram:
    histogram = LatencyHistogram()
    for sample in samples:
        histogram.add(sample, now)
    return histogram


@given(st.lists(SECONDS, min_size=1, max_size=300), st.sampled_from([0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1.0]))
def test_a_quantile_is_within_half_a_bucket_of_that_of_the_sorted_samples(samples: list[float], q: float) -> None:
    exact = sorted(samples)[max(math.ceil(q * len(samples)) - 1, 0)]
    assert _filled(samples).quantile(q) == pytest.approx(exact, rel=HALF_A_BUCKET)


def test_without_samples_there_is_no_quantile() -> None:
    assert LatencyHistogram().quantile(0.5) is None
    assert LatencyHistogram().samples(100.0) == 0


@pytest.mark.parametrize(("seconds", "counted_as"), [(0.0, SHORTEST_SECONDS), (1e9, LONGEST_SECONDS)])
def test_what_is_out_of_range_counts_as_the_nearest_that_is_not(seconds: float, counted_as: float) -> None:
    assert _filled([seconds]).quantile(0.5) == pytest.approx(counted_as, rel=0.1)


@given(st.lists(SECONDS, min_size=1, max_size=50), st.floats(0, 1e5))
def test_samples_fade_by_half_in_every_half_life(samples: list[float], later: float) -> None:
    histogram = _filled(samples)
    faded = len(samples) / 2 ** min(later / HALF_LIFE_SECONDS, 1000)
    assert histogram.samples(later) == pytest.approx(faded, rel=1e-6, abs=1e-9)


def test_what_is_new_outweighs_what_is_old_whatever_the_time() -> None:
    histogram, now = LatencyHistogram(), 0.0
    for round_ in range(50):
        now += 200.0
        level = 0.001 if round_ % 2 else 0.5
        for _ in range(20):
            histogram.add(level, now)
        assert histogram.quantile(0.9) == pytest.approx(level, rel=HALF_A_BUCKET)


def test_decayed_quantiles_are_those_of_weighted_samples() -> None:
    chance = random.Random(7)
    timed = [(chance.uniform(0, 90), chance.lognormvariate(-5, 1)) for _ in range(2000)]
    histogram = LatencyHistogram()
    for at, seconds in sorted(timed):
        histogram.add(seconds, at)
    weighted = sorted((seconds, 2 ** (at / HALF_LIFE_SECONDS)) for at, seconds in timed)
    sums = list(itertools.accumulate(weight for _, weight in weighted))
    for q in (0.5, 0.95, 0.99):
        exact = weighted[bisect.bisect_left(sums, q * sums[-1])][0]
        assert histogram.quantile(q) == pytest.approx(exact, rel=HALF_A_BUCKET)


def test_merged_histograms_weigh_samples_by_their_age() -> None:
    old, new = _filled([1.0] * 30, 0.0), _filled([0.001] * 30, 5 * HALF_LIFE_SECONDS)
    both = old.merged(new, 5 * HALF_LIFE_SECONDS)
    assert both.samples(5 * HALF_LIFE_SECONDS) == pytest.approx(30 + 30 / 32)
    assert both.quantile(0.95) == pytest.approx(0.001, rel=HALF_A_BUCKET)
    assert both.quantile(0.99) == pytest.approx(1.0, rel=HALF_A_BUCKET)
