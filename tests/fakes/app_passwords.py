"""App passwords in a dictionary."""

from __future__ import annotations

from dataclasses import replace

from echofs.core.errors import Conflict, NotFound
from echofs.core.models import Digest, Timestamp
from echofs.ports.app_passwords import AppPassword, AppPasswords


class MemoryAppPasswords(AppPasswords):
    """``work`` counts searches: what a stranger could measure as time."""

    def __init__(self) -> None:
        self._known: dict[str, AppPassword] = {}
        self.work = 0

    def add(self, password: AppPassword, most: int) -> None:
        if len(self.listed(password.user_id)) >= most:
            raise Conflict("There are too many app passwords.")
        self._known[password.id] = password

    def listed(self, user_id: str) -> list[AppPassword]:
        own = [password for password in self._known.values() if password.user_id == user_id]
        return sorted(own, key=lambda password: (password.created_at, password.id))

    def find(self, user_id: str, digest: Digest) -> AppPassword | None:
        self.work += 1
        return next((password for password in self.listed(user_id) if password.digest == digest), None)

    def note_use(self, password_id: str, at: Timestamp) -> None:
        password = self._known.get(password_id)
        if password is not None:
            self._known[password_id] = replace(password, last_used_at=max(at, password.last_used_at or 0))

    def remove(self, user_id: str, password_id: str) -> AppPassword:
        password = self._known.get(password_id)
        if password is None or password.user_id != user_id:
            raise NotFound("There is no such app password.")
        return self._known.pop(password_id)

    def remove_all(self, user_id: str) -> int:
        own = self.listed(user_id)
        for password in own:
            del self._known[password.id]
        return len(own)
