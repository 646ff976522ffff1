"""One chunk on its way to its replicas, as a state machine: events in, the next worker to try out. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from echofs.core.consistency import DEMANDS, quorum_met
from echofs.core.models import Digest, Level


class ChunkWrite:
    """Decides where one chunk goes next and when it is as safe as ``level`` demands of workers.

    ``candidates`` are worker ids in placement order. Those in ``unavailable`` are better left alone now: they are owed
    a replica rather than tried, unless the quorum cannot be met without them, and those in ``down`` come last of all.
    No worker is tried twice.
    """

    def __init__(
        self,
        digest: Digest,
        candidates: Sequence[str],
        wanted: int,
        *,
        unavailable: frozenset[str] = frozenset(),
        down: frozenset[str] = frozenset(),
        level: Level = Level.STRONG,
    ) -> None:
        self.digest = digest
        self.wanted = wanted
        self.level = level
        self.acknowledged: list[str] = []
        self._placement = list(candidates)
        left_alone = unavailable | down
        self._untried = [worker for worker in candidates if worker not in left_alone]
        self._last_resort = sorted((worker for worker in candidates if worker in left_alone), key=down.__contains__)
        self._pending: set[str] = set()

    def on_stored(self, worker: str) -> None:
        """``worker`` made the chunk durable. Repeating it changes nothing."""
        self._pending.discard(worker)
        if worker not in self.acknowledged:
            self.acknowledged.append(worker)

    def on_failed(self, worker: str) -> None:
        """``worker`` refused, is full, or did not answer in time. :meth:`next_workers` names its stand-in."""
        self._pending.discard(worker)

    def next_workers(self, zones: Mapping[str, str]) -> list[str]:
        """Workers to send the chunk to now; call it first of all, and after every :meth:`on_failed`.

        They are as many as the wanted number needs, and more while the quorum could not stand even if all that were
        asked answered well: because those believed to be up are too few, or all lie in one zone.
        """
        missing = self.wanted - len(self.acknowledged) - len(self._pending)
        chosen = [self._try(worker) for worker in self._untried[: max(missing, 0)]]
        while not quorum_met(self._asked(), zones, self.level) and (helpful := self._helpful(zones)) is not None:
            chosen.append(self._try(helpful))
        return chosen

    def satisfied(self, zones: Mapping[str, str], level: Level | None = None) -> bool:
        """Whether the quorum of ``level`` stands, by default of the chunk's own; ``zones`` maps every known worker to
        its zone."""
        return quorum_met(self.acknowledged, zones, level or self.level)

    def enough(self, zones: Mapping[str, str]) -> bool:
        """Whether nobody has to wait any longer for a chunk that is as safe as its level demands.

        Below ``strong`` an early answer is worth more than the remaining replicas, but where workers can take the place
        of the spool they are waited for.
        """
        if self.level is Level.AVAILABLE:
            return self.satisfied(zones, Level.STRONG)
        return self.level is Level.HYBRID and self.satisfied(zones)

    def hedge(self) -> list[str]:
        """One more worker to ask although answers are still awaited, because they are slow; none if all were asked. One
        that is better left alone may be the only one that answers."""
        left = [*self._untried, *self._last_resort]
        return [self._try(left[0])] if left else []

    @property
    def pending(self) -> frozenset[str]:
        """The workers whose answer is awaited."""
        return frozenset(self._pending)

    @property
    def settled(self) -> bool:
        """Whether no answer is awaited."""
        return not self._pending

    def owed(self) -> list[str]:
        """The workers that owe a replica as things stand: unanswered ones first, then placement order."""
        missing = self.wanted - len(self.acknowledged)
        waiting = [worker for worker in self._placement if worker in self._pending]
        others = [
            worker for worker in self._placement if worker not in self._pending and worker not in self.acknowledged
        ]
        return (waiting + others)[: max(missing, 0)]

    def _asked(self) -> list[str]:
        return [*self.acknowledged, *self._pending]

    def _helpful(self, zones: Mapping[str, str]) -> str | None:
        """The next worker whose answer would bring the quorum nearer: from a zone not asked yet if there is one."""
        left = [*self._untried, *self._last_resort]
        covered = {zones.get(worker) for worker in self._asked()}
        elsewhere = next((worker for worker in left if zones.get(worker) not in covered), None)
        if elsewhere is not None:
            return elsewhere
        return left[0] if left and len(self._asked()) < DEMANDS[self.level].replicas else None

    def _try(self, worker: str) -> str:
        source = self._untried if worker in self._untried else self._last_resort
        source.remove(worker)
        self._pending.add(worker)
        return worker
