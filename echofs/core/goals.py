"""What a client asks of one request: consistency levels in order of preference, each with a latency it hopes for.

After the service level agreements of Pileus (Terry et al., "Consistency-based service level agreements for cloud
storage", 2013).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from echofs.core.consistency import STALENESS_SECONDS
from echofs.core.errors import InvalidRequest
from echofs.core.models import Level

AUTO = "auto"
MOST_GOALS = 8

_AMOUNT = r"(?P<amount>\d{1,6}(\.\d{1,6})?) *(?P<unit>ms|s)"
_BOUNDED = re.compile(rf"bounded *; *t *= *{_AMOUNT}", re.ASCII)
_GOAL = re.compile(rf"(?P<level>{'|'.join(Level)})( *@ *{_AMOUNT})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Goal:
    """A level, if it can be had ``within`` so many seconds (None: however long it takes)."""

    level: Level
    within: float | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A client's wish. ``text`` is what it wrote, ``goals`` what it means, the most wanted first; none of them leaves
    the choice to EchoFS. ``staleness`` is the lag in seconds that a read was explicitly allowed."""

    text: str = AUTO
    goals: tuple[Goal, ...] = ()
    staleness: float | None = None

    @property
    def automatic(self) -> bool:
        """Whether EchoFS may choose."""
        return not self.goals


def parse_ask(text: str | None) -> Ask:
    """Read a wish: a level, ``auto`` (also the default), ``bounded;t=5s`` (hybrid, and a read may lag so far), or up to
    eight levels with latencies in order of preference: ``strong@50ms, hybrid@50ms, available``.

    Raises :class:`InvalidRequest` naming the choices.
    """
    wish = " ".join((text or "").lower().split()) or AUTO
    if wish == AUTO:
        return Ask()
    if bounded := _BOUNDED.fullmatch(wish):
        return Ask(wish, (Goal(Level.HYBRID),), min(_seconds(bounded), STALENESS_SECONDS))
    goals = [_GOAL.fullmatch(part.strip()) for part in wish.split(",", MOST_GOALS)]
    if len(goals) > MOST_GOALS:
        raise _unknown()
    return Ask(wish, tuple(_goal(match) for match in goals))


def stronger(one: Level, other: Level) -> Level:
    """The one of two levels that promises more."""
    order = list(Level)
    return min(one, other, key=order.index)


def down_to(first: Level, floor: Level) -> tuple[Level, ...]:
    """The levels from ``first`` to ``floor``, the strongest first; the floor alone when ``first`` lies below it."""
    order = list(Level)
    begin, end = order.index(stronger(first, floor)), order.index(floor)
    return tuple(order[begin : end + 1])


def _goal(match: re.Match[str] | None) -> Goal:
    if match is None:
        raise _unknown()
    return Goal(Level(match["level"]), _seconds(match) if match["amount"] else None)


def _seconds(match: re.Match[str]) -> float:
    return float(match["amount"]) * (0.001 if match["unit"] == "ms" else 1)


def _unknown() -> InvalidRequest:
    return InvalidRequest(
        f"Unknown consistency level; choose {', '.join(Level)}, bounded;t=5s (or 500ms), {AUTO}, or a list such as "
        "strong@50ms, hybrid@50ms, available.",
        field="consistency",
    )
