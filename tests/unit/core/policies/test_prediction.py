"""Predictions, held against what can be computed by hand or by trying."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echofs.core.advice import OpClass, Quantiles
from echofs.core.models import Level
from echofs.core.policies import Params, Snapshot
from echofs.core.policies.prediction import Prediction, model, share_within
from tests.unit.core.policies.situations import CALM, PARAMS, QUICK, SLOW, link


def test_known_quantiles_are_met_exactly() -> None:
    assert [share_within(QUICK, seconds) for seconds in (0.002, 0.005, 0.01)] == pytest.approx([0.5, 0.95, 0.99])
    assert (share_within(QUICK, 0.001), share_within(QUICK, 0.02)) == (0.0, 1.0)
    assert share_within(Quantiles(), 1.0) == 0.0


@given(st.lists(st.floats(1e-5, 10), min_size=3, max_size=3), st.lists(st.floats(0, 20), min_size=2))
def test_more_time_is_never_worse(quantiles: list[float], times: list[float]) -> None:
    seen = Quantiles(100, *sorted(quantiles))
    shares = [share_within(seen, seconds) for seconds in sorted(times)]
    assert all(0 <= one <= other <= 1 for one, other in pairwise(shares))


def drawn(dice: random.Random, seen: Quantiles) -> float:
    """A latency by the same reading of quantiles."""
    low, high = 0.0, 2 * seen.p99
    share = dice.random()
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if share_within(seen, middle) < share else (low, middle)
    return high


@pytest.mark.parametrize("level", [Level.STRONG, Level.HYBRID])
def test_the_computed_share_is_that_of_many_tries(level: Level) -> None:
    """The method of probabilistically bounded staleness: draw the replicas' latencies and look."""
    dice = random.Random(7)
    parts = [Quantiles(500, 0.01, 0.03, 0.06), Quantiles(500, 0.02, 0.05, 0.1), QUICK]
    catalog = Quantiles(500, 0.005, 0.02, 0.04)
    snapshot = replace(CALM, links=tuple(link(n, part) for n, part in enumerate(parts)), catalog=catalog)
    needed = 2 if level is Level.STRONG else 1
    goal, tries = 0.025, 1500
    hits = sum(
        sorted(drawn(dice, part) for part in parts)[needed - 1] + drawn(dice, catalog) <= goal for _ in range(tries)
    )
    assert model(level, snapshot, replace(PARAMS, goal=goal)).share == pytest.approx(hits / tries, abs=0.05)


def test_workers_behind_an_open_breaker_are_not_asked() -> None:
    without = replace(CALM, links=(link(1), link(2), link(3, SLOW, breaker="open")))
    assert model(Level.STRONG, without, PARAMS).share > 0.99


def test_errors_count_as_never() -> None:
    failing = replace(CALM, links=tuple(link(n, errors=500) for n in (1, 2, 3)))
    # Of three workers that each answer half of the time, two answer in half of the cases.
    assert model(Level.STRONG, failing, replace(PARAMS, goal=1.0)).share == pytest.approx(0.5)
    assert model(Level.STRONG, replace(CALM, catalog_errors=500), replace(PARAMS, goal=1.0)).share == pytest.approx(0.5)


def test_of_many_workers_only_as_many_as_there_are_replicas_are_asked() -> None:
    links = tuple(link(n, SLOW if n % 2 else QUICK) for n in range(8))
    # Two quick ones of three, each quick half of the time.
    assert model(Level.STRONG, replace(CALM, links=links), PARAMS).share == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("level", "op_class", "asks"),
    [
        (Level.STRONG, OpClass.WRITE_SMALL, True),
        (Level.HYBRID, OpClass.WRITE_LARGE, True),
        (Level.AVAILABLE, OpClass.WRITE_SMALL, False),
        (Level.STRONG, OpClass.READ, True),
        (Level.HYBRID, OpClass.READ, False),
    ],
)
def test_a_slow_catalog_is_felt_where_it_is_asked(level: Level, op_class: OpClass, asks: bool) -> None:
    share = model(level, replace(CALM, catalog=SLOW), Params(op_class)).share
    assert (share < 0.01) is asks


def test_without_samples_nothing_is_known() -> None:
    assert model(Level.STRONG, Snapshot(0.0), PARAMS).samples == 0
    assert Prediction(1.0, 0).bounds(1.28) == (0.0, 1.0)


def test_bounds_close_in_on_the_share_as_samples_come() -> None:
    widths = []
    for samples in (10, 100, 1000):
        low, high = Prediction(0.9, samples).bounds(1.28)
        assert low < 0.9 < high
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)
    assert Prediction(0.5, 9, possible=False).bounds(1.28) == (0.0, 0.0)
