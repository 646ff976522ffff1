"""Suspicion from silence, against a slow computation by another road."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echofs.core.phi import INTERVALS, LEAST_SPREAD, MOST_PHI, HeartbeatWindow

STEPS = 20_000
INTERVAL = st.floats(0.01, 10)


def _window(intervals: list[float]) -> HeartbeatWindow:
    window = HeartbeatWindow(1.0)
    for interval in intervals:
        window.add(interval)
    return window


def _slow_phi(intervals: list[float], elapsed: float) -> float:
    """The tail of the normal distribution, added up step by step over twelve standard deviations."""
    average = statistics.fmean(intervals) if intervals else 1.0
    mean = max(average, 1.0)
    spread = max(statistics.pstdev(intervals) if intervals else 0.0, LEAST_SPREAD * mean)
    width = 12 * spread / STEPS
    points = (elapsed + (step + 0.5) * width for step in range(STEPS))
    tail = math.fsum(math.exp(-(((point - mean) / spread) ** 2) / 2) * width for point in points)
    return -math.log10(tail / (spread * math.sqrt(2 * math.pi)))


@pytest.mark.parametrize("intervals", [[], [1.0] * 5, [0.9, 1.1, 1.0, 1.3], [0.2, 5.0, 3.0, 0.4], [2.0] * 200])
@pytest.mark.parametrize("elapsed", [1.5, 3.0, 5.0, 8.0])
def test_phi_is_the_probability_that_a_heartbeat_comes_later(intervals: list[float], elapsed: float) -> None:
    assert _window(intervals).phi(elapsed) == pytest.approx(_slow_phi(intervals[-INTERVALS:], elapsed), rel=1e-4)


@given(st.lists(INTERVAL, max_size=150), st.floats(0, 100), st.floats(0, 100))
def test_suspicion_only_grows_with_silence(intervals: list[float], one: float, other: float) -> None:
    window = _window(intervals)
    shorter, longer = sorted((one, other))
    assert 0 <= window.phi(shorter) <= window.phi(longer) <= MOST_PHI


def test_a_silence_without_end_is_a_number_still() -> None:
    assert HeartbeatWindow(1.0).phi(1e9) == MOST_PHI


@given(st.lists(INTERVAL, min_size=INTERVALS, max_size=INTERVALS), st.lists(INTERVAL, max_size=50))
def test_only_the_last_intervals_count(late: list[float], early: list[float]) -> None:
    assert _window(early + late).phi(20) == pytest.approx(_window(late).phi(20))


def test_several_beats_at_once_are_no_faster_rhythm() -> None:
    assert _window([0.0] * 100).mean == 1.0
