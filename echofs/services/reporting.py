"""A master's report to the controller, and its advice in return."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from echofs.core.advice import CatalogReport, LinkReport, OpClass, Quantiles, Report
from echofs.core.errors import EchoError, Unavailable
from echofs.core.membership import CONTROLLER
from echofs.ports.cluster import ControllerClient
from echofs.ports.gate import Gate
from echofs.ports.journal import Journal
from echofs.ports.runtime import Clock
from echofs.services.advice import Adviser
from echofs.services.latencies import Latencies

REPORT_SECONDS = 1.0
WINDOW_SECONDS = 20.0
"""What counts as lately where a count only grows."""

_log = logging.getLogger(__name__)


class Reporting:
    """Belongs to one loop. ``process`` names this process (``host:pid``); ``outbox`` counts the replicas owed."""

    def __init__(
        self,
        process: str,
        controller: ControllerClient,
        adviser: Adviser,
        gate: Gate,
        links: Callable[[], list[LinkReport]],
        journal: Journal,
        latencies: Latencies,
        outbox: Callable[[], int],
        clock: Clock,
    ) -> None:
        self._process = process
        self._controller = controller
        self._adviser = adviser
        self._gate = gate
        self._links = links
        self._journal = journal
        self._latencies = latencies
        self._outbox = outbox
        self._clock = clock
        self._failures = _Growth()
        self._writes = _Growth()
        self._reads = _Growth()
        self._trouble: str | None = None

    def run_once(self) -> None:
        """Report and take the advice. Never raises for an expected failure: without advice a master decides alone."""
        if any(fault.target == CONTROLLER for fault in self._adviser.faults()):
            return  # An operator's drill: there is no controller for a while.
        report = self._report()
        asked_at = self._clock.monotonic()
        try:
            advice = self._controller.report(report)
        except EchoError as error:
            if error.code != self._trouble:
                _log.warning("no advice from the controller; deciding alone", extra={"why": error.message})
            self._trouble = error.code
            return
        if self._trouble is not None:
            _log.info("the controller advises again")
        self._trouble = None
        self._adviser.adopt(advice, asked_at=asked_at)

    def _report(self) -> Report:
        now = self._clock.monotonic()
        seen = Quantiles.of(self._gate.latencies())
        errors, _ = self._failures.lately(now, self._gate.failures())
        writes = self._latencies.observed(OpClass.WRITE_SMALL) + self._latencies.observed(OpClass.WRITE_LARGE)
        reads = self._latencies.observed(OpClass.READ)
        reachable = self._gate.reachable
        waiting, oldest = self._waiting()
        return Report(
            process=self._process,
            catalog=CatalogReport(reachable, seen.samples, errors, seen.p50, seen.p95, seen.p99),
            links=tuple(self._links()),
            journal_depth=waiting,
            oldest_provisional=oldest,
            outbox_depth=self._owed() if reachable else None,
            writes_per_second=self._writes.lately(now, writes)[1],
            reads_per_second=self._reads.lately(now, reads)[1],
            latencies=self._latencies.quantiles(),
            epoch=self._adviser.epoch,
        )

    def _waiting(self) -> tuple[int, float]:
        """Nothing waits in a journal that cannot be read now: nothing can be replayed from it either."""
        try:
            return self._journal.depth(), self._journal.oldest_age()
        except Unavailable:
            return 0, 0.0

    def _owed(self) -> int | None:
        try:
            return self._outbox()
        except Unavailable:
            return None


class _Growth:
    """How much a count has grown lately."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def lately(self, now: float, count: int) -> tuple[int, float]:
        """By how much since the window began, and how much that is in a second."""
        self._seen.append((now, count))
        while self._seen[0][0] < now - WINDOW_SECONDS:
            self._seen.popleft()
        began, before = self._seen[0]
        return count - before, (count - before) / (now - began) if now > began else 0.0
