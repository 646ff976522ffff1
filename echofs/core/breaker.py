"""When to leave a worker alone that keeps failing, and when to try it again: a circuit breaker (M. Nygard, *Release
It!*) as a state machine. No clock: every method is told the monotonic time in seconds."""

from __future__ import annotations

from collections import deque
from enum import StrEnum

FAILURES_IN_A_ROW = 3
LONG_SECONDS = 0.5
"""A failure that kept somebody waiting for this long is enough by itself: the next ones would cost as much."""
OUTCOMES = 20
"""Over how many outcomes the share of failures is taken, and how many of them there must be at least, by half."""
FAILING_SHARE = 0.5
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 10.0
TRIAL_SECONDS = 1.0
"""How long an outcome of a trial is awaited before another one is let through: whoever took it may never have used
it."""


class BreakerState(StrEnum):
    """``open`` keeps requests away, ``half-open`` lets one try."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker:
    """Not thread-safe. The pause before a trial doubles with every trial that fails, and any success ends it."""

    def __init__(self) -> None:
        self._outcomes: deque[bool] = deque(maxlen=OUTCOMES)
        self._failed_in_a_row = 0
        self._pause = 0.0
        self._until: float | None = None
        """Until when no request may pass; None while closed."""
        self._trial_until = 0.0
        """Until when the outcome of a trial is awaited."""

    def succeeded(self) -> None:
        """A request was answered."""
        if self._until is not None:
            self.close()
        self._failed_in_a_row = 0
        self._outcomes.append(True)

    def failed(self, now: float, seconds: float) -> None:
        """A request failed after so long. While open, failures belong to requests of before and change nothing."""
        self._failed_in_a_row += 1
        self._outcomes.append(False)
        enough = seconds >= LONG_SECONDS or self._failed_in_a_row >= FAILURES_IN_A_ROW or self._mostly_failing()
        if enough or self._until is not None:
            self.trip(now)

    def trip(self, now: float) -> None:
        """Open at once, unless it is open already."""
        if self._until is None or now >= self._until:
            self._open(now)

    def close(self) -> None:
        """Forget everything that was held against the worker."""
        self._outcomes.clear()
        self._failed_in_a_row = 0
        self._pause = self._trial_until = 0.0
        self._until = None

    def state(self, now: float) -> BreakerState:
        """Its state, which between events changes with time alone."""
        if self._until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < self._until else BreakerState.HALF_OPEN

    def let_pass(self, now: float) -> bool:
        """Whether a request may try the worker. Half-open, one may; the next that asks within a second may not."""
        if self._until is None:
            return True
        if now < max(self._until, self._trial_until):
            return False
        self._trial_until = now + TRIAL_SECONDS
        return True

    def _mostly_failing(self) -> bool:
        failures = self._outcomes.count(False)
        return len(self._outcomes) >= OUTCOMES // 2 and failures >= FAILING_SHARE * len(self._outcomes)

    def _open(self, now: float) -> None:
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS) if self._pause else FIRST_PAUSE_SECONDS
        self._until = now + self._pause
        self._trial_until = 0.0
        self._outcomes.clear()
        self._failed_in_a_row = 0
