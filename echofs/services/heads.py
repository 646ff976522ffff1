"""Where reads find a file's head: in the catalog, or in a cache that lags a few seconds behind it."""

from __future__ import annotations

from dataclasses import dataclass

from echofs.core.models import File, Level
from echofs.ports.cache import HeadCache, Lookup
from echofs.ports.catalog import Catalog
from echofs.ports.runtime import Meters

_FIRST = 1


@dataclass(frozen=True, slots=True)
class FoundHead:
    """A file with a version that was its head at most ``age`` seconds before it was looked up; ``level`` is what that
    is worth."""

    file: File
    level: Level = Level.STRONG
    age: float = 0.0


class Heads:
    """Thread-safe. Without a ``cache`` every read asks the catalog."""

    def __init__(self, catalog: Catalog, cache: HeadCache | None, meters: Meters) -> None:
        self._catalog = catalog
        self._cache = cache
        self._meters = meters

    def find(self, owner_id: str, file_id: str, within: float = 0.0) -> FoundHead:
        """A living file of that owner, with a head that may lag ``within`` seconds behind; 0 asks the catalog.

        Raises :class:`NotFound`, and :class:`CatalogUnavailable` when the cache cannot answer either.
        """
        if within <= 0 or self._cache is None:
            return FoundHead(self._catalog.file(owner_id, file_id))
        seen = self._cache.find(file_id)
        # To everybody but its owner a cached file is as unknown as any: the catalog gives the answer.
        if seen.file is not None and seen.file.owner_id == owner_id and seen.age <= within:
            self._count("hit")
            return FoundHead(seen.file, Level.HYBRID, seen.age)
        return FoundHead(self._ask(owner_id, file_id, self._cache, seen))

    def superseded(self, file: File) -> bool:
        """Tell every master that an earlier head of this file no longer counts; whether all of them know.

        Call it after the commit and before the answer, so that the client's next read sees its write.
        """
        # A new file has no earlier head, and its id was known to nobody.
        if self._cache is None or file.head.number == _FIRST:
            return True
        return self._cache.supersede(file)

    def _ask(self, owner_id: str, file_id: str, cache: HeadCache, seen: Lookup) -> File:
        self._count("away" if seen.ticket is None else "miss")
        file = self._catalog.file(owner_id, file_id)
        if seen.ticket is not None:
            cache.keep(file, seen)
        return file

    def _count(self, result: str) -> None:
        self._meters.add("head_lookups", result=result)
