"""A circuit breaker: whoever keeps failing is left alone for a while instead of being waited for each time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

FAILURES = 3
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 10.0


class Breaker:
    """Opens after several failures in a row, and then lets one call through after each pause as a trial; the pause
    doubles until one succeeds (M. Nygard, *Release It!*). Thread-safe."""

    def __init__(self, *, failures: int = FAILURES, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit = failures
        self._monotonic = monotonic
        self._failed = 0
        self._pause = FIRST_PAUSE_SECONDS
        self._trial_at = 0.0
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether calls are turned away."""
        return self._failed >= self._limit

    def admit(self) -> bool:
        """Whether a call may be made now; each must be followed by :meth:`succeeded` or :meth:`failed`."""
        with self._lock:
            now = self._monotonic()
            if not self.is_open:
                return True
            if now < self._trial_at:
                return False
            self._trial_at = now + self._pause
            return True

    def succeeded(self) -> None:
        """A call was answered."""
        with self._lock:
            self._failed = 0
            self._pause = FIRST_PAUSE_SECONDS

    def failed(self) -> None:
        """A call was not answered, or not usefully."""
        with self._lock:
            if self.is_open:
                self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
            self._failed += 1
            self._trial_at = self._monotonic() + self._pause
