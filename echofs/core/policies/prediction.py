"""Which share of requests a level would serve within a time, predicted from what was measured of its parts.

After probabilistically bounded staleness (Bailis et al., 2012), which predicts quorum operations from the latency
distributions of single replicas. There samples are drawn; here the same numbers are computed: the chance that enough of
several workers answer in time is a Poisson binomial distribution, and the catalog's time is added by going through its
quantiles. So equal inputs give equal predictions.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from echofs.core.advice import LinkReport, OpClass, Quantiles
from echofs.core.models import Level
from echofs.core.policies.values import Params, Snapshot

_STRATA = 20
"""Equally likely parts into which the catalog's latencies are divided."""
_MODEL_SAMPLES = 64
"""A model is believed as much as this many requests at most: it leaves out what happens inside a master."""
_SHORTEST = 1e-6
_SHARES = (0.0, 0.5, 0.95, 0.99, 1.0)
_ACKNOWLEDGEMENTS = {Level.STRONG: 2, Level.HYBRID: 1, Level.AVAILABLE: 0}

Within = Callable[[float], float]
"""The share of calls that take at most so many seconds."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """``share`` of requests within the goal, as well known as if ``samples`` requests had been counted; with none,
    nothing is known and the share is 1. ``possible`` is False for a level that cannot be met at all."""

    share: float
    samples: float
    possible: bool = True

    def bounds(self, margin: float) -> tuple[float, float]:
        """The interval in which the true share lies, ``margin`` standard errors wide on either side (Wilson, 1927)."""
        if not self.possible:
            return 0.0, 0.0
        if self.samples <= 0:
            return 0.0, 1.0
        n, p, z = self.samples, self.share, margin
        middle = p + z * z / (2 * n)
        width = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        scale = 1 + z * z / n
        return max(0.0, (middle - width) / scale), min(1.0, (middle + width) / scale)


def predict(level: Level, snapshot: Snapshot, params: Params, *, possible: bool) -> Prediction:
    """What the level would give: what masters measured of requests at that level, and what its parts would make of
    it, each weighing as much as it has samples."""
    if not possible:
        return Prediction(0.0, math.inf, possible=False)
    measured = snapshot.latencies.get(params.op_class, {}).get(level, Quantiles())
    modelled = model(level, snapshot, params)
    samples = measured.samples + modelled.samples
    if not samples:
        return Prediction(1.0, 0.0)
    hits = measured.samples * share_within(measured, params.goal) + modelled.samples * modelled.share
    return Prediction(min(1.0, hits / samples), samples)


def model(level: Level, snapshot: Snapshot, params: Params) -> Prediction:
    """The prediction from links and catalog alone.

    A write waits for the acknowledgements its level needs and then for the catalog, a strong read for the catalog and
    then for one worker. ``available`` writes wait for nothing but the master's own disk, which no link tells about.
    """
    links = [link for link in snapshot.links if link.breaker != "open"]
    known = [link for link in links if link.samples]
    read = params.op_class is OpClass.READ
    needed = 1 if read else _ACKNOWLEDGEMENTS[level]
    asks_catalog = level is Level.STRONG if read else level is not Level.AVAILABLE
    if not needed or not known or (asks_catalog and not snapshot.catalog.samples):
        return Prediction(1.0, 0.0)
    samples = min(_MODEL_SAMPLES, sum(link.samples for link in known))
    workers = _enough(known, needed, 1 if read else params.replicas)
    if not asks_catalog:
        return Prediction(workers(params.goal), samples)
    answered = snapshot.catalog.samples / (snapshot.catalog.samples + snapshot.catalog_errors)
    share = answered * _after(snapshot.catalog, workers, params.goal)
    return Prediction(share, min(samples, snapshot.catalog.samples))


def share_within(seen: Quantiles, seconds: float) -> float:
    """The share of calls within so many seconds, as :class:`_Distribution` reads quantiles; 0 without samples."""
    return _Distribution(seen).within(seconds) if seen.samples else 0.0


class _Distribution:
    """What three quantiles say of all times: between them shares grow with the time's logarithm. Nothing is thought
    to be quicker than half the median, or slower than twice the 99th percentile."""

    def __init__(self, seen: Quantiles) -> None:
        p50, p95, p99 = (max(_SHORTEST, seconds) for seconds in (seen.p50, seen.p95, seen.p99))
        self._times = [math.log(seconds) for seconds in (p50 / 2, p50, p95, p99, 2 * p99)]

    def within(self, seconds: float) -> float:
        """The share of calls that take at most so long."""
        if seconds <= 0:
            return 0.0
        time = math.log(seconds)
        step = bisect_right(self._times, time)
        if step in (0, len(_SHARES)):
            return _SHARES[min(step, len(_SHARES) - 1)]
        left, right = self._times[step - 1 : step + 1]
        return _SHARES[step - 1] + (_SHARES[step] - _SHARES[step - 1]) * (time - left) / (right - left)

    def time_of(self, share: float) -> float:
        """How long that share of calls takes at most; inverse of :meth:`within`."""
        step = bisect_right(_SHARES, share)
        left, right = self._times[step - 1 : step + 1]
        return math.exp(left + (right - left) * (share - _SHARES[step - 1]) / (_SHARES[step] - _SHARES[step - 1]))


def _enough(links: Sequence[LinkReport], needed: int, asked: int) -> Within:
    """The share of requests for which ``needed`` of ``asked`` workers answer in time. Where there are more workers
    than are asked, each is asked equally often."""

    answered = [link.samples / (link.samples + link.errors) for link in links]
    times = [_Distribution(Quantiles(link.samples, link.p50, link.p95, link.p99)) for link in links]

    def within(seconds: float) -> float:
        shares = [part * seen.within(seconds) for part, seen in zip(answered, times, strict=True)]
        if len(shares) > asked:
            shares = [sum(shares) / len(shares)] * asked
        return _at_least(needed, shares)

    return within


def _at_least(needed: int, shares: Sequence[float]) -> float:
    """The chance of at least so many successes, each trial having a chance of its own (Poisson binomial)."""
    counts = [1.0]
    for share in shares:
        longer = [0.0] * (len(counts) + 1)
        for successes, chance in enumerate(counts):
            longer[successes] += chance * (1 - share)
            longer[successes + 1] += chance * share
        counts = longer
    return min(1.0, sum(counts[needed:]))


def _after(first: Quantiles, then: Within, seconds: float) -> float:
    """The share within so many seconds of one thing after another."""
    distribution = _Distribution(first)
    times = [distribution.time_of((stratum + 0.5) / _STRATA) for stratum in range(_STRATA)]
    return sum(then(seconds - time) for time in times if time < seconds) / _STRATA
