"""Users and revoked tokens. They live in SQL in every deployment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection

from echofs.core.models import Role, Timestamp, User


class UserDirectory(ABC):
    """Who may log in. Methods raise :class:`CatalogUnavailable` when the database does not answer."""

    @abstractmethod
    def add(self, user: User) -> None:
        """Add a user. Raises :class:`NameTaken` (its ``field`` is ``username`` or ``email``) when, compared by
        ``names.fold``, either is in use."""

    @abstractmethod
    def by_id(self, user_id: str) -> User:
        """Raises :class:`NotFound`."""

    @abstractmethod
    def by_login(self, login: str) -> User:
        """The user with that name or e-mail address, compared by ``names.fold``. Raises :class:`NotFound`."""

    @abstractmethod
    def set_password(self, user_id: str, password_hash: str) -> int:
        """Replace the hash, advance the token epoch so that all earlier tokens stop working, and return the new
        epoch."""

    @abstractmethod
    def set_email(self, user_id: str, email: str) -> None:
        """Change the address. Idempotent. Raises :class:`NameTaken` when, compared by ``names.fold``, another user
        answers to it."""

    @abstractmethod
    def page(self, after: str, limit: int) -> list[User]:
        """Up to ``limit`` users in the order of their ids, those after the id ``after``."""

    @abstractmethod
    def revocations(self, after: str, limit: int) -> list[tuple[str, Timestamp]]:
        """Up to ``limit`` revoked tokens in the order of their ids, those after the id ``after``, each with the time
        from which it may be forgotten."""

    @abstractmethod
    def set_disabled(self, user_id: str, disabled: bool) -> None:
        """Lock or unlock the account; locking advances the token epoch. Idempotent."""

    @abstractmethod
    def set_role(self, user_id: str, role: Role) -> None:
        """Change the role and advance the token epoch."""

    @abstractmethod
    def revoke(self, token_ids: Collection[str], expires_at: Timestamp) -> int:
        """Refuse tokens with these ids from now on; they may be forgotten after ``expires_at``. Idempotent.

        Returns how many of them were not refused before: of two callers who revoke one id at once, exactly one is told
        1.
        """

    @abstractmethod
    def revoked(self, token_ids: Collection[str]) -> bool:
        """Whether any of these ids is revoked."""

    @abstractmethod
    def forget_revoked(self, before: Timestamp) -> int:
        """Drop revocations that expired before; how many."""
