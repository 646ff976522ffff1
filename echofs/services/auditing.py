"""Writing down who logged in, and what administrators did."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from echofs.core.audit import MAX_DETAIL_CHARACTERS, MAX_NAME_CHARACTERS, Action, Actor, AuditEvent, Outcome, kept
from echofs.core.errors import EchoError, Unavailable
from echofs.ports.audit import AuditLog
from echofs.ports.request_context import client_address
from echofs.ports.runtime import Clock, Ids

_log = logging.getLogger(__name__)


class Auditing:
    """Thread-safe. The address is that of the request being served. No caller gives a secret in any argument."""

    def __init__(self, log: AuditLog, clock: Clock, ids: Ids) -> None:
        self._audit = log
        self._clock = clock
        self._ids = ids

    def note(
        self, actor: Actor, action: Action, *, subject: str = "", outcome: Outcome = Outcome.DONE, detail: str = ""
    ) -> None:
        """Write down what has happened. Never raises: nobody is locked out because the log cannot be written; that is
        logged instead."""
        event = self._event(actor, action, subject, outcome, detail)
        try:
            self._audit.append(event)
        except Unavailable as error:
            _unwritten(event, error)

    @contextmanager
    def act(self, actor: Actor, action: Action, *, subject: str, detail: str = "") -> Iterator[None]:
        """Around what an administrator does: it is written down first, or not done.

        Raises :class:`CatalogUnavailable` for the former, before anything is done. How it ended is added afterwards;
        an event for which that failed, or whose end is not known because something did not answer, stays *begun*.
        """
        event = self._event(actor, action, subject, Outcome.BEGUN, detail)
        self._audit.append(event)
        try:
            yield
        except Unavailable:
            raise
        except EchoError as error:
            self._conclude(event, Outcome.REFUSED, "; ".join(filter(None, (detail, error.message))))
            raise
        self._conclude(event, Outcome.DONE, detail)

    def _conclude(self, event: AuditEvent, outcome: Outcome, detail: str) -> None:
        try:
            self._audit.conclude(event.id, outcome, kept(detail, MAX_DETAIL_CHARACTERS))
        except Unavailable as error:
            _unwritten(event, error)

    def _event(self, actor: Actor, action: Action, subject: str, outcome: Outcome, detail: str) -> AuditEvent:
        return AuditEvent(
            id=self._ids.new(),
            at=self._clock.now(),
            actor=Actor(actor.id, kept(actor.name, MAX_NAME_CHARACTERS)),
            address=kept(client_address.get(), MAX_NAME_CHARACTERS),
            action=action,
            subject=kept(subject, MAX_NAME_CHARACTERS),
            outcome=outcome,
            detail=kept(detail, MAX_DETAIL_CHARACTERS),
        )


def _unwritten(event: AuditEvent, error: Unavailable) -> None:
    _log.error(
        "the audit log cannot be written",
        extra={"action": event.action, "actor_id": event.actor.id, "outcome": event.outcome, "why": error.message},
    )
