"""What the chunks of one version have in common."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping

from echofs.core.consistency import Receipt
from echofs.core.models import ChunkRecord, Level, Version


class Tally:
    """What all chunks of a version have in common: the fewest replicas and zones of any, and the workers that hold
    each. ``zones`` answers with the zone of every worker known at the moment: some may join during a long upload."""

    def __init__(self, zones: Callable[[], Mapping[str, str]]) -> None:
        self._zones = zones
        self.replicas = 0
        self.zones = 0
        self.workers: frozenset[str] = frozenset()
        self.owed = 0
        self._chunks = 0

    def add(self, record: ChunkRecord) -> None:
        """Count one chunk."""
        self.count(record.replicas, len(record.owed))

    def count(self, replicas: Iterable[str], owed: int) -> None:
        """Count one chunk that these workers hold and so many others owe."""
        held, known = frozenset(replicas), self._zones()
        zones = len({known[worker] for worker in held if worker in known})
        first = self._chunks == 0
        self.replicas = len(held) if first else min(self.replicas, len(held))
        self.zones = zones if first else min(self.zones, zones)
        self.workers = held if first else self.workers & held
        self.owed += owed
        self._chunks += 1

    def including(self, records: Iterable[ChunkRecord]) -> Tally:
        """A copy that counts some more chunks."""
        wider = copy.copy(self)
        for record in records:
            wider.add(record)
        return wider

    def receipt(
        self,
        version: Version,
        level: Level,
        *,
        asked: str,
        wanted: int,
        seconds: float,
        reason: str,
        spooled: bool = False,
        decision: str = "",
        degraded: bool = False,
    ) -> Receipt:
        """What a write of that version got, once it is committed. ``asked`` is the level in its client's words,
        ``wanted`` the replicas every chunk should have, ``seconds`` how long it took."""
        return Receipt(
            mode_requested=asked,
            mode_used=level,
            version=version.number,
            dot=f"{version.dot.origin}:{version.dot.counter}",
            replicas=self.replicas,
            replicas_wanted=wanted,
            zones=self.zones,
            workers=tuple(sorted(self.workers)),
            owed=self.owed,
            committed=True,
            latency_ms=round(seconds * 1000, 1),
            reason=reason,
            spooled=spooled,
            decision=decision,
            degraded=degraded,
        )
