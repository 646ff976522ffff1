"""What this host knows of files without asking the catalog: its own journal, and its copy of the catalog's heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from echofs.core.entries import JournalEntry
from echofs.core.models import File
from echofs.core.read_plan import line_of
from echofs.core.session_tokens import Line
from echofs.ports.follower import Copy, CopyPage, Follower
from echofs.ports.journal import Journal
from echofs.ports.listing import ListQuery


@dataclass(frozen=True, slots=True)
class Journaled:
    """A version that waits for the catalog, and what it contains.

    No other version had taken its place at most ``age`` seconds before; None where that cannot be told. ``overtaken``
    says that one certainly has.
    """

    file: File
    line: Line
    age: float | None
    overtaken: bool = False


class LocalHeads:
    """Thread-safe. Methods raise :class:`Unavailable` when the journal's disk fails."""

    def __init__(self, journal: Journal, follower: Follower) -> None:
        self._journal = journal
        self._follower = follower

    def journaled(self, owner_id: str, file_id: str) -> Journaled | None:
        """The newest version of a file in the journal, a tombstone perhaps."""
        entries = self._journal.of_file(owner_id, file_id)
        if not entries:
            return None
        copy = self._follower.head(owner_id, file_id)
        line = line_of(entries[-1], entries)
        return Journaled(_file(entries, copy), line, *self._standing(line, copy))

    def copy(self, owner_id: str, file_id: str) -> Copy | None:
        """The head of a file as the catalog last told, a tombstone perhaps."""
        return self._follower.head(owner_id, file_id)

    def journaled_at(self, owner_id: str, path: str) -> str | None:
        """The id of the file that a version in the journal puts at a path."""
        entry = self._journal.at(owner_id, path)
        return entry.version.file_id if entry else None

    def at(self, owner_id: str, path: str) -> str | None:
        """The id of the file that is at a path, as far as this host knows, provisional versions first."""
        journaled = self.journaled_at(owner_id, path)
        if journaled is not None:
            return journaled
        copy = self._follower.at(owner_id, path)
        # Newer than the copy is what the journal has of that file: it says that it is elsewhere now, or deleted.
        if copy is None or self._journal.head(owner_id, copy.file.id) is not None:
            return None
        return copy.file.id

    def page(self, query: ListQuery) -> tuple[CopyPage, bool] | None:
        """One page of living files, provisional versions first; whether there are any. None while the host has no copy
        of the catalog. Raises :class:`InvalidRequest` for a malformed cursor."""
        newest = self._journal.heads(query.owner_id)
        files = [_file([entry], self._follower.head(query.owner_id, entry.version.file_id)) for entry in newest]
        page = self._follower.page(query, files)
        return None if page is None else (page, bool(newest))

    def folders(self, owner_id: str, parent: str) -> list[str]:
        """Paths of the folders directly inside another, as far as the copy knows files in them."""
        return self._follower.folders(owner_id, parent)

    def _standing(self, line: Line, copy: Copy | None) -> tuple[float | None, bool]:
        """The age of a journaled version, and whether it was overtaken."""
        if copy is None:
            # Nobody else can have changed a file that the catalog never saw.
            return (None if line.committed else self._follower.age()), False
        head = copy.file.head
        if head.number <= line.committed or head.dot in line.dots:
            return copy.age, False
        return None, True


def _file(entries: Sequence[JournalEntry], copy: Copy | None) -> File:
    version = entries[-1].version
    created_at = copy.file.created_at if copy else entries[0].version.created_at
    return File(version.file_id, entries[-1].owner_id, version, created_at)
