"""What WsgiDAV's lock manager keeps its locks in: our port, so that all masters know the same ones."""

from __future__ import annotations

import json
from typing import Any

from wsgidav.dav_error import HTTP_LOCKED, DAVError
from wsgidav.lock_man.lock_manager import generate_lock_token, normalize_lock_root, validate_lock

from echofs.core.errors import Conflict
from echofs.core.models import Timestamp
from echofs.ports.dav_locks import DavLock, DavLocks
from echofs.ports.runtime import Clock
from echofs.web.dav.failures import translated

LONGEST_SECONDS = 86_400
"""A client that is still there renews its lock long before; one that is not must not keep others out for ever."""
_SECOND = 1_000_000

Lock = dict[str, Any]
"""A lock as WsgiDAV knows it."""


class LockStorage:
    """The interface that WsgiDAV asks of a lock storage, in its own words and names."""

    def __init__(self, locks: DavLocks, clock: Clock) -> None:
        self._locks = locks
        self._clock = clock

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def cleanup(self) -> None:
        """Expired locks are purged with each new one."""

    def get(self, token: str) -> Lock | None:
        """The lock of that token, unless it expired."""
        with translated():
            found = self._locks.get(token, self._clock.now())
        return _known(found) if found else None

    def create(self, path: str, lock: Lock) -> Lock:
        """Add a lock on what ``path`` names; it gets its token and end. Raises DAVError 423 when another process was
        first."""
        now = self._clock.now()
        root = normalize_lock_root(path)
        timeout = _timeout(lock.get("timeout"))
        lock.update(root=root, timeout=timeout, expire=now / _SECOND + timeout, token=generate_lock_token())
        validate_lock(lock)
        try:
            with translated():
                self._locks.add(_kept(lock, now), now)
        except Conflict:
            raise DAVError(HTTP_LOCKED) from None
        return lock

    def refresh(self, token: str, *, timeout: float) -> Lock:
        """Give a lock more time. Raises ValueError for an unknown one."""
        lock = self.get(token)
        if lock is None:
            raise ValueError("there is no such lock")
        now = self._clock.now()
        lock["timeout"] = _timeout(timeout)
        lock["expire"] = now / _SECOND + lock["timeout"]
        with translated():
            self._locks.renew(_kept(lock, now))
        return lock

    def delete(self, token: str) -> bool:
        """Forget a lock; whether it was there."""
        with translated():
            return self._locks.drop(token)

    def get_lock_list(
        self, path: str, *, include_root: bool, include_children: bool, token_only: bool
    ) -> list[Lock] | list[str]:
        """Locks of what ``path`` names, and of all below it."""
        root, now = normalize_lock_root(path), self._clock.now()
        with translated():
            found = self._locks.at(root, now) if include_root else []
            found += self._locks.below(root, now) if include_children else []
        return [lock.token for lock in found] if token_only else [_known(lock) for lock in found]


def _timeout(wanted: float | None) -> float:
    """The seconds a lock lasts; a client without a wish, or with a negative one for ever, gets the longest."""
    return LONGEST_SECONDS if wanted is None or wanted < 0 else min(float(wanted), LONGEST_SECONDS)


def _kept(lock: Lock, now: Timestamp) -> DavLock:
    record = {name: lock[name] for name in ("type", "scope", "depth", "timeout", "principal")}
    record["owner"] = lock["owner"].decode(errors="replace")
    expires_at = now + round(lock["timeout"] * _SECOND)
    return DavLock(lock["token"], lock["root"], lock["scope"] == "exclusive", json.dumps(record), expires_at)


def _known(lock: DavLock) -> Lock:
    record = json.loads(lock.record)
    record["owner"] = record["owner"].encode()
    return {**record, "token": lock.token, "root": lock.root, "expire": lock.expires_at / _SECOND}
