"""How long requests took lately, level by level: what latency goals are compared with, and what is reported."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from itertools import product

from echofs.core.advice import OpClass, Quantiles
from echofs.core.models import Level
from echofs.ports.runtime import Clock

KEPT = 256
FORGOTTEN_SECONDS = 60.0
"""Older samples count for nothing, so that a level given up for its slowness is tried again."""
FEWEST = 8


class Latencies:
    """Those of one process. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._samples: dict[tuple[OpClass, Level], deque[tuple[float, float]]] = {
            key: deque(maxlen=KEPT) for key in product(OpClass, Level)
        }
        self._observed = dict.fromkeys(OpClass, 0)

    def observe(self, op_class: OpClass, level: Level, seconds: float) -> None:
        """A request took so long at this level, from its arrival to its answer; a large write from its last byte."""
        with self._lock:
            self._observed[op_class] += 1
            self._samples[op_class, level].append((self._clock.monotonic(), seconds))

    def observed(self, op_class: OpClass) -> int:
        """How many requests of a class there were since the process began."""
        return self._observed[op_class]

    def quantiles(self) -> Mapping[OpClass, Mapping[Level, Quantiles]]:
        """Those of the last minute, without what was not used."""
        found: dict[OpClass, dict[Level, Quantiles]] = {}
        for op_class, level in self._samples:
            lately = self._lately(op_class, level)
            if lately:
                found.setdefault(op_class, {})[level] = Quantiles.of(lately)
        return found

    def expected(self, op_class: OpClass) -> Mapping[Level, float]:
        """In how many seconds 95 of 100 requests were answered, for each level that was used enough lately."""
        lately = {level: self._lately(op_class, level) for level in Level}
        return {level: Quantiles.of(seconds).p95 for level, seconds in lately.items() if len(seconds) >= FEWEST}

    def _lately(self, op_class: OpClass, level: Level) -> list[float]:
        since = self._clock.monotonic() - FORGOTTEN_SECONDS
        with self._lock:
            return [seconds for at, seconds in self._samples[op_class, level] if at >= since]
