"""What a catalog keeps beside the living files: the trash, old versions, and how much each user has stored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from echofs.core.models import Timestamp
from echofs.core.retention import Kept
from echofs.core.usage import Usage


@dataclass(frozen=True, slots=True)
class Trashed:
    """A deleted file that may come back. ``number`` is the version that was deleted, ``size`` its bytes."""

    file_id: str
    owner_id: str
    path: str
    number: int
    size: int
    deleted_at: Timestamp


@dataclass(frozen=True, slots=True)
class TrashPage:
    """Deleted files, the newest first; ``next`` is the cursor of the following page, ``""`` at the end."""

    files: tuple[Trashed, ...]
    next: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """All versions that are there of one file, the newest first, and which of them are needed: the one that brought
    the head's bytes, which its etag names, and the one the trash would bring back."""

    file_id: str
    versions: tuple[Kept, ...]
    needed: frozenset[int]


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Histories with more than one version, possibly none; ``next`` is the cursor of the following page, ``""`` at the
    end."""

    histories: tuple[History, ...]
    next: str = ""


class Trash(ABC):
    """The trash and the usage change within the commits that cause it; see :class:`echofs.ports.catalog.Commit`."""

    @abstractmethod
    def trash(self, owner_id: str, after: str = "", limit: int = 100) -> TrashPage:
        """A user's deleted files, the newest first. Raises :class:`InvalidRequest` for a malformed cursor."""

    @abstractmethod
    def trashed(self, owner_id: str, file_id: str) -> Trashed:
        """One deleted file. Linearizable. Raises :class:`NotFound` unless it is in this user's trash."""

    @abstractmethod
    def purge(self, owner_id: str, seen: Collection[Trashed]) -> int:
        """Forget deleted files for good, with all their versions but the tombstone, so that they stay deleted; how
        many. Those that are not in this user's trash as they were seen there are left alone: whatever was restored and
        deleted again meanwhile has its time before it. Idempotent."""

    @abstractmethod
    def expired(self, before: Timestamp, limit: int) -> list[Trashed]:
        """What was deleted before that, of all users; the longest ago first, as far as the engine knows."""

    @abstractmethod
    def usage(self, owner_id: str) -> Usage:
        """What a user has stored. Linearizable. Nothing for a user nobody has heard of."""

    @abstractmethod
    def usages(self, owner_ids: Collection[str]) -> Mapping[str, Usage]:
        """What each of these users has stored; nothing for a user nobody has heard of."""

    @abstractmethod
    def histories(self, after: str = "", limit: int = 200) -> HistoryPage:
        """One page of the histories of all files, those of about ``limit`` at most, in an order that is the engine's
        own; ``after`` is the cursor of the page before. Raises :class:`InvalidRequest` for a malformed cursor."""

    @abstractmethod
    def drop_versions(self, file_id: str, numbers: Collection[int]) -> int:
        """Forget versions that are heads no longer and that the trash does not refer to; how many. Idempotent."""

    @abstractmethod
    def recount(self) -> None:
        """Make trash and usage what follows from the files and their versions. Only for a catalog nobody else writes
        to, once it was restored. Idempotent."""
