"""What a catalog keeps of conflicts, and of the floors that owners set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from echofs.core.models import ConflictRecord, ConflictState, Floor, FloorScope, Timestamp


@dataclass(frozen=True, slots=True)
class ConflictPage:
    """Conflicts, the newest first; ``next`` is the cursor of the following page, ``""`` at the end."""

    conflicts: tuple[ConflictRecord, ...]
    next: str = ""


class Disputes(ABC):
    """The part of every catalog that is about conflicts and floors."""

    @abstractmethod
    def record_conflict(self, record: ConflictRecord) -> None:
        """Record a conflict by itself. Idempotent: one of that id is left as it is."""

    @abstractmethod
    def conflicts(
        self, owner_id: str, state: ConflictState | None = None, after: str = "", limit: int = 100
    ) -> ConflictPage:
        """A user's conflicts, the newest first. Raises :class:`InvalidRequest` for a malformed cursor."""

    @abstractmethod
    def conflict(self, owner_id: str, conflict_id: str) -> ConflictRecord:
        """One conflict. Raises :class:`NotFound`."""

    @abstractmethod
    def close_conflict(
        self, owner_id: str, conflict_id: str, kept: Sequence[tuple[str, int]], now: Timestamp
    ) -> ConflictRecord:
        """The owner has decided: an open conflict becomes resolved, with what was kept. Idempotent: one that is
        resolved stays as it is. Raises :class:`NotFound`."""

    @abstractmethod
    def floors(self, owner_id: str) -> list[Floor]:
        """All floors a user has set, by scope and key."""

    @abstractmethod
    def set_floor(self, floor: Floor) -> None:
        """Set a floor, in the place of the one for the same scope and key. Idempotent."""

    @abstractmethod
    def drop_floor(self, owner_id: str, scope: FloorScope, key: str) -> None:
        """Forget a floor. Idempotent."""
