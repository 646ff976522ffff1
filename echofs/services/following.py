"""Keeping a host's copy of heads up to date with the catalog."""

from __future__ import annotations

import logging

from echofs.ports.catalog import Catalog
from echofs.ports.follower import Follower
from echofs.ports.gate import Gate
from echofs.ports.runtime import Clock

FOLLOW_SECONDS = 0.5
_TOGETHER = 1000
_BEFORE_ALL = 2**31
"""More changes than there are."""
_MOST_PAGES = 20
"""In one round, so that another process may take over and a stop is not kept waiting."""

_log = logging.getLogger(__name__)


class Following:
    """The process of a host that leads asks; the others find what it was told. The copy begins with the last
    ``capacity`` changes."""

    def __init__(self, catalog: Catalog, follower: Follower, gate: Gate, clock: Clock, *, capacity: int) -> None:
        self._catalog = catalog
        self._follower = follower
        self._gate = gate
        self._clock = clock
        self._capacity = capacity

    def run_once(self) -> None:
        """Ask for what changed since the last answer; the action of a loop. Raises :class:`CatalogUnavailable`."""
        if not self._catalog.follows or not self._gate.reachable:
            return
        with self._follower.lead() as leads:
            pages = _MOST_PAGES if leads and not self._just_asked() else 0
            while pages and not self._caught_up():
                pages -= 1

    def _just_asked(self) -> bool:
        """Whether another process of the host was faster."""
        age = self._follower.age()
        return age is not None and age < FOLLOW_SECONDS / 2

    def _caught_up(self) -> bool:
        after = self._follower.position()
        if after is None:
            after = self._begin()
        asked_at = self._clock.monotonic()
        changes = self._catalog.changes(after, _TOGETHER)
        if changes.newest < after:
            # Places only grow, so this is another catalog than before: restored, or made anew.
            _log.warning("the catalog's changes have begun anew, and so does this host's copy of heads")
            self._begin()
            return False
        self._follower.take(changes, after, asked_at)
        # An answer that brings no further shows only later what it withheld.
        return changes.upto >= changes.newest or changes.upto == after

    def _begin(self) -> int:
        start = self._catalog.last_change(self._capacity)
        self._follower.begin(start, whole=start == self._catalog.last_change(_BEFORE_ALL))
        return start
