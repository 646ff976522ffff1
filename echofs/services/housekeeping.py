"""Forgetting what need not be remembered any longer."""

from __future__ import annotations

import logging

from echofs.ports.accounts import UserDirectory
from echofs.ports.audit import AuditLog
from echofs.ports.catalog import Catalog
from echofs.ports.resumable import UploadLedger
from echofs.ports.runtime import Clock

IDEMPOTENCY_HOURS = 24
_HOUR = 3_600_000_000
_DAY = 24 * _HOUR

_log = logging.getLogger(__name__)


class Housekeeping:
    """Safe to run at any time, twice, or not at all."""

    def __init__(
        self,
        catalog: Catalog,
        users: UserDirectory,
        uploads: UploadLedger,
        audit: AuditLog,
        clock: Clock,
        *,
        audit_days: int,
    ) -> None:
        """``audit_days`` is how long the audit log is kept; 0 means for ever."""
        self._catalog = catalog
        self._users = users
        self._uploads = uploads
        self._audit = audit
        self._clock = clock
        self._audit_days = audit_days

    def run_once(self) -> None:
        """Drop answers to Idempotency-Keys after a day, revocations of tokens that have expired by themselves, uploads
        that nobody went on with in time, and what is too old in the audit log."""
        now = self._clock.now()
        forgotten = {
            "idempotency_keys": self._catalog.forget_idempotency(now - IDEMPOTENCY_HOURS * _HOUR),
            "revoked_tokens": self._users.forget_revoked(now),
            "uploads": self._uploads.forget_expired(now),
            "audit_events": self._audit.forget(now - self._audit_days * _DAY) if self._audit_days else 0,
        }
        if any(forgotten.values()):
            _log.info("forgot", extra=forgotten)
