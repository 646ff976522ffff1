"""What the administrator's part of the client gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from echofs.client.values import Value


@dataclass(frozen=True, slots=True)
class StoredBytes(Value):
    """What a user has stored, in files and bytes."""

    files: int
    bytes: int
    trash_bytes: int


@dataclass(frozen=True, slots=True)
class UserAccount(Value):
    """A user as administrators see it. ``quota_bytes`` is None without a quota, ``last_login_at`` before the first
    login."""

    id: str
    username: str
    email: str
    role: str
    disabled: bool
    quota_bytes: int | None
    usage: StoredBytes
    created_at: datetime
    last_login_at: datetime | None

    @classmethod
    def _read(cls, known: dict[str, Any]) -> dict[str, Any]:
        return {**Value._read(known), "usage": StoredBytes.parsed(known["usage"])}


@dataclass(frozen=True, slots=True)
class Quantiles(Value):
    """Milliseconds; None while too little is known."""

    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Worker(Value):
    """A worker as administrators see it. ``store_ms``, ``fetch_ms`` and ``breaker`` are what the master that answered
    has seen itself; ``owed`` is None while the catalog does not say."""

    worker_id: str
    state: str
    intent: str
    zone: str
    weight: float
    url: str
    free_bytes: int | None
    store_id: str
    store_ms: Quantiles
    fetch_ms: Quantiles
    breaker: str
    owed: int | None

    @classmethod
    def _read(cls, known: dict[str, Any]) -> dict[str, Any]:
        return known | {name: Quantiles.parsed(known[name]) for name in ("store_ms", "fetch_ms")}


@dataclass(frozen=True, slots=True)
class Alarm(Value):
    """What an administrator should look at: ``severity`` is ``critical`` or ``warning``."""

    severity: str
    text: str


@dataclass(frozen=True, slots=True)
class Replication(Value):
    """How far the replicas are from complete. What is not known is None; ``sweep`` and ``jobs`` are as docs/api.md has
    them."""

    replication_factor: int
    replicas_owed: int | None
    owed_by_worker: Mapping[str, int] | None
    owed_by_reason: Mapping[str, int] | None
    sweep: Mapping[str, Any] | None
    jobs: Mapping[str, Any]
    alarms: tuple[Alarm, ...]

    @classmethod
    def _read(cls, known: dict[str, Any]) -> dict[str, Any]:
        return known | {"alarms": tuple(Alarm.parsed(row) for row in known["alarms"])}


@dataclass(frozen=True, slots=True)
class Actor(Value):
    """Who did something; ``id`` is None for somebody who did not prove to be anybody."""

    id: str | None
    name: str


@dataclass(frozen=True, slots=True)
class AuditEvent(Value):
    """An entry of the audit log. ``outcome`` is ``done``, ``refused`` or ``begun`` (nobody knows)."""

    id: str
    at: datetime
    actor: Actor
    address: str
    action: str
    subject: str
    outcome: str
    detail: str

    @classmethod
    def _read(cls, known: dict[str, Any]) -> dict[str, Any]:
        return known | {"at": datetime.fromisoformat(known["at"]), "actor": Actor.parsed(known["actor"])}
