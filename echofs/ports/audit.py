"""The audit log. It lives in SQL in every deployment, beside the users."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from echofs.core.audit import AuditEvent, Outcome
from echofs.core.models import Timestamp


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """One page of the log. ``actor`` is an id or a name, exactly; ``action`` one action, or the part before its dot for
    all of that kind; ``""`` matches all. ``after`` is the cursor of the page before."""

    actor: str = ""
    action: str = ""
    after: str = ""
    limit: int = 100


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Events, the newest first; ``next`` is the cursor of the following page, ``""`` at the end."""

    events: tuple[AuditEvent, ...]
    next: str = ""


class AuditLog(ABC):
    """Events are added and never changed but for their end. Methods raise :class:`CatalogUnavailable` when the database
    does not answer."""

    @abstractmethod
    def append(self, event: AuditEvent) -> None:
        """Write an event down, durably. Its texts must be such as :func:`echofs.core.audit.kept` makes."""

    @abstractmethod
    def conclude(self, event_id: str, outcome: Outcome, detail: str) -> None:
        """Say how an event ended that was written as begun; ``detail`` takes the place of the one before. One that has
        ended already, or is unknown, stays as it is."""

    @abstractmethod
    def page(self, query: AuditQuery) -> AuditPage:
        """One page. A cursor stays valid while events come and go. Raises :class:`InvalidRequest` for a malformed
        one."""

    @abstractmethod
    def forget(self, before: Timestamp) -> int:
        """Drop events older than that; how many."""
