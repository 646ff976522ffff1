"""What can be wrong with a link between two processes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum


class Way(StrEnum):
    """The direction of bytes: ``UP`` from whoever connected to whoever listens."""

    UP = "up"
    DOWN = "down"


class Luck(StrEnum):
    """What happens to one request."""

    PASS = "pass"
    RESET = "reset"
    STALL = "stall"


@dataclass(frozen=True, slots=True)
class Fault:
    """The state of a link. Times in seconds, ``rate`` in bytes a second for each direction, the others are shares of
    requests. ``stalled`` directions keep connections and hold what is sent until the fault is over."""

    delay: float = 0.0
    stalled: frozenset[Way] = frozenset()
    reset: bool = False
    refuse: bool = False
    rate: float | None = None
    resets: float = 0.0
    stalls: float = 0.0
    stall_seconds: float = 1.0

    def hinders(self, way: Way) -> bool:
        """Whether bytes cannot be passed on at once in this direction."""
        return self.delay > 0 or way in self.stalled or self.rate is not None

    @property
    def breaks(self) -> bool:
        """Whether connections do not survive its beginning."""
        return self.reset or self.refuse


HEALTHY = Fault()
CUT = Fault(stalled=frozenset(Way))
"""Nothing passes, and neither side is told: what a network that lost its route does."""
DEAF = Fault(stalled=frozenset({Way.DOWN}))
"""Requests arrive and answers do not."""
REFUSED = Fault(refuse=True)


def bad_network(round_trip: float, share: float) -> Fault:
    """Every round trip takes so many seconds longer, and this share of requests meets a reset or a stall of a second,
    one as often as the other."""
    return Fault(delay=round_trip / 2, resets=share / 2, stalls=share / 2)


class Dice:
    """Decides the luck of one request after the other; the same seed gives the same sequence."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def throw(self, fault: Fault) -> Luck:
        """What happens to the next request. A throw is made for each, so that the sequence does not depend on faults
        that have no chances in them."""
        chance = self._random.random()
        if chance < fault.resets:
            return Luck.RESET
        return Luck.STALL if chance < fault.resets + fault.stalls else Luck.PASS
