"""Ending what need not be kept: deleted files after their time in the trash, and old versions."""

from __future__ import annotations

import logging
from collections import defaultdict

from echofs.core.models import Timestamp
from echofs.core.retention import Rule, outlived
from echofs.ports.catalog import Catalog
from echofs.ports.runtime import Clock
from echofs.ports.trash import Trashed

BATCH = 200
"""Files looked at, or purged, at a time: nobody waits for long behind it."""
_DAY = 86_400_000_000

_log = logging.getLogger(__name__)


class Retention:
    """Safe to run at any time, twice, or not at all."""

    def __init__(self, catalog: Catalog, clock: Clock, rule: Rule, *, trash_days: float) -> None:
        """``trash_days`` is how long deleted files are kept; 0 means for ever."""
        self._catalog = catalog
        self._clock = clock
        self._rule = rule
        self._trash_days = trash_days

    def run_once(self) -> None:
        """Purge the trash of what was deleted too long ago, and drop the old versions that outlived the rule."""
        now = self._clock.now()
        files = self._purge(now - int(self._trash_days * _DAY)) if self._trash_days else 0
        versions = self._thin_out(now)
        if files or versions:
            _log.info("retention", extra={"purged_files": files, "dropped_versions": versions})

    def _purge(self, before: Timestamp) -> int:
        total = 0
        while True:
            expired = self._catalog.expired(before, BATCH)
            of_owner: dict[str, list[Trashed]] = defaultdict(list)
            for each in expired:
                of_owner[each.owner_id].append(each)
            purged = sum(self._catalog.purge(owner_id, seen) for owner_id, seen in of_owner.items())
            total += purged
            if len(expired) < BATCH or not purged:
                return total

    def _thin_out(self, now: Timestamp) -> int:
        total, after = 0, ""
        while True:
            page = self._catalog.histories(after, BATCH)
            for history in page.histories:
                if numbers := outlived(history.versions, history.needed, self._rule, now):
                    total += self._catalog.drop_versions(history.file_id, numbers)
            if not page.next:
                return total
            after = page.next
