"""How strongly silence suggests that a worker is down: the phi accrual failure detector (Hayashibara, Défago, Yared
and Katayama, 2004). No clock.

Phi is -log10 of the probability that the next heartbeat comes later than now, if intervals are normally distributed
as those of late: 1 means one wrong suspicion in ten, 8 one in a hundred million.
"""

from __future__ import annotations

import math
from collections import deque

INTERVALS = 120
"""Two minutes of heartbeats: enough to know the rhythm, few enough to follow it."""
LEAST_SPREAD = 0.75
"""The standard deviation is taken to be at least this share of the mean: a worker that beats like a clock may still
pause for a collection or a busy disk."""
MOST_PHI = 300.0
"""Beyond this the probability is no number a float holds."""


class HeartbeatWindow:
    """The last intervals between a worker's heartbeats. Until there are any, ``expected`` seconds are assumed.

    Not thread-safe.
    """

    def __init__(self, expected: float) -> None:
        self._expected = expected
        self._intervals: deque[float] = deque(maxlen=INTERVALS)

    def add(self, interval: float) -> None:
        """A heartbeat came ``interval`` seconds after the one before."""
        self._intervals.append(interval)

    @property
    def mean(self) -> float:
        """The usual interval in seconds. Never shorter than expected: several beats at once, after a hiccup of the
        network, are no faster rhythm."""
        return max(self._average(), self._expected)

    def phi(self, elapsed: float) -> float:
        """Suspicion after ``elapsed`` seconds without a heartbeat, from 0 to 300."""
        average, mean = self._average(), self.mean
        variance = math.fsum((interval - average) ** 2 for interval in self._intervals) / max(len(self._intervals), 1)
        spread = max(math.sqrt(variance), LEAST_SPREAD * mean)
        later = math.erfc((elapsed - mean) / (spread * math.sqrt(2))) / 2
        return MOST_PHI if later < 10.0**-MOST_PHI else abs(math.log10(later))

    def _average(self) -> float:
        return math.fsum(self._intervals) / len(self._intervals) if self._intervals else self._expected
