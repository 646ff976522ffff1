"""The default policy: the strongest level that meets the goal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echofs.core.advice import OpClass, Quantiles
from echofs.core.models import Level
from echofs.core.policies import Params, Snapshot
from echofs.core.policies.slo import slo
from tests.unit.core.policies.situations import (
    CALM,
    NO_CATALOG,
    ONE_WORKER,
    PARAMS,
    QUICK,
    SLOW,
    SLOW_LINKS,
    Ticking,
    link,
)


def test_a_quick_cluster_is_strong() -> None:
    outcome = Ticking(slo).tick(CALM, 100)
    assert (outcome.level, outcome.switched) == (Level.STRONG, False)
    assert outcome.predictions[Level.STRONG] > 0.99


def test_what_is_not_known_is_no_reason_to_promise_less() -> None:
    assert Ticking(slo).tick(Snapshot(0.0), 100).level is Level.STRONG


def test_one_lost_worker_of_three_changes_nothing() -> None:
    lost = replace(CALM, reached=2, links=(link(1), link(2), link(3, errors=50, breaker="open")))
    ticking = Ticking(slo)
    assert ticking.tick(lost, 60).level is Level.STRONG
    assert ticking.state.fault == 0


def test_without_the_catalog_all_classes_go_on_at_once() -> None:
    for op_class in OpClass:
        ticking = Ticking(slo, Params(op_class))
        outcome = ticking.tick(NO_CATALOG)
        assert (outcome.level, outcome.switched, outcome.emergency) == (Level.AVAILABLE, True, True)
        assert "catalog" in outcome.reason


def test_when_only_some_masters_are_without_the_catalog_the_others_stay_strong() -> None:
    assert Ticking(slo).tick(replace(CALM, catalog_reachable=0.5), 60).level is Level.STRONG


def test_with_one_worker_left_writes_are_hybrid_and_reads_stay_strong() -> None:
    assert Ticking(slo).tick(ONE_WORKER).level is Level.HYBRID
    assert Ticking(slo, Params(OpClass.READ)).tick(ONE_WORKER, 10).level is Level.STRONG


def test_slow_links_are_given_up_after_three_samples() -> None:
    ticking = Ticking(slo)
    ticking.tick(CALM, 10)
    assert ticking.tick(SLOW_LINKS, 2).level is Level.STRONG
    outcome = ticking.tick(SLOW_LINKS)
    assert (outcome.level, outcome.switched, outcome.emergency) == (Level.AVAILABLE, True, False)
    assert "miss" in outcome.reason


def test_hybrid_is_enough_where_the_second_worker_is_the_slow_one() -> None:
    links = (link(1), link(2, SLOW), link(3, SLOW))
    assert Ticking(slo).tick(replace(CALM, links=links), 10).level is Level.HYBRID


def test_a_goal_that_no_level_meets_is_no_reason_to_promise_less() -> None:
    """Reads wait for a worker at every level: slow workers make them slow, whatever is promised."""
    ticking = Ticking(slo, Params(OpClass.READ))
    assert ticking.tick(SLOW_LINKS, 60).level is Level.STRONG


def test_when_less_turns_out_to_be_no_quicker_strong_returns() -> None:
    """On a host that is slow itself every level is: then the promise is all there is to win."""
    slow = Quantiles(256, 0.08, 0.2, 0.4)
    ticking = Ticking(slo)
    strong = {OpClass.WRITE_SMALL: {Level.STRONG: slow, Level.HYBRID: slow}}
    assert ticking.tick(CALM, 5, latencies=strong).level is Level.AVAILABLE
    everything = {OpClass.WRITE_SMALL: dict.fromkeys(Level, slow)}
    assert ticking.tick(CALM, 20, latencies=everything).level is Level.STRONG
    assert ticking.tick(CALM, 120, latencies=everything).level is Level.STRONG


def test_after_the_fault_strong_returns_once_it_was_calm() -> None:
    ticking = Ticking(slo)
    ticking.tick(NO_CATALOG, 60)
    assert ticking.tick(CALM, 5).level is Level.AVAILABLE
    outcome = ticking.tick(CALM)
    assert (outcome.level, outcome.switched) == (Level.STRONG, True)
    assert ticking.state.switches == 2


def test_without_traffic_strong_is_tried_again_after_a_while() -> None:
    ticking = Ticking(slo)
    ticking.tick(NO_CATALOG, 3)
    idle = Snapshot(0.0, masters=2, workers=3, reached=3)
    assert ticking.tick(idle, 20).level is Level.AVAILABLE
    assert ticking.tick(idle, 20).level is Level.STRONG


def test_what_requests_at_a_level_really_took_counts_against_the_model() -> None:
    measured = {OpClass.WRITE_SMALL: {Level.STRONG: Quantiles(1000, 0.15, 0.3, 0.5)}}
    assert Ticking(slo).tick(CALM, 10, latencies=measured).level is not Level.STRONG
    other = {OpClass.READ: {Level.STRONG: Quantiles(1000, 0.15, 0.3, 0.5)}}
    assert Ticking(slo).tick(CALM, 10, latencies=other).level is Level.STRONG


def test_few_slow_requests_prove_nothing() -> None:
    idle = replace(CALM, links=(), catalog=Quantiles())
    for samples, level in ((2, Level.STRONG), (200, Level.HYBRID)):
        seen = Quantiles(samples, 0.02, 0.08, 0.2)
        assert Ticking(slo).tick(idle, 10, latencies={OpClass.WRITE_SMALL: {Level.STRONG: seen}}).level is level


@pytest.mark.parametrize(("goal", "level"), [(0.004, Level.AVAILABLE), (1.0, Level.STRONG)])
def test_the_goal_decides(goal: float, level: Level) -> None:
    assert Ticking(slo, replace(PARAMS, goal=goal)).tick(replace(CALM, catalog=QUICK), 20).level is level
