"""Forgetting what need not be remembered any longer."""

from __future__ import annotations

import logging

from echofs.ports.accounts import UserDirectory
from echofs.ports.catalog import Catalog
from echofs.ports.resumable import UploadLedger
from echofs.ports.runtime import Clock

IDEMPOTENCY_HOURS = 24
_HOUR = 3_600_000_000

_log = logging.getLogger(__name__)


class Housekeeping:
    """Safe to run at any time, twice, or not at all."""

    def __init__(self, catalog: Catalog, users: UserDirectory, uploads: UploadLedger, clock: Clock) -> None:
        self._catalog = catalog
        self._users = users
        self._uploads = uploads
        self._clock = clock

    def run_once(self) -> None:
        """Drop answers to Idempotency-Keys after a day, revocations of tokens that have expired by themselves, and
        uploads that nobody went on with in time."""
        now = self._clock.now()
        keys = self._catalog.forget_idempotency(now - IDEMPOTENCY_HOURS * _HOUR)
        tokens = self._users.forget_revoked(now)
        uploads = self._uploads.forget_expired(now)
        if keys or tokens or uploads:
            _log.info("forgot", extra={"idempotency_keys": keys, "revoked_tokens": tokens, "uploads": uploads})
