"""How long something takes, by quantiles that forget: what was measured a minute ago hardly counts. No clock.

Buckets of equal ratio, as in HdrHistogram (Tene), so that every quantile is off by at most one bucket's width whatever
its size; forgetting by forward decay (Cormode, Shkapenyuk, Srivastava and Xu, 2009), which costs nothing per sample.
"""

from __future__ import annotations

import math

SHORTEST_SECONDS = 1e-4
LONGEST_SECONDS = 100.0
BUCKETS_PER_DOUBLING = 8
"""Two neighbours differ by 9 %, so a quantile told by the middle of its bucket is off by 5 % at most."""
HALF_LIFE_SECONDS = 20.0

_BUCKETS = math.ceil(math.log2(LONGEST_SECONDS / SHORTEST_SECONDS) * BUCKETS_PER_DOUBLING) + 1
_MOST_DOUBLINGS = 40.0
"""Weights grow with time; after so many doublings all are scaled down, long before a float loses small ones."""


class LatencyHistogram:
    """Not thread-safe. ``now`` is a monotonic time in seconds and must not go back by much."""

    def __init__(self, half_life: float = HALF_LIFE_SECONDS) -> None:
        self._half_life = half_life
        self._weights = [0.0] * _BUCKETS
        self._total = 0.0
        self._since: float | None = None

    def add(self, seconds: float, now: float) -> None:
        """Count one sample. What is shorter or longer than can be told apart counts as the shortest or longest."""
        weight = self._weight(now)
        self._weights[_bucket(seconds)] += weight
        self._total += weight

    def samples(self, now: float) -> float:
        """How many samples there are, each counting half after every half-life."""
        weight = self._weight(now)
        return self._total / weight

    def quantile(self, q: float) -> float | None:
        """The latency in seconds that the share ``q`` (0 to 1) of samples did not exceed; None without samples. Passing
        time alone changes nothing: all samples fade alike."""
        if not self._total:
            return None
        rank, seen = q * self._total, 0.0
        last = 0
        for bucket, weight in enumerate(self._weights):
            if weight:
                last, seen = bucket, seen + weight
                if seen >= rank:
                    break
        return _middle(last)

    def merged(self, other: LatencyHistogram, now: float) -> LatencyHistogram:
        """The samples of both, as of ``now``."""
        both = LatencyHistogram(self._half_life)
        both._since = now
        for part in (self, other):
            scale = part._weight(now)
            for bucket, weight in enumerate(part._weights):
                both._weights[bucket] += weight / scale
            both._total += part._total / scale
        return both

    def _weight(self, now: float) -> float:
        """What a sample of ``now`` weighs, that of the beginning weighing one."""
        if self._since is None:
            self._since = now
        doublings = (now - self._since) / self._half_life
        if doublings > _MOST_DOUBLINGS:
            self._rescale(doublings)
            self._since, doublings = now, 0.0
        return math.exp2(doublings)

    def _rescale(self, doublings: float) -> None:
        # Of what is very old nothing is left: 2 to a large negative power is 0.
        scale = math.exp2(-doublings)
        self._weights = [weight * scale for weight in self._weights]
        self._total = sum(self._weights)


def _bucket(seconds: float) -> int:
    if seconds <= SHORTEST_SECONDS:
        return 0
    return min(int(math.log2(seconds / SHORTEST_SECONDS) * BUCKETS_PER_DOUBLING), _BUCKETS - 1)


def _middle(bucket: int) -> float:
    return SHORTEST_SECONDS * math.exp2((bucket + 0.5) / BUCKETS_PER_DOUBLING)
