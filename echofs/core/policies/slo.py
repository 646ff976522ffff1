"""The strongest level that is predicted, with confidence, to meet the latency goal.

As in Pileus (Terry et al., "Consistency-based service level agreements for cloud storage", 2013) the choice is made
from the chance of each level to be quick enough, which is predicted from what was measured lately (``prediction``).
Where Pileus takes the greatest product of chance and worth at every request, this policy has an order: more consistency
is worth more than any latency within the goal. The product decides only where no level meets the goal.

Evidence works both ways. The present level is left only when the goal is missed even at the upper end of what the true
share may be, and a stronger one is taken only when the goal is met even at the lower end. What cannot be decided for
want of traffic is tried: after ``patience`` seconds a stronger level that nothing speaks against is taken.
"""

from __future__ import annotations

from collections.abc import Mapping

from echofs.core.advice import OpClass
from echofs.core.models import Level
from echofs.core.policies.hysteresis import settle
from echofs.core.policies.prediction import Prediction, predict
from echofs.core.policies.utility import utility
from echofs.core.policies.values import LEVELS, Outcome, Params, PolicyState, Snapshot, Wish

EMERGENCY_ABOVE = 0.8
"""When more than this share of the masters is without the catalog, all of them are advised to do without it at once.
With fewer, those concerned know by themselves."""


def slo(snapshot: Snapshot, state: PolicyState, params: Params) -> tuple[Outcome, PolicyState]:
    """The level to begin with, once it may be switched; at once when the present one has become impossible."""
    return settle(_wish(snapshot, state, params), snapshot.at, state, params)


def predictions(snapshot: Snapshot, params: Params) -> Mapping[Level, Prediction]:
    """What each level would give now."""
    possible = possible_levels(snapshot, params.op_class)
    return {level: predict(level, snapshot, params, possible=level in possible) for level in LEVELS}


def possible_levels(snapshot: Snapshot, op_class: OpClass) -> frozenset[Level]:
    """The levels that can be met at all: ``available`` always, the others with the catalog, and writes with enough
    workers."""
    if 1 - snapshot.catalog_reachable > EMERGENCY_ABOVE:
        return frozenset({Level.AVAILABLE})
    return frozenset(Level) if op_class is OpClass.READ else snapshot.up | {Level.AVAILABLE}


def _wish(snapshot: Snapshot, state: PolicyState, params: Params) -> Wish:
    predicted = predictions(snapshot, params)
    shares = {level: round(prediction.share, 4) for level, prediction in predicted.items()}
    goal = f"{params.share:.0%} within {params.goal * 1000:g} ms"
    best = _best(predicted, params)
    if not predicted[state.level].possible:
        return Wish(best, f"{state.level} is impossible now: {_why(snapshot)}", emergency=True, predictions=shares)
    for level in LEVELS[: LEVELS.index(state.level)]:
        if _worth_taking(predicted[level], snapshot.at - state.since, params):
            return Wish(level, f"{level} is predicted to meet {goal}", predictions=shares)
    if predicted[state.level].bounds(params.margin)[1] >= params.share:
        return Wish(state.level, f"nothing shows that {state.level} misses {goal}", predictions=shares)
    missed = f"{state.level} is predicted to miss {goal} ({shares[state.level]:.0%})"
    return Wish(best, missed, predictions=shares)


def _worth_taking(prediction: Prediction, waited: float, params: Params) -> bool:
    low, high = prediction.bounds(params.margin)
    return low >= params.share or (high >= params.share and waited >= params.patience)


def _best(predicted: Mapping[Level, Prediction], params: Params) -> Level:
    """The strongest that may meet the goal; of those that all miss it, the one with the most utility."""
    possible = [level for level in LEVELS if predicted[level].possible]
    for level in possible:
        if predicted[level].bounds(params.margin)[1] >= params.share:
            return level
    return max(possible, key=lambda level: utility(level, predicted[level].share))


def _why(snapshot: Snapshot) -> str:
    if 1 - snapshot.catalog_reachable > EMERGENCY_ABOVE:
        return "the catalog is out of reach"
    return "too few workers are up"
