"""What one process has seen of a worker itself: connection failures, forgotten after a while or at the first success.

A failure detector of the simplest kind: binary and local, as Chandra and Toueg ("Unreliable failure detectors for
reliable distributed systems", 1996) require of nobody but allow anybody. It may be wrong; then a replica goes to a
stand-in first.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from echofs.ports.runtime import Clock

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Suspicion:
    until: float
    seconds: float


class Suspicions:
    """Workers to leave alone for now. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._suspicions: dict[str, _Suspicion] = {}

    def fail(self, worker_id: str) -> None:
        """A connection failed: avoid the worker for a second, twice as long after each attempt that fails again, ten
        seconds at most. Failures while it is avoided belong to the same attempt and change nothing."""
        with self._lock:
            now = self._clock.monotonic()
            known = self._suspicions.get(worker_id)
            if known is not None and now < known.until:
                return
            seconds = FIRST_SECONDS if known is None else min(known.seconds * 2, LONGEST_SECONDS)
            self._suspicions[worker_id] = _Suspicion(now + seconds, seconds)

    def clear(self, worker_id: str) -> None:
        """The worker answered."""
        # Every answer of every worker comes by here, and hardly ever is there anything to clear.
        if worker_id in self._suspicions:
            with self._lock:
                self._suspicions.pop(worker_id, None)

    def current(self) -> frozenset[str]:
        """The workers to avoid now. One whose time is up is not among them, and so gets tried."""
        if not self._suspicions:
            return frozenset()
        with self._lock:
            now = self._clock.monotonic()
            return frozenset(worker for worker, suspicion in self._suspicions.items() if now < suspicion.until)
