"""The one who fills an empty catalog: marked in the catalog itself, so that an unfinished attempt is known as one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from echofs.core.errors import Conflict
from echofs.ports.catalog import Catalog
from echofs.ports.runtime import Clock, Ids

MARK = "restoring"
"""A lease that is held until the catalog is complete, by whoever began."""
BUSY = "restoring now"
BUSY_SECONDS = 60
_FOREVER = 2**62


class Restoring:
    """Thread-safe only in that two processes never fill one catalog at once. ``who`` is ``rebuild`` or ``import``."""

    def __init__(self, catalog: Catalog, who: str, clock: Clock, ids: Ids) -> None:
        self._catalog = catalog
        self._who = who
        self._clock = clock
        self._id = ids.new()

    @contextmanager
    def filling(self) -> Iterator[None]:
        """What is done inside fills an empty catalog; trash and usage follow at the end. If it ends early, the catalog
        stays marked as unfinished, and the next one to enter finds it empty again.

        Raises :class:`Conflict` unless the catalog is empty or was left unfinished.
        """
        self.keep()
        try:
            now = self._clock.now()
            if not self._catalog.lease_holder(MARK, now) and not self._catalog.empty():
                raise Conflict(
                    f"The catalog is not empty, and {self._who} only fills an empty one; nothing was changed. Name "
                    "another one, or move this one away first."
                )
            self._catalog.acquire_lease(MARK, MARK, now, _FOREVER)
            self._catalog.clear()
            yield
            self.keep()
            self._catalog.recount()
            self._catalog.release_lease(MARK, MARK)
        finally:
            self._catalog.release_lease(BUSY, self._id)

    def keep(self) -> None:
        """Say that the work goes on; call it at least every half minute. Raises :class:`Conflict` when another process
        fills the catalog."""
        now = self._clock.now()
        if not self._catalog.acquire_lease(BUSY, self._id, now, now + BUSY_SECONDS * 1_000_000):
            raise Conflict(
                "Another process is filling this catalog, or was stopped less than a minute ago: try again later."
            )
