"""What a process says when asked how it is: the truth, cheaply, and nothing that helps an attacker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from echofs.core.alarms import SCARCE_BYTES
from echofs.core.consistency import quorum_met
from echofs.core.errors import NotFound, Unavailable
from echofs.core.models import Level, MemberState
from echofs.ports.catalog import Catalog
from echofs.ports.journal import Journal
from echofs.ports.object_store import ObjectStore
from echofs.ports.runtime import Clock
from echofs.services.cluster import MemberRegistry, MemberView
from echofs.services.probes import Probe

CATALOG_EVERY_SECONDS = 1.0
OUTBOX_EVERY_SECONDS = 5.0
STORE_EVERY_SECONDS = 1.0
_NO_CHUNK = "chunk/" + "0" * 64
"""A key nothing is ever stored under; a store that answers says that it is absent."""


class Status(StrEnum):
    """``degraded`` still serves; ``unavailable`` should get no requests."""

    OK = "ok"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class HealthReport:
    """How a process is. ``reasons`` are sentences, one for everything that keeps ``status`` from being ``ok``;
    ``details`` hold only what JSON has, and neither addresses nor secrets."""

    status: Status
    role: str
    version: str
    reasons: tuple[str, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)


class MasterHealth:
    """A master is as well as its catalog and its workers. Thread-safe; an answer takes a third of a second at most.

    ``redis`` says, without asking, whether Redis answered last; None without one. ``journal`` is this host's, by which
    a master goes on without the catalog unless no level below ``floor`` is allowed.
    """

    def __init__(
        self,
        catalog: Catalog,
        members: MemberView,
        clock: Clock,
        version: str,
        redis: Callable[[], bool] | None = None,
        journal: Journal | None = None,
        floor: Level = Level.AVAILABLE,
    ) -> None:
        self._floor = floor
        self._redis = redis
        self._journal = journal
        self._members = members
        self._version = version
        self._catalog = Probe(catalog.ping, clock, every_seconds=CATALOG_EVERY_SECONDS)
        self._outbox = Probe(catalog.outbox_depth, clock, every_seconds=OUTBOX_EVERY_SECONDS)

    def report(self) -> HealthReport:
        """``unavailable`` when no file can be found, or no worker answers, ``degraded`` while anything else is amiss.

        ``can_write``: a strong write would find its quorum. ``can_read``: files can be found, in the catalog or in what
        this host knows of it, and some worker answers; a chunk whose replicas all lie on the missing workers is still
        out of reach.
        """
        members = self._members.members()
        zones = self._members.zones()
        unavailable = self._members.unavailable()
        available = [member for member in members if member.worker_id not in unavailable]
        catalog = _answers(self._catalog)
        owed = _number(self._outbox) if catalog else None
        takers = self._members.takers()
        details: dict[str, object] = {
            "catalog": "ok" if catalog else "unavailable",
            "controller": "ok" if self._members.controller_heard else "unavailable",
            "workers_known": len(members),
            "workers_up": sum(member.state.serving for member in members),
            "workers_available": len(available),
            "can_write": catalog and quorum_met(takers, zones),
            "can_read": False,
            "replicas_owed": owed,
        }
        if self._journal is not None:
            details |= _waiting_in(self._journal)
        alone = details.get("journal") == "ok" and self._floor is Level.AVAILABLE
        details["can_read"] = bool(available) and (catalog or alone)
        if self._redis is not None:
            details["redis"] = "ok" if self._redis() else "away"
        status = Status.UNAVAILABLE if not details["can_read"] else Status.OK
        reasons = _shortcomings(details, alone=alone and not catalog)
        if reasons and status is Status.OK:
            status = Status.DEGRADED
        return HealthReport(status, "master", self._version, reasons, details)

    def outbox_depth(self) -> int:
        """Replicas owed, at most five seconds old. Raises :class:`Unavailable` without waiting for long."""
        return self._outbox.ask()


class WorkerHealth:
    """A worker is as well as its store. ``process`` is what operators on its host may be told of the process itself.
    Thread-safe."""

    def __init__(
        self,
        store: ObjectStore,
        worker_id: str,
        clock: Clock,
        version: str,
        process: Mapping[str, object] | None = None,
    ) -> None:
        self._store = store
        self._worker_id = worker_id
        self._version = version
        self._process = process or {}
        self._room = Probe(self._look, clock, every_seconds=STORE_EVERY_SECONDS)

    def report(self) -> HealthReport:
        """``unavailable`` when the store does not answer, ``degraded`` when its room runs out."""
        details: dict[str, object] = {"worker_id": self._worker_id, "store": "ok", "free_bytes": None}
        try:
            free = self._room.ask()
        except Unavailable:
            details["store"] = "unavailable"
            reasons = ("The store does not answer.",)
            return HealthReport(Status.UNAVAILABLE, "worker", self._version, reasons, details)
        details["free_bytes"] = free
        if free is not None and free < SCARCE_BYTES:
            reasons = ("The store is almost full.",)
            return HealthReport(Status.DEGRADED, "worker", self._version, reasons, details)
        return HealthReport(Status.OK, "worker", self._version, (), details)

    def account(self) -> dict[str, object]:
        """The report as the worker gives it to masters, with the identity of its store and of its process."""
        report = self.report()
        return {
            "worker_id": self._worker_id,
            "status": report.status.value,
            "version": self._version,
            "store_id": self._store.store_id,
            "free_bytes": report.details["free_bytes"],
            **self._process,
        }

    def _look(self) -> int | None:
        # Asking for room alone would not notice a disk that has it but can no longer be read.
        with suppress(NotFound):
            self._store.stat(_NO_CHUNK)
        return self._store.free_bytes()


class ControllerHealth:
    """A controller is well when it answers; what its workers do is the cluster's health, told by the masters."""

    def __init__(self, registry: MemberRegistry, version: str) -> None:
        self._registry = registry
        self._version = version

    def report(self) -> HealthReport:
        """Always ``ok``, with the number of workers in each state; those removed are none of the cluster's any more."""
        states = [member.state for member in self._registry.members()]
        details: dict[str, object] = {"workers_known": len(states) - states.count(MemberState.GONE)}
        details.update((f"workers_{state.value}", states.count(state)) for state in MemberState)
        return HealthReport(Status.OK, "controller", self._version, (), details)


def _shortcomings(details: Mapping[str, object], *, alone: bool) -> tuple[str, ...]:
    """A sentence for every fact about a master that is not as it should be; ``alone`` says that it goes on without the
    catalog."""
    known, up, owed = details["workers_known"], details["workers_up"], details["replicas_owed"]
    catalog = details["catalog"] == "ok"
    checks = (
        (not catalog and not alone, "The catalog does not answer: files can be neither found nor stored."),
        (
            alone,
            "The catalog does not answer: new versions are provisional, and reads find what this host knows.",
        ),
        (not known, "No worker has joined yet."),
        (up != known, f"{up} of {known} workers are up."),
        (catalog and known and not details["can_write"], "Too few workers are up for strong writes."),
        (details["controller"] != "ok", "The controller does not answer; the last list of workers is used."),
        (catalog and owed is None, "The catalog does not say how many replicas are owed."),
        (
            details.get("redis") == "away",
            "Redis is away: limits count per process, revocations take a second, hybrid reads ask the catalog.",
        ),
        (
            details.get("journal") == "unavailable",
            "The journal cannot be used: nothing is accepted without the catalog or without workers.",
        ),
        (details.get("journal_depth"), f"Versions that wait for the catalog: {details.get('journal_depth')}."),
        (details.get("spooled_bytes"), f"Bytes that wait for workers: {details.get('spooled_bytes')}."),
        (owed, f"Replicas still to be made: {owed}."),
    )
    return tuple(sentence for wrong, sentence in checks if wrong)


def _waiting_in(journal: Journal) -> dict[str, object]:
    try:
        return {"journal": "ok", "journal_depth": journal.depth(), "spooled_bytes": journal.spooled_bytes()}
    except Unavailable:
        return {"journal": "unavailable"}


def _answers(probe: Probe[None]) -> bool:
    try:
        probe.ask()
    except Unavailable:
        return False
    return True


def _number(probe: Probe[int]) -> int | None:
    try:
        return probe.ask()
    except Unavailable:
        return None
