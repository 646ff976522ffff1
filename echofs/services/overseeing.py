"""What administrators see of workers, replication and repair, and what they order about workers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from echofs.core.alarms import Alarm, Facts, alarms
from echofs.core.audit import Action, Actor
from echofs.core.breaker import BreakerState
from echofs.core.errors import AuthenticationFailed, EchoError, Unavailable
from echofs.core.jobs_report import JobsReport
from echofs.core.models import Intent, Member
from echofs.ports.catalog import Catalog
from echofs.ports.cluster import ControllerClient
from echofs.ports.runtime import Clock
from echofs.services.auditing import Auditing
from echofs.services.cluster import Call, MemberView
from echofs.services.health import HealthReport
from echofs.services.probes import Probe

T = TypeVar("T")

JOBS_LEASE = "jobs"
ASK_EVERY_SECONDS = 5.0
"""However many administrators look, the catalog counts no more often."""
PATIENCE_SECONDS = 2.0

Owed = Mapping[tuple[str, str], int]
"""Replicas owed, by worker and reason."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Quantiles in seconds; None while too little is known."""

    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class WorkerOverview:
    """A worker, how it answers this process, and how many replicas it owes (None while the catalog does not say)."""

    member: Member
    store: Latency
    fetch: Latency
    breaker: BreakerState
    owed: int | None


@dataclass(frozen=True, slots=True)
class ReplicationOverview:
    """``owed`` is None while the catalog does not say. ``jobs`` is what the jobs last reported to the controller, and
    how many seconds ago; None if nothing is known. ``holder`` names the jobs process at work, ``""`` for none, None if
    not known."""

    wanted: int
    owed: Owed | None
    holder: str | None
    jobs: tuple[JobsReport, float] | None
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True, slots=True)
class Room:
    """What this host's journal may take, in bytes, and how old its copy of the heads is, in seconds; NaN without."""

    spool_size: int
    follower_age: Callable[[], float]


class Overseeing:
    """Thread-safe. A question takes as long as the slowest of those asked, and none is waited for beyond its limit."""

    def __init__(
        self,
        catalog: Catalog,
        members: MemberView,
        controller: ControllerClient,
        health: Callable[[], HealthReport],
        room: Room,
        auditing: Auditing,
        clock: Clock,
        *,
        wanted: int,
    ) -> None:
        self._catalog = catalog
        self._members = members
        self._controller = controller
        self._health = health
        self._room = room
        self._auditing = auditing
        self._clock = clock
        self._wanted = wanted
        self._owed = Probe(
            catalog.owed_counts, clock, every_seconds=ASK_EVERY_SECONDS, patience_seconds=PATIENCE_SECONDS
        )
        self._late = Probe(self._late_seconds, clock, every_seconds=ASK_EVERY_SECONDS)
        self._holder = Probe(self._jobs_holder, clock, every_seconds=1.0)

    def workers(self) -> list[WorkerOverview]:
        """Every worker ever heard of, by id, those that were removed included."""
        owed = _asked(self._owed)
        counts: Counter[str] = Counter()
        for (worker_id, _), count in (owed or {}).items():
            counts[worker_id] += count
        return [
            WorkerOverview(
                member,
                self._latency(member.worker_id, Call.STORE),
                self._latency(member.worker_id, Call.FETCH),
                self._members.links.breaker(member.worker_id),
                None if owed is None else counts[member.worker_id],
            )
            for member in self._members.everybody()
        ]

    def order(self, admin: Actor, worker_id: str, intent: Intent) -> None:
        """Have a worker emptied, removed or taken back. Idempotent; written to the audit log first.

        Raises :class:`NotFound`, :class:`Conflict` for one that may not be removed yet, and :class:`Unavailable` when
        the controller does not answer, or the audit log cannot be written.
        """
        with self._auditing.act(admin, Action.WORKER_INTENT, subject=worker_id, detail=intent.value):
            try:
                self._controller.set_intent(worker_id, intent)
            except AuthenticationFailed as error:
                # It is this process that was refused: to whoever asked it, the controller is not there.
                raise Unavailable(error.message) from error
        self._members.refresh()

    def replication(self) -> ReplicationOverview:
        """How far the replicas are from complete, who works at it, and what needs an administrator."""
        owed, holder, jobs = _asked(self._owed), _asked(self._holder), self._reported()
        return ReplicationOverview(self._wanted, owed, holder, jobs, tuple(alarms(self._facts(holder, jobs))))

    def _facts(self, holder: str | None, jobs: tuple[JobsReport, float] | None) -> Facts:
        details = self._health().details
        spooled, waiting = details.get("spooled_bytes", 0), details.get("journal_depth", 0)
        age = self._room.follower_age()
        avoided = self._members.links.unavailable().union(*(self._members.links.slow(call) for call in Call))
        return Facts(
            catalog=details["catalog"] == "ok",
            controller=details["controller"] == "ok",
            can_write=bool(details["can_write"]),
            redis=None if "redis" not in details else details["redis"] == "ok",
            members=self._members.members(),
            avoided=sorted(avoided),
            late_seconds=_asked(self._late),
            jobs_holder=holder,
            jobs_silent=None if jobs is None else jobs[1],
            few=jobs[0].last.few if jobs is not None and jobs[0].last is not None else None,
            journal=details.get("journal", "ok") == "ok",
            spool_share=spooled / self._room.spool_size if isinstance(spooled, int) else 0.0,
            waiting=waiting if isinstance(waiting, int) else 0,
            follower_age=None if math.isnan(age) else age,
        )

    def _latency(self, worker_id: str, call: Call) -> Latency:
        links = self._members.links
        return Latency(links.quantile(worker_id, 0.5, call), links.quantile(worker_id, 0.95, call))

    def _late_seconds(self) -> float:
        now = self._clock.now()
        longest = self._catalog.due(now, 1)
        return (now - longest[0].due_at) / 1_000_000 if longest else 0.0

    def _jobs_holder(self) -> str:
        return self._catalog.lease_holder(JOBS_LEASE, self._clock.now())

    def _reported(self) -> tuple[JobsReport, float] | None:
        try:
            return self._controller.jobs()
        except EchoError:
            return None


def _asked(probe: Probe[T]) -> T | None:
    try:
        return probe.ask()
    except Unavailable:
        return None
