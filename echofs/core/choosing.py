"""Which levels a write is tried at, and in which order. Pure: what is asked, what is advised and what this master sees
come in, a plan comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from echofs.core.advice import Decision
from echofs.core.floors import FloorFound
from echofs.core.goals import Ask, Goal, down_to, stronger
from echofs.core.models import Level


class Obstacle(Enum):
    """Why no level can be met now."""

    CATALOG = "the catalog does not answer"
    WORKERS = "too few workers are up"


@dataclass(frozen=True, slots=True)
class OwnView:
    """What this master sees for itself: whether the catalog answers, the levels of which the workers that are up can
    make a quorum, those to be ``avoided`` because workers have just failed them, and how many seconds a write of each
    level takes it, where it knows."""

    catalog: bool
    workers: frozenset[Level]
    avoided: frozenset[Level] = frozenset()
    expected: Mapping[Level, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """The levels to try, in order, each weaker than the one before; none when ``obstacle`` says why.

    ``wanted`` is the level it should have been: whatever comes out weaker is degraded, and ``reason`` is the sentence
    that explains why the plan does not begin there. ``raised`` marks a plan that promises more than was asked, because
    of a floor or a condition, and ``reason`` says of which. ``decision_id`` names the decision that was followed.
    """

    levels: tuple[Level, ...]
    wanted: Level
    reason: str = ""
    decision_id: str = ""
    raised: bool = False
    obstacle: Obstacle | None = None

    @property
    def may_be_provisional(self) -> bool:
        """Whether a version may be accepted without the catalog."""
        return Level.AVAILABLE in self.levels


def choose(ask: Ask, floor: FloorFound, decision: Decision | None, own: OwnView, *, conditional: bool = False) -> Plan:
    """Plan a write.

    An explicit level is all there is: it is met or the write is refused. A list is gone through in order, without the
    levels that will miss the latency hoped for. Left to itself, EchoFS begins at the level of the ``decision``
    (``strong`` without one) and goes down as far as the ``floor``. What cannot be met now is left out.

    A ``conditional`` write needs the order that only the catalog gives, so it is never provisional.
    """
    least = stronger(floor.level, Level.HYBRID) if conditional else floor.level
    if ask.automatic:
        goals = [Goal(level) for level in down_to(decision.level if decision else Level.STRONG, least)]
    else:
        goals = _descending([Goal(stronger(goal.level, least), goal.within) for goal in ask.goals])
    hindrances = [_hindrance(goal, own, last=goal is goals[-1]) for goal in goals]
    levels = tuple(goal.level for goal, hindrance in zip(goals, hindrances, strict=True) if not hindrance)
    raised = bool(levels) and not ask.automatic and levels[0] not in {goal.level for goal in ask.goals}
    return Plan(
        levels,
        wanted=goals[0].level,
        reason=_raised(floor, levels[0]) if raised else hindrances[0],
        decision_id=decision.id if decision and ask.automatic else "",
        raised=raised,
        obstacle=None if levels else _obstacle(goals[-1].level, own),
    )


def _descending(goals: Sequence[Goal]) -> list[Goal]:
    """Only what is weaker than everything before it: when a level cannot be met, a stronger one cannot either."""
    kept: list[Goal] = []
    for goal in goals:
        if not kept or stronger(goal.level, kept[-1].level) is not goal.level:
            kept.append(goal)
    return kept


def _hindrance(goal: Goal, own: OwnView, *, last: bool) -> str:
    """Why this level is not tried, in a sentence; empty if it is. The last one is tried however long it takes."""
    obstacle = _obstacle(goal.level, own)
    if obstacle is not None:
        return f"{goal.level.capitalize()} was not possible: {obstacle.value}."
    if not last and goal.level in own.avoided:
        return f"{goal.level.capitalize()} was not tried: workers have just failed it."
    expected = own.expected.get(goal.level, 0.0)
    if last or goal.within is None or expected <= goal.within:
        return ""
    return (
        f"{goal.level.capitalize()} was expected to take {expected * 1000:.0f} ms, longer than the "
        f"{goal.within * 1000:g} ms asked for."
    )


def _obstacle(level: Level, own: OwnView) -> Obstacle | None:
    if level is Level.AVAILABLE:
        return None
    if not own.catalog:
        return Obstacle.CATALOG
    return None if level in own.workers else Obstacle.WORKERS


def _raised(floor: FloorFound, level: Level) -> str:
    if floor.level is level:
        return f"{level.capitalize()} is the least that is allowed here: {floor.source}."
    return "A write with a condition needs the order that only the catalog gives."
