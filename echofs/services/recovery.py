"""What was deleted: listed, brought back, or ended for good."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from echofs.core.conflict_names import restored_names
from echofs.core.errors import NameTaken, NotFound
from echofs.core.models import File, Kind, Timestamp, Version
from echofs.core.names import check_path
from echofs.ports.catalog import Catalog
from echofs.ports.trash import Trashed, TrashPage
from echofs.services.drafting import Draft
from echofs.services.levels import Levels
from echofs.services.parents import Place
from echofs.services.publishing import Published, Publisher, Wish
from echofs.services.shipping import Shipping

PURGED_TOGETHER = 200
_NAMES_TRIED = 100
_DAY = 86_400_000_000


class Recovery:
    """A user's trash. What is in another user's is not found. Thread-safe.

    Without the catalog nobody knows what is in the trash: every method raises :class:`CatalogUnavailable`, and what
    comes back is never provisional.
    """

    def __init__(
        self, catalog: Catalog, levels: Levels, publisher: Publisher, shipping: Shipping, *, trash_days: float
    ) -> None:
        """``trash_days`` is how long a deleted file can be brought back; 0 means for ever."""
        self._catalog = catalog
        self._levels = levels
        self._publisher = publisher
        self._shipping = shipping
        self._days = trash_days

    def page(self, owner_id: str, after: str, limit: int) -> TrashPage:
        """The newest first. Raises :class:`InvalidRequest` for a malformed cursor."""
        return self._catalog.trash(owner_id, after, limit)

    def expires_at(self, trashed: Trashed) -> Timestamp | None:
        """From when on the file may be gone for good; None for never."""
        return trashed.deleted_at + int(self._days * _DAY) if self._days else None

    def restore(self, owner_id: str, file_id: str, wish: Wish, *, path: str = "", rename: bool = False) -> Published:
        """Bring a deleted file back with the bytes it had, where it was or at ``path``, as a version like any other.

        With ``rename`` a path that is in use gives way to "name (restored).ext" beside it. Raises :class:`NotFound`,
        :class:`InvalidName`, :class:`NameTaken`, and what replication raises.
        """
        wanted = check_path(path) if path else ""
        trashed = self._catalog.trashed(owner_id, file_id)
        version = self._version(trashed)
        for target in self._paths(wanted or trashed.path, rename):
            if self._taken(owner_id, target):
                continue
            try:
                return self._revive(trashed, version, target, wish)
            except NameTaken:
                continue
        raise NameTaken("Another file has this path; choose another or rename that file first.", field="path")

    def purge(self, owner_id: str, file_id: str) -> None:
        """End a deleted file for good. Raises :class:`NotFound` unless it is in the trash."""
        if not self._catalog.purge(owner_id, [self._catalog.trashed(owner_id, file_id)]):
            raise _not_there()

    def empty(self, owner_id: str) -> int:
        """End for good what is in the trash now; how many files."""
        purged, after = 0, ""
        while True:
            page = self._catalog.trash(owner_id, after, PURGED_TOGETHER)
            purged += self._catalog.purge(owner_id, page.files)
            if not page.next:
                return purged
            after = page.next

    def _version(self, trashed: Trashed) -> Version:
        history = self._catalog.versions(trashed.owner_id, trashed.file_id)
        found = next((version for version in history if version.number == trashed.number), None)
        if found is None:
            raise _not_there()
        return found

    def _paths(self, path: str, rename: bool) -> Iterator[str]:
        yield path
        if rename:
            yield from islice(restored_names(path), _NAMES_TRIED)

    def _taken(self, owner_id: str, path: str) -> bool:
        try:
            self._catalog.file_at(owner_id, path)
        except NotFound:
            return False
        return True

    def _revive(self, trashed: Trashed, version: Version, path: str, wish: Wish) -> Published:
        place = Place(trashed.owner_id, trashed.file_id, trashed=True)
        course = self._levels.course(wish.ask, place, size=0, conditional=True)
        draft = Draft(Kind.CONTENT, path, version.content, version.content_type)

        def check(head: File | None) -> None:
            if head is None or not head.deleted:
                raise _not_there()
            for each in (trashed.path, path):
                there = Place(trashed.owner_id, trashed.file_id, each)
                self._levels.hold(course, wish.ask, there, size=0, conditional=True)

        return self._publisher.publish(place, lambda _: draft, wish, self._shipping.open(course), check=check)


def _not_there() -> NotFound:
    return NotFound("There is no such file in the trash.")
