"""When operations are due, whatever became of those before (an open loop), and percentiles of what came of it."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence


def poisson(rate: float, seconds: float, dice: random.Random) -> Iterator[float]:
    """Moments of independent arrivals, ``rate`` of them a second on average, as seconds from the beginning."""
    moment = dice.expovariate(rate)
    while moment < seconds:
        yield moment
        moment += dice.expovariate(rate)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that is at least as large as ``share`` of all (nearest rank); None of none."""
    if not values:
        return None
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]
