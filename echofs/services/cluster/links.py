"""What one process has seen of its way to each worker: how long requests take, and how they end.

It may be wrong about a worker; then a replica goes to a stand-in first, or a read to another replica.
"""

from __future__ import annotations

import statistics
import threading
from dataclasses import dataclass, field
from enum import StrEnum

from echofs.core.advice import LinkReport
from echofs.core.breaker import Breaker, BreakerState
from echofs.core.latency import LatencyHistogram
from echofs.ports.runtime import Clock

ENOUGH_SAMPLES = 20
"""Fewer, the old ones counting less, say nothing about a link's quantiles."""
SLOW_TIMES = 4
SLOW_QUANTILE = 0.95
SLOW_AT_LEAST_SECONDS = 0.05
"""A link that is quicker than this is never called slow, however quick the others are."""
JUDGED_EVERY_SECONDS = 0.5
HEDGE_AT_LEAST_SECONDS = 0.02
HEDGE_AT_MOST_SECONDS = 1.0
"""Also as long as too little is known of a worker."""
OVERDUE_TIMES = 5
OVERDUE_AT_LEAST_SECONDS = 0.25
"""An answer that takes longer than this, and several times what it usually takes, may never come."""
OVERDUE_UNKNOWN_SECONDS = 1.0
"""The same while too little is known of a worker."""


class Call(StrEnum):
    """What a worker is asked to do: each takes other times."""

    STORE = "store"
    FETCH = "fetch"
    LOOK = "look"
    """Whether it has something, not the thing."""


@dataclass(slots=True)
class _Link:
    breaker: Breaker = field(default_factory=Breaker)
    latencies: dict[Call, LatencyHistogram] = field(default_factory=lambda: {call: LatencyHistogram() for call in Call})
    errors: LatencyHistogram = field(default_factory=LatencyHistogram)
    """How long requests took that failed."""
    overdue: bool = False
    """Whether nothing is known yet but that an answer is overdue."""


class Links:
    """Thread-safe; nothing waits. A worker never observed is one nothing is held against."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._links: dict[str, _Link] = {}
        self._troubled: frozenset[str] = frozenset()
        """Workers whose breaker is not closed: hardly ever any, and asked for with every request."""
        self._slow: dict[Call, frozenset[str]] = dict.fromkeys(Call, frozenset())
        self._judged_at = dict.fromkeys(Call, float("-inf"))

    def observe(self, worker_id: str, seconds: float, ok: bool, call: Call) -> None:
        """A request to the worker ended after so long. ``ok`` says that the worker answered, be it with a refusal:
        only silence and broken connections are failures."""
        with self._lock:
            now = self._clock.monotonic()
            link = self._links.get(worker_id)
            if link is None:
                link = self._links[worker_id] = _Link()
            link.overdue = False
            if ok:
                link.latencies[call].add(seconds, now)
                link.breaker.succeeded()
            else:
                link.errors.add(seconds, now)
                link.breaker.failed(now, seconds)
            if (link.breaker.state(now) is BreakerState.CLOSED) == (worker_id in self._troubled):
                self._troubled ^= {worker_id}

    def overdue(self, worker_id: str, seconds: float, call: Call) -> bool:
        """Whether an answer that has been awaited for so long should be awaited no longer. If so the worker's breaker
        opens, that others need not wait as long to find it out; but as the answer may still come, and as this process
        may be the slow one, the worker is :meth:`avoided` and not :meth:`unavailable`."""
        if seconds < OVERDUE_AT_LEAST_SECONDS:
            return False
        with self._lock:
            now = self._clock.monotonic()
            if seconds < self._overdue_after(worker_id, call, now):
                return False
            link = self._links.setdefault(worker_id, _Link())
            link.overdue = link.overdue or worker_id not in self._troubled
            link.breaker.trip(now)
            self._troubled |= {worker_id}
            return True

    def forgive(self, worker_id: str) -> None:
        """The worker is known to be back: nothing is held against it any more, but for how slow it was."""
        with self._lock:
            if worker_id in self._links:
                self._links[worker_id].breaker.close()
                self._troubled -= {worker_id}

    def unavailable(self) -> frozenset[str]:
        """Workers whose breaker is open since requests failed. One that is half-open is not among them, and so gets
        tried; where many requests come at once they ask for :meth:`avoided` instead."""
        if not self._troubled:
            return self._troubled
        with self._lock:
            now = self._clock.monotonic()
            return frozenset(
                worker_id
                for worker_id in self._troubled
                if not self._links[worker_id].overdue and self._links[worker_id].breaker.state(now) is BreakerState.OPEN
            )

    def avoided(self, call: Call) -> frozenset[str]:
        """The workers that one of many requests, about to choose, should not choose: those that do not answer, and slow
        ones. A half-open breaker lets one such request through, so call it once for each and only then."""
        slow = self.slow(call)
        if not self._troubled:
            return slow
        with self._lock:
            now = self._clock.monotonic()
            trials = {worker_id for worker_id in self._troubled if self._links[worker_id].breaker.let_pass(now)}
            return (slow | self._troubled) - trials

    def slow(self, call: Call) -> frozenset[str]:
        """Gray workers: they answer, but a twentieth of their answers takes four times as long as with most of the
        others. They are judged anew every half second and are forgiven once what was seen of them is too old."""
        now = self._clock.monotonic()
        if now - self._judged_at[call] >= JUDGED_EVERY_SECONDS:
            with self._lock:
                self._judged_at[call] = now
                self._slow[call] = self._judge(call, now)
        return self._slow[call]

    def breaker(self, worker_id: str) -> BreakerState:
        """The state of the worker's breaker."""
        with self._lock:
            link = self._links.get(worker_id)
            return link.breaker.state(self._clock.monotonic()) if link else BreakerState.CLOSED

    def quantile(self, worker_id: str, q: float, call: Call) -> float | None:
        """How long the share ``q`` of the worker's answers took at most, in seconds; None while too few are known."""
        with self._lock:
            return self._quantile(worker_id, q, call, self._clock.monotonic())

    def hedge_after(self, worker_id: str) -> float:
        """After how many seconds a fetch takes long enough for another worker to be asked as well: when one in twenty
        of this worker's would still be under way."""
        usual = self.quantile(worker_id, SLOW_QUANTILE, Call.FETCH) or HEDGE_AT_MOST_SECONDS
        return min(max(usual, HEDGE_AT_LEAST_SECONDS), HEDGE_AT_MOST_SECONDS)

    def reports(self) -> list[LinkReport]:
        """How every worker that was ever asked has answered lately, by id, for the controller."""
        with self._lock:
            now = self._clock.monotonic()
            return [_report(worker_id, link, now) for worker_id, link in sorted(self._links.items())]

    def overdue_after(self, worker_id: str, call: Call) -> float:
        """How many seconds an answer may take before nobody should wait for it any longer."""
        with self._lock:
            return self._overdue_after(worker_id, call, self._clock.monotonic())

    def _overdue_after(self, worker_id: str, call: Call, now: float) -> float:
        usual = self._quantile(worker_id, SLOW_QUANTILE, call, now)
        if usual is None:
            return OVERDUE_UNKNOWN_SECONDS
        return max(OVERDUE_AT_LEAST_SECONDS, OVERDUE_TIMES * usual)

    def _quantile(self, worker_id: str, q: float, call: Call, now: float) -> float | None:
        link = self._links.get(worker_id)
        if link is None or link.latencies[call].samples(now) < ENOUGH_SAMPLES:
            return None
        return link.latencies[call].quantile(q)

    def _judge(self, call: Call, now: float) -> frozenset[str]:
        known = {worker_id: self._quantile(worker_id, SLOW_QUANTILE, call, now) for worker_id in self._links}
        tails = {worker_id: tail for worker_id, tail in known.items() if tail is not None}
        slow = set()
        for worker_id, tail in tails.items():
            others = [other for known_id, other in tails.items() if known_id != worker_id]
            if others and tail >= max(SLOW_TIMES * statistics.median(others), SLOW_AT_LEAST_SECONDS):
                slow.add(worker_id)
        return frozenset(slow)


def _report(worker_id: str, link: _Link, now: float) -> LinkReport:
    """Stores and fetches together: what asks for no chunk tells nothing about a disk."""
    both = link.latencies[Call.STORE].merged(link.latencies[Call.FETCH], now)
    p50, p95, p99 = (both.quantile(q) or 0.0 for q in (0.5, 0.95, 0.99))
    samples, errors = round(both.samples(now)), round(link.errors.samples(now))
    return LinkReport(worker_id, samples, errors, p50, p95, p99, link.breaker.state(now).value)
