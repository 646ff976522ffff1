"""What one chunk lacks, and who should make it good. Pure.

A chunk should lie on ``wanted`` workers in two zones at least. Workers that were down for long, are removed or are
being emptied do not count; those next in the chunk's placement stand in for them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from echofs.core import placement
from echofs.core.models import Digest, Intent, Member

ZONES = 2
"""In how many zones a chunk should lie, where there are as many: what a strong write demands."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The cluster as a sweep sees it: all members that are not removed, those ``lost`` that were down for long, and
    those ``unavailable`` that do not answer now."""

    members: tuple[Member, ...]
    lost: frozenset[str]
    unavailable: frozenset[str]
    wanted: int

    @property
    def staying(self) -> frozenset[str]:
        """Workers whose replicas count."""
        return frozenset(m.worker_id for m in self.members if m.intent is Intent.UP and m.worker_id not in self.lost)

    @property
    def emptying(self) -> frozenset[str]:
        """Workers whose replicas are to be copied away."""
        return frozenset(member.worker_id for member in self.members if member.intent is Intent.DRAINING)


@dataclass(frozen=True, slots=True)
class Remedy:
    """``owing`` should hold the chunk and do not yet, ``excused`` need not any more. ``urgent`` if one replica is all
    there is. ``relies_on`` are workers to be emptied that must not go yet."""

    owing: tuple[str, ...] = ()
    excused: tuple[str, ...] = ()
    urgent: bool = False
    relies_on: frozenset[str] = frozenset()


def remedy(digest: Digest, held: Collection[str], owed: Collection[str], standing: Standing) -> Remedy:
    """What is to be done for a chunk that lies on ``held`` and that ``owed`` owe a replica of.

    Whoever owes it is excused when others are enough: where a replica was owed by a worker that has gone, and where one
    came back. If nobody can stand in, all stays as it is.
    """
    good = standing.staying.intersection(held)
    coming = standing.staying.intersection(owed) - good
    owing = _stand_ins(digest, good | coming, {*held, *owed}, standing)
    expected = good | coming | {*owing}
    surplus: Collection[str] = ()
    spread = len(_zones(good, standing)) >= min(ZONES, len(_zones(expected, standing)))
    if len(good) >= standing.wanted and spread:
        surplus = owed
    elif len(expected) >= standing.wanted:
        surplus = [worker for worker in owed if worker not in coming]
    return Remedy(
        owing,
        tuple(sorted(surplus)),
        urgent=len(good) < ZONES,
        relies_on=standing.emptying.intersection(held) if len(good) < standing.wanted else frozenset(),
    )


def _stand_ins(digest: Digest, expected: frozenset[str], known: set[str], standing: Standing) -> tuple[str, ...]:
    zones = _zones(expected, standing)
    missing = standing.wanted - len(expected)
    if missing <= 0 and len(zones) >= ZONES:
        return ()
    ranked = [
        member
        for member in placement.order(standing.members, digest)
        if member.worker_id not in known and member.worker_id not in standing.lost
    ]
    ranked.sort(key=lambda member: member.worker_id in standing.unavailable)
    chosen: list[str] = []
    while ranked:
        member = next((member for member in ranked if member.zone not in zones), ranked[0])
        if missing <= 0 and (len(zones) >= ZONES or member.zone in zones):
            break
        ranked.remove(member)
        chosen.append(member.worker_id)
        zones |= {member.zone}
        missing -= 1
    return tuple(chosen)


def _zones(workers: Collection[str], standing: Standing) -> set[str]:
    return placement.zones_of(standing.members, workers)
