"""Passwords for programs, such as those that mount files. They live in SQL in every deployment, beside the users."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from echofs.core.models import Digest, Timestamp


@dataclass(frozen=True, slots=True)
class AppPassword:
    """A random secret of which only the SHA-256 is kept: it is too long to be guessed, so no slow hash is needed."""

    id: str
    user_id: str
    name: str
    digest: Digest = field(repr=False)
    created_at: Timestamp
    last_used_at: Timestamp | None = None


class AppPasswords(ABC):
    """Methods raise :class:`CatalogUnavailable` when the database does not answer."""

    @abstractmethod
    def add(self, password: AppPassword, most: int) -> None:
        """Add one. Raises :class:`Conflict` when the user has ``most`` already; several added at once may exceed
        that by as many."""

    @abstractmethod
    def listed(self, user_id: str) -> list[AppPassword]:
        """All of a user, the oldest first."""

    @abstractmethod
    def find(self, user_id: str, digest: Digest) -> AppPassword | None:
        """The user's app password of that digest."""

    @abstractmethod
    def note_use(self, password_id: str, at: Timestamp) -> None:
        """It was used. Unknown ones are ignored; an earlier time than the one known changes nothing."""

    @abstractmethod
    def remove(self, user_id: str, password_id: str) -> AppPassword:
        """End one; what it was. Raises :class:`NotFound`, also for another user's."""

    @abstractmethod
    def remove_all(self, user_id: str) -> int:
        """End all of a user; how many there were."""
