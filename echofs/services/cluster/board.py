"""Where the jobs leave word of themselves with the controller."""

from __future__ import annotations

import threading

from echofs.core.jobs_report import JobsReport
from echofs.ports.runtime import Clock


class JobsBoard:
    """The last report and its age. Thread-safe; forgets with the process, as the jobs report every few seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._heard: tuple[JobsReport, float] | None = None

    def put(self, report: JobsReport) -> None:
        """Take the place of the report before."""
        with self._lock:
            self._heard = report, self._clock.monotonic()

    def last(self) -> tuple[JobsReport, float] | None:
        """The report and how many seconds ago it came; None if none ever did."""
        with self._lock:
            heard = self._heard
        return None if heard is None else (heard[0], self._clock.monotonic() - heard[1])
