"""A clock that moves only when told to."""

from __future__ import annotations

from echofs.core.models import Timestamp
from echofs.ports.runtime import Clock

START: Timestamp = 1_577_836_800_000_000
"""1 January 2020: before any token a test is issued by the real clock expires."""


class FakeClock(Clock):
    """Both clocks stand still between calls of :meth:`advance` and :meth:`jump`."""

    def __init__(self, now: Timestamp = START) -> None:
        self._now = now
        self._monotonic = 0.0

    def now(self) -> Timestamp:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._monotonic += seconds
        self.jump(seconds)

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an operator would."""
        self._now += round(seconds * 1_000_000)
