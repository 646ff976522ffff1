"""What keeps writes from waiting, one after the other, for a level that workers have just failed."""

from __future__ import annotations

import threading

from echofs.core.goals import stronger
from echofs.core.models import Level
from echofs.ports.runtime import Clock

AVOIDED_SECONDS = 2.0
"""How long a level is avoided, and how far apart those writes are that try it all the same."""


class Setbacks:
    """A circuit breaker (Nygard, *Release It!*) for each level of one process. Thread-safe.

    It reacts within one time-out, where the cluster takes some seconds to call a silent worker down. Only writes that
    have a weaker level left are kept from trying.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._next_try: dict[Level, float] = {}

    def missed(self, level: Level) -> None:
        """A write could not be made as durable as ``level`` demands."""
        with self._lock:
            self._next_try[level] = self._clock.monotonic() + AVOIDED_SECONDS

    def met(self, level: Level) -> None:
        """A write was: so may others, at this level and at weaker ones."""
        if self._next_try:
            with self._lock:
                self._next_try = {
                    missed: until for missed, until in self._next_try.items() if stronger(level, missed) is not level
                }

    def avoided(self) -> frozenset[Level]:
        """The levels that whoever asks should not try. When one was avoided for long enough, the first to ask may."""
        if not self._next_try:
            return frozenset()
        now = self._clock.monotonic()
        with self._lock:
            avoided = {level for level, until in self._next_try.items() if now < until}
            for level in self._next_try.keys() - avoided:
                self._next_try[level] = now + AVOIDED_SECONDS
        return frozenset(avoided)
