"""The score: its weights and thresholds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echofs.core.models import Level
from echofs.core.policies import PolicyState
from echofs.core.policies.seed_score import Inputs, inputs_of, level_for, seed_score
from tests.unit.core.policies.situations import CALM, Ticking

FRESH = PolicyState(Level.STRONG, since=0.0)


@pytest.mark.parametrize(
    ("inputs", "score"),
    [
        (Inputs(1, 0, 0, 0, 0), 0.4),
        (Inputs(0, 1, 0, 0, 0), 0.3),
        (Inputs(0, 0, 1, 0, 0), 0.2),
        (Inputs(0, 0, 0, 1, 0), 0.1),
        (Inputs(0, 0, 0, 0, 1), -0.2),
        (Inputs(1, 1, 1, 1, 1), 0.8),
    ],
)
def test_the_weights_are_the_published_ones(inputs: Inputs, score: float) -> None:
    assert inputs.score == pytest.approx(score)


def test_the_thresholds_are_the_published_ones() -> None:
    assert [level_for(score) for score in (0.3, 0.31, 0.6, 0.61)] == [
        Level.STRONG,
        Level.HYBRID,
        Level.HYBRID,
        Level.AVAILABLE,
    ]


def test_partition_is_the_worse_of_masters_without_catalog_and_workers_out_of_reach() -> None:
    assert inputs_of(replace(CALM, catalog_reachable=0.25, reached=2), FRESH).partition == 0.75
    assert inputs_of(replace(CALM, reached=1), FRESH).partition == pytest.approx(2 / 3)
    assert inputs_of(replace(CALM, workers=0, reached=0), FRESH).partition == 0


def test_lag_and_writes_end_at_one() -> None:
    inputs = inputs_of(replace(CALM, lag=900.0, writes_per_second=1e6), FRESH)
    assert (inputs.lag, inputs.writes) == (1.0, 1.0)
    assert inputs_of(replace(CALM, outbox_depth=500), FRESH).lag == 0.5


def test_three_samples_in_a_row_are_needed() -> None:
    bad = replace(CALM, catalog_reachable=0.0, lag=10.0)
    ticking = Ticking(seed_score)
    ticking.tick(bad, 2)
    ticking.tick(CALM)
    assert ticking.tick(bad, 2).level is Level.STRONG
    assert ticking.tick(bad).level is Level.AVAILABLE


def test_an_emergency_waits_for_nothing() -> None:
    worst = replace(CALM, catalog_reachable=0.0, lag=10.0, writes_per_second=80.0)
    outcome = Ticking(seed_score).tick(worst)
    assert (outcome.level, outcome.emergency) == (Level.AVAILABLE, True)


def test_a_recent_switch_weighs_against_another() -> None:
    bad = replace(CALM, catalog_reachable=0.0, lag=10.0)
    ticking = Ticking(seed_score)
    outcome = ticking.tick(bad, 4)
    assert "recent change 1" in outcome.reason
    assert "score 0.50" in outcome.reason
    assert inputs_of(replace(bad, at=ticking.state.since + 30), ticking.state).recent_change == 0
