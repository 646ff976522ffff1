"""At which levels a read is tried, and what a version from the journal contains. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from echofs.core.consistency import STALENESS_SECONDS
from echofs.core.entries import JournalEntry
from echofs.core.floors import FloorFound
from echofs.core.goals import Ask, stronger
from echofs.core.models import Level
from echofs.core.session_tokens import Line


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """The levels to try, each weaker than the one before. A hybrid read may lag ``within`` seconds. ``wanted`` is the
    level that it should be; ``reason`` says in a sentence why the first one is another than was asked for."""

    levels: tuple[Level, ...]
    wanted: Level
    within: float = STALENESS_SECONDS
    reason: str = ""


def plan_read(ask: Ask, floor: FloorFound, expected: float = 0.0) -> ReadPlan:
    """Plan a read.

    An explicit level is all there is. Of a list each level is tried in order, but not the catalog's answer while that
    is ``expected`` to take more seconds than were hoped for. Left to itself, EchoFS asks the catalog, and goes down to
    the ``floor`` only when that does not answer. What lies below the floor is raised to it.
    """
    within = STALENESS_SECONDS if ask.staleness is None else ask.staleness
    if ask.automatic:
        return ReadPlan(tuple(dict.fromkeys((Level.STRONG, floor.level))), Level.STRONG, within)
    levels: list[Level] = []
    late = ""
    for goal in ask.goals:
        level = stronger(goal.level, floor.level)
        slow = level is Level.STRONG and goal.within is not None and expected > goal.within
        if slow and goal is not ask.goals[-1]:
            late = f"The catalog was expected to take {expected * 1000:.0f} ms."
        elif not levels or stronger(levels[-1], level) is not level:
            levels.append(level)
    first = ask.goals[0].level
    raised = stronger(first, floor.level) is not first
    reason = f"{floor.level.capitalize()} is the least that {floor.source} allows." if raised else late
    return ReadPlan(tuple(levels), stronger(first, floor.level), within, reason)


def line_of(last: JournalEntry, entries: Sequence[JournalEntry]) -> Line:
    """What a journal entry contains: those of its file's other ``entries`` that it was made from, and the committed
    versions up to the one that the first of these followed."""
    earlier = {entry.version.dot: entry for entry in entries if entry is not last}
    entry = last
    dots = {entry.version.dot}
    while entry.parent_dot is not None:
        dots.add(entry.parent_dot)
        parent = earlier.pop(entry.parent_dot, None)
        if parent is None:
            break
        entry = parent
    return Line(entry.version.parent, frozenset(dots))
