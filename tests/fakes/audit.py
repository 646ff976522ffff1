"""An audit log in a list."""

from __future__ import annotations

from dataclasses import replace

from echofs.adapters.catalog import cursor
from echofs.core.audit import AuditEvent, Outcome
from echofs.core.errors import CatalogUnavailable
from echofs.core.models import Timestamp
from echofs.ports.audit import AuditLog, AuditPage, AuditQuery


class MemoryAudit(AuditLog):
    """While ``away`` it can be neither written nor read."""

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []
        self.away = False

    def append(self, event: AuditEvent) -> None:
        self._answer()
        self.events.append(event)

    def conclude(self, event_id: str, outcome: Outcome, detail: str) -> None:
        self._answer()
        for at, event in enumerate(self.events):
            if event.id == event_id and event.outcome is Outcome.BEGUN:
                self.events[at] = replace(event, outcome=outcome, detail=detail)

    def page(self, query: AuditQuery) -> AuditPage:
        self._answer()
        found = sorted(self.events, key=_place, reverse=True)
        if query.after:
            place = cursor.decode(query.after, "audit")
            found = [event for event in found if _place(event) < place]
        if query.actor:
            found = [event for event in found if query.actor in (event.actor.id, event.actor.name)]
        if query.action:
            found = [event for event in found if f"{event.action}.".startswith(f"{query.action}.")]
        more = len(found) > query.limit
        return AuditPage(
            tuple(found[: query.limit]), cursor.encode(_place(found[query.limit - 1]), "audit") if more else ""
        )

    def forget(self, before: Timestamp) -> int:
        self._answer()
        known = len(self.events)
        self.events = [event for event in self.events if event.at >= before]
        return known - len(self.events)

    def _answer(self) -> None:
        if self.away:
            raise CatalogUnavailable("The catalog does not answer.")


def _place(event: AuditEvent) -> tuple[Timestamp, str]:
    return event.at, event.id
