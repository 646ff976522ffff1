"""How long writes took lately, level by level: what a client's latency goal is compared with."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping

from echofs.core.models import Level
from echofs.ports.runtime import Clock

KEPT = 256
FORGOTTEN_SECONDS = 60.0
"""Older samples count for nothing, so that a level given up for its slowness is tried again."""
FEWEST = 8
LARGEST = 1 << 20
"""Bytes: writes of more take as long as their bodies take to arrive."""
_QUANTILE = 0.95


class WriteLatencies:
    """Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._samples: dict[Level, deque[tuple[float, float]]] = {level: deque(maxlen=KEPT) for level in Level}

    def observe(self, level: Level, seconds: float, size: int) -> None:
        """A write of ``size`` bytes took so long from the arrival of its request."""
        if size <= LARGEST:
            with self._lock:
                self._samples[level].append((self._clock.monotonic(), seconds))

    def expected(self, size: int | None) -> Mapping[Level, float]:
        """The 95th percentile in seconds of each level that was used enough within the last minute; nothing for sizes
        it cannot say anything about."""
        if size is not None and size > LARGEST:
            return {}
        since = self._clock.monotonic() - FORGOTTEN_SECONDS
        found: dict[Level, float] = {}
        with self._lock:
            for level, samples in self._samples.items():
                lately = sorted(seconds for at, seconds in samples if at >= since)
                if len(lately) >= FEWEST:
                    found[level] = lately[int(_QUANTILE * (len(lately) - 1))]
        return found
