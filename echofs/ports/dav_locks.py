"""Locks that WebDAV clients hold (RFC 4918, section 6). They live in SQL in every deployment, so that a client may lock
through one master and write through another.

They keep clients that ask for locks out of each other's way. No promise about a file rests on them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from echofs.core.models import Timestamp


@dataclass(frozen=True, slots=True)
class DavLock:
    """``root`` is what is locked: parts that each begin with a slash, the owner's id first. Of the ``exclusive`` locks
    of one root there is one at most. ``record`` is the rest of the lock, as text of whoever put it."""

    token: str
    root: str
    exclusive: bool
    record: str
    expires_at: Timestamp


class DavLocks(ABC):
    """Methods raise :class:`CatalogUnavailable` when the database does not answer. A lock is there until it expires by
    the caller's ``now``."""

    @abstractmethod
    def add(self, lock: DavLock, now: Timestamp) -> None:
        """Add a lock. Raises :class:`Conflict` when it is exclusive and its root has another exclusive one. Drops
        all that expired."""

    @abstractmethod
    def get(self, token: str, now: Timestamp) -> DavLock | None:
        """The lock of that token."""

    @abstractmethod
    def at(self, root: str, now: Timestamp) -> list[DavLock]:
        """Those of exactly this root, by token."""

    @abstractmethod
    def below(self, root: str, now: Timestamp) -> list[DavLock]:
        """Those of everything below this root and not of itself, by root and token."""

    @abstractmethod
    def renew(self, lock: DavLock) -> None:
        """Replace ``record`` and ``expires_at`` of the lock with that token; one that is gone stays gone."""

    @abstractmethod
    def drop(self, token: str) -> bool:
        """Forget a lock; whether it was there. Idempotent."""
