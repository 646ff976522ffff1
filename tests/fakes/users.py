"""Users and revoked tokens in a dictionary."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from threading import Lock

from echofs.core.errors import Conflict, NameTaken, NotFound
from echofs.core.models import Role, Timestamp, User
from echofs.core.names import fold
from echofs.ports.accounts import Keep, UserChange, UserDirectory, UserPage


class MemoryUsers(UserDirectory):
    """Safe to share between threads; forgets everything with the process."""

    def __init__(self) -> None:
        self._users: dict[str, User] = {}
        self._revoked: dict[str, Timestamp] = {}
        self._lock = Lock()

    def add(self, user: User) -> None:
        with self._lock:
            taken = {fold(text) for other in self._users.values() for text in (other.name, other.email)}
            if fold(user.name) in taken:
                raise NameTaken("That user name is taken.", field="username")
            if fold(user.email) in taken:
                raise NameTaken("That e-mail address is registered already.", field="email")
            self._users[user.id] = user

    def by_id(self, user_id: str) -> User:
        try:
            return self._users[user_id]
        except KeyError:
            raise NotFound("There is no such user.") from None

    def by_login(self, login: str) -> User:
        wanted = fold(login)
        for user in list(self._users.values()):
            if wanted in (fold(user.name), fold(user.email)):
                return user
        raise NotFound("There is no such user.")

    def set_password(self, user_id: str, password_hash: str) -> int:
        with self._lock:
            user = self.by_id(user_id)
            epoch = user.token_epoch + 1
            self._users[user_id] = replace(user, password_hash=password_hash, token_epoch=epoch)
            return epoch

    def set_email(self, user_id: str, email: str) -> None:
        with self._lock:
            user = self.by_id(user_id)
            others = (other for other in self._users.values() if other.id != user_id)
            if fold(email) in {fold(text) for other in others for text in (other.name, other.email)}:
                raise NameTaken("That e-mail address is registered already.", field="email")
            self._users[user_id] = replace(user, email=email)

    def page(self, after: str, limit: int) -> list[User]:
        return [self._users[key] for key in sorted(self._users) if key > after][:limit]

    def revocations(self, after: str, limit: int) -> list[tuple[str, Timestamp]]:
        return [item for item in sorted(self._revoked.items()) if item[0] > after][:limit]

    def search(self, text: str, after: str, limit: int) -> UserPage:
        wanted = fold(text)
        found = sorted(
            (user for user in self._users.values() if wanted in fold(user.name) or wanted in fold(user.email)),
            key=lambda user: fold(user.name),
        )
        found = [user for user in found if fold(user.name) > after]
        return UserPage(tuple(found[:limit]), fold(found[limit - 1].name) if len(found) > limit else "")

    def amend(self, user_id: str, change: UserChange) -> User:
        with self._lock:
            user = self.by_id(user_id)
            administrators = [
                known.id for known in self._users.values() if known.role is Role.ADMIN and not known.disabled
            ]
            if change.retires and administrators == [user_id]:
                raise Conflict("This is the last administrator.")
            role = change.role or user.role
            disabled = user.disabled if change.disabled is None else change.disabled
            ends = role is not user.role or (disabled and not user.disabled)
            self._users[user_id] = replace(
                user,
                role=role,
                disabled=disabled,
                quota_bytes=user.quota_bytes if isinstance(change.quota_bytes, Keep) else change.quota_bytes,
                token_epoch=user.token_epoch + ends,
            )
            return self._users[user_id]

    def note_login(self, user_id: str, at: Timestamp) -> None:
        with self._lock:
            user = self._users.get(user_id)
            if user is not None:
                self._users[user_id] = replace(user, last_login_at=max(at, user.last_login_at or 0))

    def revoke(self, token_ids: Collection[str], expires_at: Timestamp) -> int:
        with self._lock:
            fresh = set(token_ids) - self._revoked.keys()
            self._revoked.update(dict.fromkeys(token_ids, expires_at))
            return len(fresh)

    def revoked(self, token_ids: Collection[str]) -> bool:
        return not self._revoked.keys().isdisjoint(token_ids)

    def forget_revoked(self, before: Timestamp) -> int:
        with self._lock:
            expired = [token_id for token_id, until in self._revoked.items() if until < before]
            for token_id in expired:
                del self._revoked[token_id]
            return len(expired)
