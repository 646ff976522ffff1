"""A bound on the bytes of chunks in flight, shared by all uploads of a process."""

from __future__ import annotations

import threading

from echofs.core.errors import Unavailable


class MemoryBudget:
    """A counting semaphore over bytes. One request may exceed the whole budget when nothing else is held, so that a
    chunk larger than the budget is slow rather than impossible."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._freed = threading.Condition()

    def acquire(self, size: int, timeout: float) -> None:
        """Wait until ``size`` bytes fit. Raises :class:`Unavailable` after ``timeout`` seconds."""
        with self._freed:
            if not self._freed.wait_for(lambda: self._held == 0 or self._held + size <= self._limit, timeout):
                raise Unavailable("Too many uploads are in progress; try again shortly.", retry_after=2)
            self._held += size

    def try_acquire(self, size: int) -> bool:
        """Take ``size`` bytes if they fit now; whether it did."""
        with self._freed:
            if self._held and self._held + size > self._limit:
                return False
            self._held += size
            return True

    def release(self, size: int) -> None:
        """Give back what :meth:`acquire` granted."""
        with self._freed:
            self._held -= size
            self._freed.notify_all()

    @property
    def held(self) -> int:
        """Bytes granted now."""
        return self._held
