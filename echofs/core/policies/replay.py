"""How a policy would have acted on a trace. Deterministic: the same trace gives the same bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from echofs.core.advice import OpClass
from echofs.core.models import Level
from echofs.core.policies import Policy
from echofs.core.policies.slo import predictions
from echofs.core.policies.utility import utility
from echofs.core.policies.values import Params, PolicyState, Snapshot


@dataclass(frozen=True, slots=True)
class Step:
    """One decision: when, at which level, why, and what it was worth."""

    at: float
    level: Level
    switched: bool
    reason: str
    worth: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of one class under one policy. ``shares`` has the share of ticks at each level, ``worth`` the mean
    utility (``core.policies.utility``) of requests tried at the decided level alone, from 0 to 1."""

    ticks: int
    switches: int
    shares: tuple[tuple[Level, float], ...]
    worth: float


def replay(policy: Policy, snapshots: Iterable[Snapshot], params: Params) -> list[Step]:
    """Every decision that the policy would have made for the class of ``params``, beginning at ``strong``."""
    state: PolicyState | None = None
    steps = []
    for snapshot in snapshots:
        state = state or PolicyState(Level.STRONG, since=snapshot.at)
        outcome, state = policy(snapshot, state, params)
        predicted = predictions(snapshot, params)[outcome.level]
        worth = utility(outcome.level, predicted.share)
        steps.append(Step(snapshot.at, outcome.level, outcome.switched, outcome.reason, worth))
    return steps


def summary(steps: list[Step]) -> Summary:
    """The decisions of one class, put together."""
    ticks = len(steps)
    counted = Counter(step.level for step in steps)
    return Summary(
        ticks=ticks,
        switches=sum(step.switched for step in steps),
        shares=tuple((level, counted[level] / ticks if ticks else 0.0) for level in Level),
        worth=sum(step.worth for step in steps) / ticks if ticks else 0.0,
    )


def table(policies: dict[str, Policy], snapshots: list[Snapshot], *, goal: float) -> str:
    """All policies side by side for every class, as text."""
    lines = [f"{'class':<12} {'policy':<16} {'strong':>7} {'hybrid':>7} {'avail.':>7} {'switches':>8} {'utility':>8}"]
    for op_class in OpClass:
        for name, policy in policies.items():
            found = summary(replay(policy, snapshots, Params(op_class, goal=goal)))
            shares = " ".join(f"{share:>7.1%}" for _, share in found.shares)
            lines.append(f"{op_class:<12} {name:<16} {shares} {found.switches:>8} {found.worth:>8.4f}")
    return "\n".join(lines)


def story(name: str, steps: list[Step], op_class: OpClass) -> list[str]:
    """Every switch of one class, one a line."""
    return [f"{step.at:10.1f}  {op_class:<12} {name}: {step.level} ({step.reason})" for step in steps if step.switched]
