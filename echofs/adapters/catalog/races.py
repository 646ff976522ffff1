"""Losing against another writer, and trying again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from echofs.core.errors import CatalogUnavailable

T = TypeVar("T")

ATTEMPTS = 5
"""How often something starts that keeps losing races."""
_PAUSE_SECONDS = 0.005


class LostRace(CatalogUnavailable):
    """Another writer came between the checks and the writes. Nothing was changed; looking again is all it takes."""


def again(work: Callable[[int], T]) -> T:
    """What ``work`` returns; it gets the number of the attempt, from 0, and must start from the beginning each time.

    After a lost race it waits for a random while, of up to twice as long each time, so that rivals do not meet again
    (full jitter: Brooker, *Exponential Backoff and Jitter*, 2015). Raises the last :class:`LostRace` after
    :data:`ATTEMPTS`, and at once whatever else ``work`` raises.
    """
    for attempt in range(ATTEMPTS - 1):
        try:
            return work(attempt)
        except LostRace:
            time.sleep(random.uniform(0, _PAUSE_SECONDS * 2**attempt))
    return work(ATTEMPTS - 1)
