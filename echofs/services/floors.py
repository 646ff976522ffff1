"""The floors that owners set, and what holds for a file now."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace

from echofs.core.errors import CatalogUnavailable, InvalidRequest, NotFound
from echofs.core.floors import FloorFound, floor_of
from echofs.core.models import Floor, FloorScope, Level
from echofs.core.names import check_path
from echofs.ports.catalog import Catalog
from echofs.ports.follower import Follower
from echofs.ports.offline import OfflineFloors
from echofs.ports.runtime import Clock
from echofs.services.parents import Place

MOST_FLOORS = 1000
REMEMBERED_SECONDS = 1.0
_CAPACITY = 4096
_KEPT_PARTS = 10
"""An unchanged answer is kept for the time without the catalog this many times in the span for which it counts."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    floors: tuple[Floor, ...]
    until: float
    kept_at: float


class Floors:
    """Thread-safe. A floor is effective at once in the process that set it, and within one second in all others.

    While the catalog is away the floors that this host knew at most ``offline_seconds`` before count; whoever's are not
    known is refused. ``system`` is the floor of everything, ``critical`` gives the ids that operators call critical.
    """

    def __init__(
        self,
        catalog: Catalog,
        offline: OfflineFloors,
        follower: Follower,
        clock: Clock,
        *,
        system: Level = Level.AVAILABLE,
        offline_seconds: float = 300.0,
        critical: Callable[[], Collection[str]] = frozenset,
    ) -> None:
        self._catalog = catalog
        self._offline = offline
        self._follower = follower
        self._clock = clock
        self._system = system
        self._offline_seconds = offline_seconds
        self._critical = critical
        self._remembered: dict[str, _Remembered] = {}
        self._changes = 0
        self._lock = threading.Lock()

    def find(self, owner_id: str, file_id: str = "", path: str = "") -> FloorFound:
        """What holds for a file by its id, or for whatever is or comes to be at a path.

        Raises :class:`CatalogUnavailable` when neither the catalog nor this host knows the owner's floors.
        """
        floors, critical = self._known(owner_id), self._critical()
        scopes = {floor.scope for floor in floors}
        if file_id and not path and FloorScope.FOLDER in scopes:
            path = self._path(owner_id, file_id)
        elif path and not file_id and (FloorScope.FILE in scopes or critical):
            file_id = self._at(owner_id, path)
        return floor_of(floors, file_id, path, self._system, critical=critical)

    def floor(self, place: Place) -> FloorFound:
        """What holds for a write there. Raises like :meth:`find`."""
        return self.find(place.owner_id, place.file_id, place.path)

    def remember(self, owner_id: str) -> None:
        """Have this host know an owner's floors in case the catalog goes away; asks it every now and then. Call it for
        whoever was served by the catalog. Never raises."""
        known = self._remembered.get(owner_id)
        if known is None or self._clock.monotonic() - known.kept_at >= self._offline_seconds / _KEPT_PARTS:
            with suppress(CatalogUnavailable):
                self._ask(owner_id)

    @property
    def system(self) -> Level:
        """The floor of everything."""
        return self._system

    def listed(self, owner_id: str) -> list[Floor]:
        """All that an owner has set, by scope and key. Raises :class:`CatalogUnavailable`."""
        return list(self._ask(owner_id))

    def put(self, floor: Floor) -> Floor:
        """Set or replace a floor; what was set. Idempotent.

        Raises :class:`NotFound` for a file that the owner does not have, :class:`InvalidName` for a folder that cannot
        be, and :class:`InvalidRequest` when there would be too many.
        """
        if floor.scope is FloorScope.FILE:
            self._catalog.file(floor.owner_id, floor.key)
        floor = replace(floor, key=_spelt(floor.scope, floor.key))
        others = [each for each in self._ask(floor.owner_id) if (each.scope, each.key) != (floor.scope, floor.key)]
        if len(others) >= MOST_FLOORS:
            raise InvalidRequest(f"You have {MOST_FLOORS} floors already: remove one first.", field="key")
        self._catalog.set_floor(floor)
        # Should the catalog go away now, this host must not go on by the floors from before.
        self._offline.keep(floor.owner_id, (*others, floor), self._clock.monotonic())
        self._forget(floor.owner_id)
        return floor

    def drop(self, owner_id: str, scope: FloorScope, key: str) -> None:
        """Remove a floor. Idempotent."""
        self._catalog.drop_floor(owner_id, scope, _spelt(scope, key))
        self._forget(owner_id)

    def _path(self, owner_id: str, file_id: str) -> str:
        try:
            return self._catalog.file(owner_id, file_id).path
        except NotFound:
            return ""
        except CatalogUnavailable:
            copy = self._follower.head(owner_id, file_id)
            return copy.file.path if copy else ""

    def _at(self, owner_id: str, path: str) -> str:
        try:
            return self._catalog.file_at(owner_id, path).id
        except NotFound:
            return ""
        except CatalogUnavailable:
            copy = self._follower.at(owner_id, path)
            return copy.file.id if copy else ""

    def _known(self, owner_id: str) -> tuple[Floor, ...]:
        remembered = self._remembered.get(owner_id)
        if remembered is not None and self._clock.monotonic() < remembered.until:
            return remembered.floors
        try:
            return self._ask(owner_id)
        except CatalogUnavailable:
            kept = self._offline.recall(owner_id)
            if kept is None or kept[1] > self._offline_seconds:
                raise CatalogUnavailable(
                    "The catalog does not answer, and this master does not know which consistency your files demand; "
                    "try again shortly."
                ) from None
            return kept[0]

    def _ask(self, owner_id: str) -> tuple[Floor, ...]:
        known, changes = self._remembered.get(owner_id), self._changes
        asked_at = self._clock.monotonic()
        floors = tuple(self._catalog.floors(owner_id))
        kept_at = known.kept_at if known and known.floors == floors else -math.inf
        if asked_at - kept_at >= self._offline_seconds / _KEPT_PARTS:
            self._offline.keep(owner_id, floors, asked_at)
            kept_at = asked_at
        with self._lock:
            # A floor was changed while the question was under way: the answer may be from before.
            if changes == self._changes:
                if len(self._remembered) >= _CAPACITY:
                    self._remembered.clear()
                self._remembered[owner_id] = _Remembered(floors, asked_at + REMEMBERED_SECONDS, kept_at)
        return floors

    def _forget(self, owner_id: str) -> None:
        with self._lock:
            self._changes += 1
            self._remembered.pop(owner_id, None)


def _spelt(scope: FloorScope, key: str) -> str:
    """The key as paths are kept: a folder may come with slashes around it."""
    return check_path(key.removesuffix("/"), field="key") if scope is FloorScope.FOLDER else key
