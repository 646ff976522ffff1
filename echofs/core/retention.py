"""Which old versions of a file need not be kept any longer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from echofs.core.models import Timestamp

SETTLED_HOURS = 24
"""A version that was replaced less long ago is kept whatever the rule says: retries and replays of the same write are
known by it."""
_HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A version that is there, as far as keeping it is concerned."""

    number: int
    created_at: Timestamp


@dataclass(frozen=True, slots=True)
class Rule:
    """Of each file those of the newest ``versions`` stay, the head included, that were replaced less than ``days`` ago
    (0: however long ago that is)."""

    versions: int
    days: float


def outlived(history: Sequence[Kept], needed: Collection[int], rule: Rule, now: Timestamp) -> list[int]:
    """The numbers of the versions to drop. ``history`` has the newest first, which is the head and stays, as do those
    that are ``needed``."""
    settled = now - SETTLED_HOURS * _HOUR
    oldest = now - int(rule.days * 24 * _HOUR) if rule.days else None
    dropped = []
    for rank, (newer, version) in enumerate(pairwise(history), start=1):
        replaced_at = newer.created_at
        over = rank >= rule.versions or (oldest is not None and replaced_at < oldest)
        if over and replaced_at < settled and version.number not in needed:
            dropped.append(version.number)
    return dropped
