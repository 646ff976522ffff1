"""What a consistency level demands, and the receipt that says what was given. All quorum arithmetic is in this file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from echofs.core.errors import InvalidRequest
from echofs.core.models import Level

STRONG_REPLICAS = 2
"""Durable replicas behind an acknowledged strong write: any one worker may then be lost."""
STRONG_ZONES = 2
AUTO = "auto"


def quorum_met(acknowledged: Collection[str], zones: Mapping[str, str]) -> bool:
    """Whether the workers that acknowledged satisfy ``strong``.

    ``zones`` maps every known worker to its zone; a worker nobody knows any more counts for nothing. Two replicas in
    two zones are needed; a cluster that has only one zone in all cannot be asked for two.
    """
    known = [worker for worker in acknowledged if worker in zones]
    zones_needed = min(STRONG_ZONES, len(set(zones.values())))
    return len(known) >= STRONG_REPLICAS and len({zones[worker] for worker in known}) >= zones_needed


def parse_level(text: str | None) -> str:
    """A client's wish: a level or ``auto`` (also the default). Raises :class:`InvalidRequest` naming the choices."""
    wish = (text or AUTO).strip().lower()
    if wish != AUTO and wish not in set(Level):
        raise InvalidRequest(f"Unknown consistency level; choose {', '.join(Level)} or {AUTO}.", field="consistency")
    return wish


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
