"""What a user sees of conflicts, and decides about those that are open."""

from __future__ import annotations

from echofs.core import conflicts
from echofs.core.conflicts import Keep, Merging, Resolution, Scene
from echofs.core.entries import JournalEntry, decode
from echofs.core.models import ConflictRecord, ConflictState
from echofs.ports.catalog import Catalog
from echofs.ports.disputes import ConflictPage
from echofs.ports.runtime import Clock
from echofs.services.resolving import Resolver


class Conflicts:
    """A user's conflicts. Another user's is not found. Thread-safe."""

    def __init__(self, catalog: Catalog, resolver: Resolver, clock: Clock) -> None:
        self._catalog = catalog
        self._resolver = resolver
        self._clock = clock

    def page(self, owner_id: str, state: ConflictState | None, after: str, limit: int) -> ConflictPage:
        """Conflicts, the newest first. Raises :class:`InvalidRequest` for a malformed cursor."""
        return self._catalog.conflicts(owner_id, state, after, limit)

    def find(self, owner_id: str, conflict_id: str) -> ConflictRecord:
        """Raises :class:`NotFound`."""
        return self._catalog.conflict(owner_id, conflict_id)

    def resolve(self, owner_id: str, conflict_id: str, keep: Keep) -> ConflictRecord:
        """Do what the owner decided. Idempotent: a conflict that is resolved stays as it is.

        Raises :class:`NotFound`, :class:`HeadMoved` when others kept changing the file meanwhile, and
        :class:`Unavailable`; the conflict is open still then.
        """
        record = self._catalog.conflict(owner_id, conflict_id)
        if record.state is ConflictState.RESOLVED:
            return record

        def decide(entry: JournalEntry, scene: Scene, taken: frozenset[str], merging: Merging | None) -> Resolution:
            return conflicts.decide(entry, scene, keep, taken=taken)

        brought = self._resolver.bring(decode(record.entry.encode()), decide, by_owner=True)
        return self._catalog.close_conflict(owner_id, conflict_id, brought.kept, self._clock.now())
