"""Snapshots to decide about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from echofs.core.advice import LinkReport, OpClass, Quantiles
from echofs.core.models import Level
from echofs.core.policies import Outcome, Params, Policy, PolicyState, Snapshot

PARAMS = Params(OpClass.WRITE_SMALL)
QUICK = Quantiles(500, 0.002, 0.005, 0.01)
SLOW = Quantiles(500, 0.2, 0.3, 0.4)


def link(number: int, seen: Quantiles = QUICK, *, errors: int = 0, breaker: str = "closed") -> LinkReport:
    return LinkReport(f"w{number}", seen.samples, errors, seen.p50, seen.p95, seen.p99, breaker)


CALM = Snapshot(0.0, masters=2, catalog=QUICK, links=tuple(map(link, (1, 2, 3))), workers=3, reached=3)
NO_CATALOG = replace(CALM, catalog_reachable=0.0, catalog=Quantiles())
SLOW_LINKS = replace(CALM, links=tuple(link(number, SLOW) for number in (1, 2, 3)))
ONE_WORKER = replace(CALM, reached=1, links=(link(1),), up=frozenset({Level.HYBRID, Level.AVAILABLE}))


class Ticking:
    """A policy that is asked every second."""

    def __init__(self, policy: Policy, params: Params = PARAMS, level: Level = Level.STRONG) -> None:
        self._policy = policy
        self._params = params
        self.at = 0.0
        self.state = PolicyState(level, since=0.0)

    def tick(self, snapshot: Snapshot, ticks: int = 1, **changes: Any) -> Outcome:
        """The last of so many decisions about the same situation, a second apart."""
        for _ in range(ticks):
            self.at += 1.0
            outcome, self.state = self._policy(replace(snapshot, at=self.at, **changes), self.state, self._params)
        return outcome
