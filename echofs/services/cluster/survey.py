"""What people are told about the workers: not what is believed of them, but what they say when asked."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from echofs.core.errors import StoreUnavailable
from echofs.core.models import Member, MemberState
from echofs.ports.catalog import Catalog
from echofs.ports.chunks import WorkerClient
from echofs.ports.runtime import Clock
from echofs.services.cluster.view import MemberView

ASKED_AT_ONCE = 16
FRESH_SECONDS = 1.0
"""Answers are shared for this long: however many people look, the workers are asked no more often."""


@dataclass(frozen=True, slots=True)
class WorkerAnswer:
    """One worker's account. ``state`` is how it counted before it was asked; the last three are what it said, None
    where it said nothing. ``store_id`` falls back to what the controller heard from it."""

    worker_id: str
    zone: str
    state: MemberState
    reachable: bool
    store_id: str
    status: str | None = None
    version: str | None = None
    free_bytes: int | None = None


class ClusterSurvey:
    """Thread-safe. A survey takes as long as the slowest worker, and never longer than the client's own time limit."""

    def __init__(
        self, catalog: Catalog, workers: WorkerClient, members: MemberView, clock: Clock, *, wanted: int
    ) -> None:
        self._catalog = catalog
        self._workers = workers
        self._members = members
        self._clock = clock
        self._wanted = wanted
        self._asking = threading.Lock()
        self._answers: tuple[WorkerAnswer, ...] = ()
        self._asked_at: float | None = None

    def workers(self) -> tuple[WorkerAnswer, ...]:
        """Ask every known worker at once; answers by worker id, at most a second old."""
        with self._asking:
            if self._asked_at is None or self._clock.monotonic() - self._asked_at >= FRESH_SECONDS:
                self._answers = self._ask_all(self._members.members())
                self._asked_at = self._clock.monotonic()
            return self._answers

    def replication(self) -> dict[str, object]:
        """How far the replicas are from complete: ``replicas_owed`` are recorded as missing and will be made by the
        jobs. Raises :class:`CatalogUnavailable`."""
        members = self._members.members()
        unavailable = self._members.unavailable()
        return {
            "replication_factor": self._wanted,
            "replicas_owed": self._catalog.outbox_depth(),
            "workers_known": len(members),
            "workers_available": sum(member.worker_id not in unavailable for member in members),
            "zones": len(set(self._members.zones().values())),
        }

    def _ask_all(self, members: list[Member]) -> tuple[WorkerAnswer, ...]:
        if not members:
            return ()
        with ThreadPoolExecutor(min(ASKED_AT_ONCE, len(members)), "survey") as pool:
            return tuple(pool.map(self._ask, members))

    def _ask(self, member: Member) -> WorkerAnswer:
        try:
            said = self._workers.health(member)
        except StoreUnavailable:
            return WorkerAnswer(member.worker_id, member.zone, member.state, False, member.store_id)
        free = said.get("free_bytes")
        return WorkerAnswer(
            worker_id=member.worker_id,
            zone=member.zone,
            state=member.state,
            reachable=True,
            store_id=_text(said.get("store_id")) or member.store_id,
            status=_text(said.get("status")),
            version=_text(said.get("version")),
            free_bytes=free if isinstance(free, int) else None,
        )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
