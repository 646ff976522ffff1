"""Always the same level: to compare with, and for those who want no surprises."""

from __future__ import annotations

from dataclasses import replace

from echofs.core.models import Level
from echofs.core.policies.values import Outcome, Params, PolicyState, Snapshot


def fixed(level: Level, snapshot: Snapshot, state: PolicyState, params: Params) -> tuple[Outcome, PolicyState]:
    """The level, whatever happens."""
    switched = state.level is not level
    after = replace(state, level=level, since=snapshot.at) if switched else state
    return Outcome(level, f"the policy is fixed at {level}", switched=switched), after
