"""A file's head by the catalog, and by a cache of all masters that lags a few seconds behind it."""

from __future__ import annotations

from dataclasses import replace

from echofs.core.models import File
from echofs.ports.cache import HeadCache, Lookup
from echofs.ports.catalog import Catalog
from echofs.ports.runtime import Meters

_FIRST = 1


class Heads:
    """Thread-safe. Without a ``cache`` every question goes to the catalog."""

    def __init__(self, catalog: Catalog, cache: HeadCache | None, meters: Meters) -> None:
        self._catalog = catalog
        self._cache = cache
        self._meters = meters

    def find(self, owner_id: str, file_id: str) -> File:
        """A living file of that owner with its head, by the catalog. Raises :class:`NotFound` and
        :class:`CatalogUnavailable`."""
        return self._catalog.file(owner_id, file_id)

    def look(self, owner_id: str, file_id: str, within: float) -> Lookup:
        """What the cache has of that owner's file, if it is at most ``within`` seconds old."""
        if self._cache is None:
            return Lookup()
        seen = self._cache.find(file_id)
        # To everybody but its owner a cached file is as unknown as any: the catalog gives the answer.
        if seen.file is not None and (seen.file.owner_id != owner_id or seen.age > within):
            seen = replace(seen, file=None)
        self._meters.add("head_lookups", result="hit" if seen.file else "away" if seen.ticket is None else "miss")
        return seen

    def ask(self, owner_id: str, file_id: str, lookup: Lookup) -> File:
        """Like :meth:`find`, and have the cache remember it since ``lookup``."""
        file = self._catalog.file(owner_id, file_id)
        if self._cache is not None and lookup.ticket is not None:
            self._cache.keep(file, lookup)
        return file

    def superseded(self, file: File) -> bool:
        """Tell every master that an earlier head of this file no longer counts; whether all of them know.

        Call it after the commit and before the answer, so that the client's next read sees its write.
        """
        # A new file has no earlier head, and its id was known to nobody.
        if self._cache is None or file.head.number == _FIRST:
            return True
        return self._cache.supersede(file)
