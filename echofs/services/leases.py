"""Doing something in one process at a time. A lease saves double work; no safety depends on it."""

from __future__ import annotations

from collections.abc import Callable

from echofs.ports.catalog import Catalog
from echofs.ports.runtime import Clock

LEASE_SECONDS = 30


class Lease:
    """A named lease in the catalog, taken or extended each time something is run under it."""

    def __init__(self, catalog: Catalog, name: str, holder: str, clock: Clock) -> None:
        self._catalog = catalog
        self._name = name
        self._holder = holder
        self._clock = clock

    def run(self, action: Callable[[], object]) -> bool:
        """Run ``action`` if the lease is free or ours; whether it ran. Raises what it and the catalog raise."""
        now = self._clock.now()
        if not self._catalog.acquire_lease(self._name, self._holder, now, now + LEASE_SECONDS * 1_000_000):
            return False
        action()
        return True

    def release(self) -> None:
        """Let another process take over at once. Idempotent."""
        self._catalog.release_lease(self._name, self._holder)
