"""What a consistency level demands, and the receipts that say what was given. All quorum arithmetic is in this file."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from echofs.core.errors import InvalidRequest
from echofs.core.models import Level

STRONG_REPLICAS = 2
"""Durable replicas behind an acknowledged strong write: any one worker may then be lost."""
STRONG_ZONES = 2
AUTO = "auto"
STALENESS_SECONDS = 5.0
"""How far a hybrid read may lag behind the catalog, counted from the sending of the question that validated it."""
_BOUNDED = re.compile(r"bounded *; *t *= *(?P<amount>\d{1,6}(\.\d{1,6})?) *(?P<unit>ms|s)", re.ASCII)


def quorum_met(acknowledged: Collection[str], zones: Mapping[str, str]) -> bool:
    """Whether the workers that acknowledged satisfy ``strong``.

    ``zones`` maps every known worker to its zone; a worker nobody knows any more counts for nothing. Two replicas in
    two zones are needed; a cluster that has only one zone in all cannot be asked for two.
    """
    known = [worker for worker in acknowledged if worker in zones]
    zones_needed = min(STRONG_ZONES, len(set(zones.values())))
    return len(known) >= STRONG_REPLICAS and len({zones[worker] for worker in known}) >= zones_needed


def parse_level(text: str | None) -> str:
    """A client's wish: a level, ``auto`` (also the default), or ``bounded;t=5s`` for the staleness a read may have.

    Raises :class:`InvalidRequest` naming the choices.
    """
    wish = (text or AUTO).strip().lower()
    if wish != AUTO and wish not in set(Level) and not _BOUNDED.fullmatch(wish):
        raise InvalidRequest(
            f"Unknown consistency level; choose {', '.join(Level)}, bounded;t=5s (or 500ms) or {AUTO}.",
            field="consistency",
        )
    return wish


def staleness_allowed(wish: str) -> float:
    """How many seconds the head of a read may lag behind the catalog, for a wish that :func:`parse_level` returned.

    0 demands the catalog itself. ``available`` gets what ``hybrid`` gets, which promises more, and ``auto`` what
    ``strong`` gets.
    """
    if wish in (Level.HYBRID, Level.AVAILABLE):
        return STALENESS_SECONDS
    bounded = _BOUNDED.fullmatch(wish)
    if bounded is None:
        return 0.0
    seconds = float(bounded["amount"]) * (0.001 if bounded["unit"] == "ms" else 1)
    return min(seconds, STALENESS_SECONDS)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a write got. ``replicas`` and ``zones`` are those of the chunk that has fewest; ``latency_ms`` runs from the
    request's arrival to the commit; ``owed`` counts replicas still to be made.
    """

    mode_requested: str
    mode_used: Level
    version: int
    dot: str
    replicas: int
    replicas_wanted: int
    zones: int
    workers: tuple[str, ...]
    owed: int
    committed: bool
    latency_ms: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReadReceipt:
    """What a read got: ``version`` was the file's head at most ``staleness_ms`` before it was looked up (0: it was the
    head then)."""

    mode_requested: str
    mode_used: Level
    version: int
    staleness_ms: int
