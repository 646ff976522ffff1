"""A controller, a saved list of members, and a way to the controller's routes without a socket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flask import Flask

from echofs.adapters.http_answers import Answer
from echofs.adapters.http_pool import HttpPool
from echofs.core.advice import Advice, Report
from echofs.core.errors import EchoError, StoreUnavailable, Unavailable
from echofs.core.jobs_report import JobsReport
from echofs.core.models import Intent, Member
from echofs.ports.cluster import ControllerClient, MemberList

AWAY = Unavailable("The controller does not answer.")


class MemoryMemberList(MemberList):
    """``saves`` counts those that worked; set ``broken`` to make them fail."""

    def __init__(self, members: Iterable[Member] = ()) -> None:
        self.members = list(members)
        self.saves = 0
        self.broken = False

    def load(self) -> list[Member]:
        return list(self.members)

    def save(self, members: list[Member]) -> None:
        if self.broken:
            raise StoreUnavailable("The disk is full.")
        self.members = list(members)
        self.saves += 1


class FakeController(ControllerClient):
    """Answers with ``list`` and ``advice``, or raises ``error`` if that is set; writes down what it hears."""

    def __init__(self, members: Iterable[Member] = ()) -> None:
        self.list = list(members)
        self.error: EchoError | None = None
        self.advice = Advice(epoch=1)
        self.heartbeats: list[Member] = []
        self.reports: list[Report] = []
        self.left: list[str] = []
        self.intents: dict[str, Intent] = {}
        self.jobs_told: tuple[JobsReport, float] | None = None

    def heartbeat(self, member: Member) -> None:
        self._answer()
        self.heartbeats.append(member)

    def leave(self, worker_id: str) -> None:
        self._answer()
        self.left.append(worker_id)

    def members(self) -> list[Member]:
        self._answer()
        return list(self.list)

    def report(self, report: Report) -> Advice:
        self._answer()
        self.reports.append(report)
        return self.advice

    def set_intent(self, worker_id: str, intent: Intent) -> None:
        self._answer()
        self.intents[worker_id] = intent

    def tell_jobs(self, report: JobsReport) -> None:
        self._answer()
        self.jobs_told = report, 0.0

    def jobs(self) -> tuple[JobsReport, float] | None:
        self._answer()
        return self.jobs_told

    def _answer(self) -> None:
        if self.error is not None:
            raise self.error


class AppPool(HttpPool):
    """Calls an application instead of a host. ``answer``, if set, comes back in its stead; ``down`` means no answer."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.down = False
        self.answer: Answer | None = None
        self.calls: list[tuple[str, str, str]] = []

    def call(
        self,
        url: str,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout: float | None = None,
    ) -> Answer:
        self.calls.append((url, method, path))
        if self.down:
            raise StoreUnavailable("connection refused")
        if self.answer is not None:
            return self.answer
        response = self.app.test_client().open(path, method=method, headers=dict(headers or {}), data=body)
        return Answer(response.status_code, response.data)
