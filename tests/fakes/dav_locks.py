"""Locks in memory."""

from __future__ import annotations

from dataclasses import replace

from echofs.core.errors import Conflict
from echofs.core.models import Timestamp
from echofs.ports.dav_locks import DavLock, DavLocks


class FakeDavLocks(DavLocks):
    """Passes the contract of the real ones."""

    def __init__(self) -> None:
        self._locks: dict[str, DavLock] = {}

    def add(self, lock: DavLock, now: Timestamp) -> None:
        if lock.exclusive and any(other.exclusive for other in self.at(lock.root, now)):
            raise Conflict("Somebody else has locked this already.")
        self._locks = {living.token: living for living in self._living(now)}
        self._locks[lock.token] = lock

    def get(self, token: str, now: Timestamp) -> DavLock | None:
        lock = self._locks.get(token)
        return lock if lock is not None and lock.expires_at > now else None

    def at(self, root: str, now: Timestamp) -> list[DavLock]:
        return [lock for lock in self._living(now) if lock.root == root]

    def below(self, root: str, now: Timestamp) -> list[DavLock]:
        return [lock for lock in self._living(now) if lock.root.startswith(f"{root}/")]

    def renew(self, lock: DavLock) -> None:
        if known := self._locks.get(lock.token):
            self._locks[lock.token] = replace(known, record=lock.record, expires_at=lock.expires_at)

    def drop(self, token: str) -> bool:
        return self._locks.pop(token, None) is not None

    def _living(self, now: Timestamp) -> list[DavLock]:
        living = [lock for lock in self._locks.values() if lock.expires_at > now]
        return sorted(living, key=lambda lock: (lock.root, lock.token))
