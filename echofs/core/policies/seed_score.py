"""One score out of five inputs, with published weights and thresholds."""

from __future__ import annotations

from dataclasses import dataclass

from echofs.core.models import Level
from echofs.core.policies.hysteresis import settle
from echofs.core.policies.values import Outcome, Params, PolicyState, Snapshot, Wish

PARTITION_WEIGHT = 0.4
LAG_WEIGHT = 0.3
WRITES_WEIGHT = 0.2
HINT_WEIGHT = 0.1
RECENT_CHANGE_WEIGHT = -0.2
AVAILABLE_ABOVE = 0.6
HYBRID_ABOVE = 0.3
EMERGENCY_ABOVE = 0.8

FULL_LAG_SECONDS = 10.0
"""A version that waits for so long in a journal counts as the full lag, and so do as many replicas owed as below."""
FULL_LAG_REPLICAS = 1000
FULL_WRITES_PER_SECOND = 100.0
RECENT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Inputs:
    """The five inputs, each from 0 to 1."""

    partition: float
    lag: float
    writes: float
    hint: float
    recent_change: float

    @property
    def score(self) -> float:
        """How much speaks for availability: from -0.2 to 1."""
        return (
            PARTITION_WEIGHT * self.partition
            + LAG_WEIGHT * self.lag
            + WRITES_WEIGHT * self.writes
            + HINT_WEIGHT * self.hint
            + RECENT_CHANGE_WEIGHT * self.recent_change
        )


def inputs_of(snapshot: Snapshot, state: PolicyState) -> Inputs:
    """How a snapshot looks to this policy. Partition is the worse of two shares: masters without the catalog, and
    workers that are down or behind an open breaker."""
    workers = 1 - snapshot.reached / snapshot.workers if snapshot.workers else 0.0
    lag = max(snapshot.lag / FULL_LAG_SECONDS, snapshot.outbox_depth / FULL_LAG_REPLICAS)
    return Inputs(
        partition=max(0.0, workers, 1 - snapshot.catalog_reachable),
        lag=min(1.0, lag),
        writes=min(1.0, snapshot.writes_per_second / FULL_WRITES_PER_SECOND),
        hint=snapshot.hint,
        recent_change=1.0 if state.fault and snapshot.at - state.since < RECENT_SECONDS else 0.0,
    )


def level_for(score: float) -> Level:
    """Above 0.6 ``available``, above 0.3 ``hybrid``, else ``strong``."""
    if score > AVAILABLE_ABOVE:
        return Level.AVAILABLE
    return Level.HYBRID if score > HYBRID_ABOVE else Level.STRONG


def seed_score(snapshot: Snapshot, state: PolicyState, params: Params) -> tuple[Outcome, PolicyState]:
    """The level of the score, once enough samples in a row agree; above 0.8 at once."""
    inputs = inputs_of(snapshot, state)
    score = round(inputs.score, 6)
    reason = (
        f"score {score:.2f}: partition {inputs.partition:.2f}, lag {inputs.lag:.2f}, writes {inputs.writes:.2f},"
        f" hints {inputs.hint:.2f}, recent change {inputs.recent_change:.0f}"
    )
    wish = Wish(level_for(score), reason, emergency=score > EMERGENCY_ABOVE)
    return settle(wish, snapshot.at, state, params)
