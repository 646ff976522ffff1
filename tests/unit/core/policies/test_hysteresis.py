"""What holds of every policy that may switch, whatever happens to the cluster."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echofs.core.models import Level
from echofs.core.policies import POLICIES, Policy, PolicyState, Snapshot
from echofs.core.policies.hysteresis import SWITCHES_PER_FAULT, settle
from echofs.core.policies.seed_score import inputs_of
from echofs.core.policies.values import Wish, weaker
from tests.unit.core.policies.situations import CALM, NO_CATALOG, ONE_WORKER, PARAMS, SLOW_LINKS, Ticking

SWITCHING = ["slo", "seed_score"]
WORST = replace(NO_CATALOG, lag=60.0, writes_per_second=500.0)
situations = st.sampled_from([CALM, NO_CATALOG, ONE_WORKER, SLOW_LINKS, WORST, Snapshot(0.0)])
histories = st.lists(st.tuples(situations, st.integers(1, 40)), max_size=12)


def run(policy: Policy, history: list[tuple[Snapshot, int]]) -> list[tuple[float, bool, int, bool]]:
    """When the policy switched, whether to less in an emergency, for which fault, and whether that is a new one."""
    ticking = Ticking(policy)
    switches = []
    for snapshot, seconds in history:
        for _ in range(seconds):
            before = ticking.state.fault
            outcome = ticking.tick(snapshot)
            if outcome.switched:
                after = ticking.state.fault
                switches.append((ticking.at, outcome.emergency, after, after != before))
    return switches


@pytest.mark.parametrize("name", SWITCHING)
@settings(deadline=None, max_examples=30)
@given(history=histories)
def test_no_fault_causes_more_than_two_switches(name: str, history: list[tuple[Snapshot, int]]) -> None:
    switches = run(POLICIES[name], history)
    assert all(count <= SWITCHES_PER_FAULT for count in Counter(fault for _, _, fault, _ in switches).values())
    # Faults are not invented to allow switches: each begins with an emergency, or long after the last switch.
    for (earlier, *_), (at, emergency, _, new) in pairwise(switches):
        assert not new or emergency or at - earlier >= PARAMS.guard


@pytest.mark.parametrize("name", SWITCHING)
@settings(deadline=None, max_examples=25)
@given(history=histories)
def test_whatever_happened_before_an_emergency_is_answered_within_one_tick(
    name: str, history: list[tuple[Snapshot, int]]
) -> None:
    ticking = Ticking(POLICIES[name])
    for snapshot, seconds in history:
        ticking.tick(snapshot, seconds)
    recent = name == "seed_score" and inputs_of(replace(WORST, at=ticking.at + 1), ticking.state).recent_change
    # A recent switch weighs against the score, and what it leaves is no emergency by that policy's own threshold.
    assert recent or ticking.tick(WORST).level is Level.AVAILABLE


@pytest.mark.parametrize("name", sorted(POLICIES))
@settings(deadline=None, max_examples=8)
@given(history=histories)
def test_equal_histories_have_equal_decisions(name: str, history: list[tuple[Snapshot, int]]) -> None:
    first, second = Ticking(POLICIES[name]), Ticking(POLICIES[name])
    for snapshot, seconds in history:
        assert first.tick(snapshot, seconds) == second.tick(snapshot, seconds)
    assert first.state == second.state


@pytest.mark.parametrize("period", [1, 2, 3, 4, 5])
def test_a_flapping_catalog_costs_two_switches(period: int) -> None:
    """Away at the first cut, back when it is over for good."""
    history = [(NO_CATALOG, period), (CALM, period)] * (60 // period) + [(CALM, 120)]
    assert len(run(POLICIES["slo"], history)) == 2


def test_a_catalog_that_flaps_slowly_is_waited_for_longer() -> None:
    history = [(CALM, 10), *[(NO_CATALOG, 10), (CALM, 10)] * 12, (CALM, 120)]
    # Once away and back, and once more away until it was calm for as long as the guard lasts.
    assert len(run(POLICIES["slo"], history)) == 4


def wish(level: Level) -> Wish:
    return Wish(level, "why")


def test_a_wish_that_wavers_is_not_followed() -> None:
    state = PolicyState(Level.STRONG, since=-100.0)
    for at in range(100):
        level = Level.STRONG if at % 3 == 2 else Level.HYBRID
        outcome, state = settle(wish(level), float(at), state, PARAMS)
        assert outcome.level is Level.STRONG
    assert "samples" in settle(wish(Level.HYBRID), 100.0, state, PARAMS)[0].held


def test_a_return_goes_no_further_than_what_was_possible_all_the_time() -> None:
    state = PolicyState(Level.AVAILABLE, since=-100.0, fault=1, switches=1, calm_needed=PARAMS.calm)
    for at in range(6):
        level = Level.HYBRID if at == 2 else Level.STRONG
        outcome, state = settle(wish(level), float(at), state, PARAMS)
    assert outcome.level is Level.HYBRID


def test_the_guard_says_that_it_holds() -> None:
    state = PolicyState(Level.STRONG, since=0.0, fault=1, switches=2)
    for at in range(10, 60):
        outcome, state = settle(wish(Level.AVAILABLE), float(at), state, PARAMS)
        assert not outcome.switched
    assert "two switches" in outcome.held
    outcome, state = settle(wish(Level.AVAILABLE), 60.0, state, PARAMS)
    assert (outcome.switched, state.fault, state.switches) == (True, 2, 1)


def test_two_switches_are_some_seconds_apart() -> None:
    state = PolicyState(Level.HYBRID, since=0.0, fault=1, switches=1, weaker_ticks=9)
    outcome, state = settle(wish(Level.AVAILABLE), 4.0, state, PARAMS)
    assert "last switch" in outcome.held
    assert settle(wish(Level.AVAILABLE), 5.0, state, PARAMS)[0].switched


@pytest.mark.parametrize(("name", "level"), [("fixed_strong", Level.STRONG), ("fixed_available", Level.AVAILABLE)])
def test_a_fixed_policy_is_fixed(name: str, level: Level) -> None:
    ticking = Ticking(POLICIES[name])
    for snapshot in (CALM, NO_CATALOG, SLOW_LINKS, WORST):
        assert ticking.tick(snapshot, 5).level is level


def test_weaker_promises_less() -> None:
    assert weaker(Level.AVAILABLE, Level.HYBRID)
    assert not weaker(Level.HYBRID, Level.HYBRID)
