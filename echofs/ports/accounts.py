"""Users and revoked tokens. They live in SQL in every deployment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from echofs.core.models import Role, Timestamp, User


class Keep(Enum):
    """Stands where None would be a value."""

    KEEP = "keep"


Quota = int | Keep | None
"""Bytes, None for as much as there is room, or what there is already."""


@dataclass(frozen=True, slots=True)
class UserChange:
    """What an administrator changes of a user; what is not given stays as it is. ``quota_bytes`` None takes the quota
    away."""

    role: Role | None = None
    disabled: bool | None = None
    quota_bytes: Quota = Keep.KEEP

    @property
    def retires(self) -> bool:
        """Whether an administrator it is done to is none afterwards."""
        return self.role is Role.USER or self.disabled is True


@dataclass(frozen=True, slots=True)
class UserPage:
    """Users by name; ``next`` is the cursor of the following page, ``""`` at the end."""

    users: tuple[User, ...]
    next: str = ""


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
    def search(self, text: str, after: str, limit: int) -> UserPage:
        """One page of the users whose name or e-mail address contains ``text``, compared by ``names.fold``; no
        character stands for others. ``after`` is the cursor of the page before. A cursor stays valid while users come
        and go, and any text is one."""

    @abstractmethod
    def revocations(self, after: str, limit: int) -> list[tuple[str, Timestamp]]:
        """Up to ``limit`` revoked tokens in the order of their ids, those after the id ``after``, each with the time
        from which it may be forgotten."""

    @abstractmethod
    def amend(self, user_id: str, change: UserChange) -> User:
        """Change all that is given at once; the user afterwards. Another role, or locking the account, advances the
        token epoch. Idempotent.

        Raises :class:`NotFound`, and :class:`Conflict` when it would leave no administrator who can log in where there
        was one, however many are retired at once.
        """

    @abstractmethod
    def note_login(self, user_id: str, at: Timestamp) -> None:
        """The user logged in. Unknown users are ignored; an earlier time than the one known changes nothing."""

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
