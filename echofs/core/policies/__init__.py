"""How the level is chosen for a class of requests: pure functions from what is known to what is decided.

Every policy is ``decide(snapshot, state, params)`` and gives an outcome and the state for the next tick. No clock, no
randomness: equal inputs give equal decisions, so recorded traces can be replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from echofs.core.models import Level
from echofs.core.policies.fixed import fixed
from echofs.core.policies.seed_score import seed_score
from echofs.core.policies.slo import slo
from echofs.core.policies.values import Outcome, Params, PolicyState, Snapshot

Policy = Callable[[Snapshot, PolicyState, Params], tuple[Outcome, PolicyState]]

DEFAULT = "slo"
POLICIES: Mapping[str, Policy] = MappingProxyType(
    {
        "slo": slo,
        "seed_score": seed_score,
        "fixed_strong": partial(fixed, Level.STRONG),
        "fixed_available": partial(fixed, Level.AVAILABLE),
    }
)

__all__ = ["DEFAULT", "POLICIES", "Outcome", "Params", "Policy", "PolicyState", "Snapshot"]
