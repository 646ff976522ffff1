"""The early word on quotas: before a body is read, and for versions that the catalog cannot judge yet. The last word is
the catalog's, within each commit."""

from __future__ import annotations

from echofs.core.errors import CatalogUnavailable, NotFound
from echofs.core.usage import Allowance, Usage, refusal
from echofs.ports.catalog import Catalog
from echofs.ports.runtime import Clock
from echofs.services.parents import Place

FRESH_SECONDS = 10.0
"""As long as an answer of the catalog is no older than this and leaves room, it is not asked again before an upload.
Nothing is refused by what was not asked just now."""
_REMEMBERED = 4096


class Quotas:
    """Thread-safe. Remembers what it was told of the usage of the users it last asked about."""

    def __init__(self, catalog: Catalog, clock: Clock) -> None:
        self._catalog = catalog
        self._clock = clock
        self._known: dict[str, tuple[Usage, float]] = {}

    def check_upload(self, place: Place, size: int | None, quota: int | None) -> None:
        """Raise :class:`QuotaExceeded` if ``size`` bytes at this place cannot fit. Says nothing where the size or the
        quota is unknown and while the catalog is away; a place that is not known yet may hold all that there is."""
        if quota is None or not size:
            return
        known, asked = self._known.get(place.owner_id, (None, 0.0))
        fresh = self._clock.monotonic() - asked <= FRESH_SECONDS
        if known is not None and fresh and known.total + size <= quota:
            return
        try:
            used = self.usage(place.owner_id)
            if used.total + size <= quota:
                return
            replaced = self._replaced(place, used)
        except CatalogUnavailable:
            return
        if refused := refusal(used, size - replaced, quota):
            raise refused

    def allowance(self, place: Place, quota: int | None) -> Allowance:
        """What the owner of this place may have under way in unfinished uploads, with one that goes there. While the
        catalog is away they are held to what it last said."""
        if quota is None:
            return Allowance(self._clock.now())
        try:
            used = self.usage(place.owner_id)
            return Allowance(self._clock.now(), quota, used, self._replaced(place, used))
        except CatalogUnavailable:
            known, _ = self._known.get(place.owner_id, (Usage(), 0.0))
            return Allowance(self._clock.now(), quota, known)

    def check_provisional(self, owner_id: str, growth: int, quota: int | None) -> None:
        """Raise :class:`QuotaExceeded` for a version that would be too much by what the catalog last said, if it was
        asked at all."""
        known, _ = self._known.get(owner_id, (None, 0.0))
        if known is not None and (refused := refusal(known, growth, quota)):
            raise refused

    def usage(self, owner_id: str) -> Usage:
        """What the catalog says that a user has stored. Raises :class:`CatalogUnavailable`."""
        asked = self._clock.monotonic()
        used = self._catalog.usage(owner_id)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[owner_id] = (used, asked)
        return used

    def _replaced(self, place: Place, used: Usage) -> int:
        """The size of what the upload takes the place of."""
        try:
            if place.file_id:
                return self._catalog.file(place.owner_id, place.file_id).head.content.size
            return self._catalog.file_at(place.owner_id, place.path).head.content.size if place.path else used.bytes
        except NotFound:
            return 0
