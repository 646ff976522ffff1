"""Where a write finds the version it follows: in the catalog, or while that is away in what this host knows."""

from __future__ import annotations

from dataclasses import dataclass

from echofs.core.entries import JournalEntry
from echofs.core.errors import CatalogUnavailable, NotFound
from echofs.core.models import File
from echofs.ports.catalog import Catalog
from echofs.ports.follower import Follower
from echofs.ports.journal import Journal
from echofs.services.course import Course

AWAY = "The catalog did not answer; this version is provisional until it does."
BEHIND = "An earlier version of this file still waits for the catalog; this one follows it and is provisional too."
_FIRST = "An earlier version of this file still waits for the catalog; nothing was stored. Try again soon."


@dataclass(frozen=True, slots=True)
class Place:
    """What a write is about: a file by its id, or else whatever is at a path. A ``trashed`` one was deleted."""

    owner_id: str
    file_id: str = ""
    path: str = ""
    trashed: bool = False


class Parents:
    """Thread-safe. Without a ``follower`` only this host's journal is known while the catalog is away."""

    def __init__(self, catalog: Catalog, journal: Journal, follower: Follower | None = None) -> None:
        self._catalog = catalog
        self._journal = journal
        self._follower = follower

    def find(self, place: Place, course: Course) -> File | None:
        """The head that a write at this place follows; None where a path is free.

        It is the catalog's, unless a provisional one is newer or the catalog is away: then the course leaves the
        catalog. One that left it before follows the catalog's head all the same once that answers. Raises
        :class:`NotFound` for an id, and :class:`CatalogUnavailable` when the course may not do that. Only the catalog
        knows what was deleted.
        """
        if place.trashed:
            return self._catalog.head(place.owner_id, place.file_id)
        head, missing = None, None
        try:
            head = self._committed(place)
        except NotFound as error:
            missing = error
        except CatalogUnavailable as error:
            course.leave_catalog(AWAY, error)
            return self.known(place)
        if self._waiting(place, head):
            course.leave_catalog(BEHIND, CatalogUnavailable(_FIRST))
            known = self.known(place)
            # Committed and forgotten by the journal just now, it was missed by both.
            return known if self._waiting(place, head) else self._committed(place)
        if missing is not None:
            raise missing
        return head

    def known(self, place: Place) -> File | None:
        """The head as this host knows it, provisional versions first; None where a path is free.

        Raises :class:`NotFound` for an id whose file was deleted, :class:`CatalogUnavailable` for one unknown here.
        """
        if place.file_id:
            return self._by_id(place)
        if not place.path:
            return None
        entry = self._journal.at(place.owner_id, place.path)
        if entry is not None:
            return self._file(entry)
        copy = self._follower.at(place.owner_id, place.path) if self._follower else None
        # Newer than the copy is what the journal has of that file: it says that it is elsewhere now, or deleted.
        if copy is None or self._journal.head(place.owner_id, copy.file.id) is not None:
            return None
        return copy.file

    def _committed(self, place: Place) -> File | None:
        if place.file_id:
            return self._catalog.file(place.owner_id, place.file_id)
        if not place.path:
            return None
        try:
            return self._catalog.file_at(place.owner_id, place.path)
        except NotFound:
            return None

    def _waiting(self, place: Place, head: File | None) -> bool:
        """Whether a version newer than the catalog's ``head`` of that place is provisional."""
        if not self._journal.depth():
            return False
        file_id = head.id if head else place.file_id
        entry = self._journal.head(place.owner_id, file_id) if file_id else None
        if entry is None and place.path:
            entry = self._journal.at(place.owner_id, place.path)
        # The journal forgets an entry a moment after it was committed.
        return entry is not None and (head is None or entry.version.dot != head.head.dot)

    def _by_id(self, place: Place) -> File:
        entry = self._journal.head(place.owner_id, place.file_id)
        if entry is not None:
            if entry.deletes:
                raise NotFound("There is no such file.")
            return self._file(entry)
        copy = self._follower.head(place.owner_id, place.file_id) if self._follower else None
        if copy is None:
            raise CatalogUnavailable("The catalog does not answer, and this master does not know the file; try again.")
        if copy.file.deleted:
            raise NotFound("There is no such file.")
        return copy.file

    def _file(self, entry: JournalEntry) -> File:
        version = entry.version
        copy = None
        if entry.parent_dot is not None and self._follower is not None:
            copy = self._follower.head(entry.owner_id, version.file_id)
        return File(version.file_id, entry.owner_id, version, copy.file.created_at if copy else version.created_at)
