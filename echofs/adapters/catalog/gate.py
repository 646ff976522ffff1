"""Not waiting for a catalog that does not answer, and knowing so before anybody asks.

Whoever waits for an answer cannot tell a slow catalog from one that is cut off. The gate watches all calls under way:
when one has waited for long and none was answered meanwhile, it asks a trivial question on a connection of its own.
Without an answer to that, the gate shuts: every call that waits fails at once, those that come are refused, and the
question is repeated until it is answered. A circuit breaker (Nygard, *Release It!*) whose trial calls are its own.
"""

from __future__ import annotations

import itertools
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from echofs.adapters.catalog.races import LostRace
from echofs.adapters.catalog.standstill import CatalogBusy
from echofs.core.errors import CatalogUnavailable
from echofs.ports.gate import Gate

WATCH_SECONDS = 0.04
"""How often :meth:`CatalogGate.watch` is to be called."""
LONG_SECONDS = 0.08
"""A call that waits for this long, with no other answered meanwhile, is looked into."""
PROBE_SECONDS = 0.12
"""How long the trivial question may take then; more where calls have lately been slow."""
RETRY_SECONDS = 0.25
"""How far apart the questions are while the gate is shut."""
PATIENT_SECONDS = 1.0
"""How long such a question may take: a slow catalog is better than none."""
_SLOWER = 3
"""A catalog is cut off rather than slow when a trivial question takes this many times longer than calls lately did."""
_LATELY = 32
_REMEMBERED = 256

Probe = Callable[[float], None]
"""Asks the catalog a trivial question; raises :class:`CatalogUnavailable` without an answer in so many seconds."""


class Waits(Protocol):
    """The waits for answers that can be broken off."""

    def break_off(self) -> None:
        """End all waits under way and to come, as if the connection had failed. Idempotent."""

    def allow(self) -> None:
        """Let the waits to come be. Idempotent."""


class Unbreakable:
    """Waits that end by themselves."""

    def break_off(self) -> None:
        """Nothing can be done."""

    def allow(self) -> None:
        """Nothing was done."""


class CatalogGate(Gate):
    """Around every call to one engine. Without a ``probe``, and in a process where nobody calls :meth:`watch`, only a
    drill ever shuts it. Where a catalog needs two engines, the gate of one stands ``before`` that of the other: whoever
    asks this gate, or tells it something, asks and tells both."""

    def __init__(
        self,
        probe: Probe | None = None,
        waits: Waits | None = None,
        *,
        before: CatalogGate | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._probe = probe
        self._waits = waits or Unbreakable()
        self._before = before
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._under_way: dict[int, float] = {}
        self._latencies: deque[float] = deque(maxlen=_REMEMBERED)
        self._failures = 0
        self._answered_at = monotonic()
        self._doubtful = False
        self._shut = False
        self._next_probe = 0.0
        self._cut_until = 0.0
        self._delay, self._delay_until = 0.0, 0.0

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Around one call. Raises :class:`CatalogUnavailable` while the gate is shut."""
        self._admit()
        started = self._monotonic()
        number = next(self._numbers)
        self._under_way[number] = started
        answered = True
        try:
            yield
        except CatalogUnavailable as error:
            answered = isinstance(error, LostRace | CatalogBusy)
            raise
        finally:
            del self._under_way[number]
            self._note(answered, started)

    @property
    def reachable(self) -> bool:
        return self._open and (self._before is None or self._before.reachable)

    def latencies(self) -> tuple[float, ...]:
        with self._lock:
            return tuple(self._latencies)

    def failures(self) -> int:
        return self._failures + (self._before.failures() if self._before else 0)

    def impose(self, *, cut_seconds: float = 0.0, delay: float = 0.0, delay_seconds: float = 0.0) -> None:
        now = self._monotonic()
        self._cut_until = now + cut_seconds
        self._delay, self._delay_until = delay, now + delay_seconds
        if self._before is not None:
            self._before.impose(cut_seconds=cut_seconds, delay=delay, delay_seconds=delay_seconds)

    def watch(self) -> None:
        """Look after the calls under way, and ask while the gate is shut; the action of a loop. Never raises."""
        if self._before is not None:
            self._before.watch()
        if self._probe is None:
            return
        now = self._monotonic()
        if self._shut:
            if now >= self._next_probe:
                self._try(PATIENT_SECONDS)
        elif self._doubtful or self._stuck(now):
            self._try(max(PROBE_SECONDS, self._usual() * _SLOWER))

    @property
    def _open(self) -> bool:
        return not self._shut and self._monotonic() >= self._cut_until

    def _admit(self) -> None:
        if not self._open:
            raise CatalogUnavailable("The catalog does not answer; try again shortly.")
        if self._delay and self._monotonic() < self._delay_until:
            self._sleep(self._delay)

    def _note(self, answered: bool, started: float) -> None:
        now = self._monotonic()
        with self._lock:
            if answered:
                self._answered_at = now
                self._latencies.append(now - started)
            else:
                self._failures += 1
                self._doubtful = True

    def _stuck(self, now: float) -> bool:
        waiting = list(self._under_way.values())
        return bool(waiting) and now - min(waiting) >= LONG_SECONDS and now - self._answered_at >= LONG_SECONDS

    def _usual(self) -> float:
        with self._lock:
            lately = list(itertools.islice(reversed(self._latencies), _LATELY))
        return statistics.median(lately) if lately else 0.0

    def _try(self, seconds: float) -> None:
        assert self._probe is not None
        started = self._monotonic()
        try:
            self._probe(seconds)
        except CatalogUnavailable:
            self._shut = True
            self._waits.break_off()
            self._next_probe = self._monotonic() + RETRY_SECONDS
            return
        self._note(True, started)
        self._doubtful = False
        if self._shut:
            self._waits.allow()
            self._shut = False
