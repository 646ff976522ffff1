"""What a consistency level demands, and the receipts that say what was given. All quorum arithmetic is in this file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from echofs.core.models import Level

STALENESS_SECONDS = 5.0
"""How far a hybrid read may lag behind the catalog, counted from the sending of the question that validated it."""


@dataclass(frozen=True, slots=True)
class Demand:
    """How many workers, in how many zones, must have made a chunk durable before a write of one level is
    acknowledged, and whether this master's own disk must hold it too."""

    replicas: int
    zones: int
    spool: bool


DEMANDS: Mapping[Level, Demand] = {
    Level.STRONG: Demand(replicas=2, zones=2, spool=False),
    Level.HYBRID: Demand(replicas=1, zones=1, spool=True),
    Level.AVAILABLE: Demand(replicas=0, zones=0, spool=True),
}
"""After a strong write any one worker may be lost, after a hybrid one either disk. A chunk that meets what ``strong``
demands needs no spool at any level."""


def quorum_met(acknowledged: Collection[str], zones: Mapping[str, str], level: Level = Level.STRONG) -> bool:
    """Whether the workers that acknowledged are as many, in as many zones, as ``level`` demands of workers.

    ``zones`` maps every known worker to its zone; a worker nobody knows any more counts for nothing. A cluster that has
    only one zone in all cannot be asked for two.
    """
    demand = DEMANDS[level]
    known = [worker for worker in acknowledged if worker in zones]
    zones_needed = min(demand.zones, len(set(zones.values())))
    return len(known) >= demand.replicas and len({zones[worker] for worker in known}) >= zones_needed


def needs_spool(acknowledged: Collection[str], zones: Mapping[str, str], level: Level) -> bool:
    """Whether a chunk that so many workers hold must be in the spool too before ``level`` may acknowledge it."""
    return DEMANDS[level].spool and not quorum_met(acknowledged, zones, Level.STRONG)


class Guarantee(StrEnum):
    """What holds of one answer."""

    LINEARIZABLE = "linearizable"
    BOUNDED = "read your writes, bounded staleness"
    LAGGING = "bounded staleness"
    SESSION = "read your writes, monotonic reads"
    CAUSAL = "causal per session"
    """Of a provisional write: it follows what its writer saw, and is kept beside whatever it turns out to conflict
    with."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a write got. ``replicas`` and ``zones`` are those of the chunk that has fewest; ``latency_ms`` runs from the
    request's arrival to the commit; ``owed`` counts replicas still to be made.

    ``spooled`` says that this master's own disk holds what too few workers held, which never counts as a replica.
    ``decision`` is the id of the controller's decision that chose the level, if one did. ``degraded`` marks less than
    was asked for first; ``reason`` says why. ``session`` is the token that lets other reads see this write.
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
    spooled: bool = False
    guarantee: Guarantee = Guarantee.LINEARIZABLE
    decision: str = ""
    degraded: bool = False
    session: str = ""

    @property
    def provisional(self) -> bool:
        """Whether the version waits in a journal for the catalog."""
        return not self.committed

    @classmethod
    def parsed(cls, fields: Mapping[str, Any]) -> Receipt:
        """One as ``dataclasses.asdict`` and JSON left it; those of earlier releases lack the newest fields."""
        return cls(
            **{
                **fields,
                "mode_used": Level(fields["mode_used"]),
                "workers": tuple(fields["workers"]),
                "guarantee": Guarantee(fields.get("guarantee", Guarantee.LINEARIZABLE)),
            }
        )


@dataclass(frozen=True, slots=True)
class ReadReceipt:
    """What a read got: ``version`` was the file's head at most ``staleness_ms`` before it was looked up (0: it was the
    head then; None where that cannot be told); a listing has no version. ``provisional``, ``degraded``, ``reason`` and
    ``session`` are as in :class:`Receipt`."""

    mode_requested: str
    mode_used: Level
    version: int | None
    staleness_ms: int | None
    guarantee: Guarantee = Guarantee.LINEARIZABLE
    provisional: bool = False
    degraded: bool = False
    reason: str = ""
    session: str = ""
