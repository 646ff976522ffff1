"""What can be asked about a user's files and folders: one file, a page of many, a folder's folders, a history."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from echofs.core.models import Digest, File, Kind, Timestamp, Version
from echofs.core.names import found_by, is_below, parent_of


class SortKey(StrEnum):
    """Orders in which files are listed; equal values fall back to the path."""

    NAME = "name"
    SIZE = "size"
    UPDATED = "updated"


@dataclass(frozen=True, slots=True)
class ListQuery:
    """One page of a user's living files.

    ``folder`` None means all files, ``""`` those in the root. ``below`` means those in a folder and in all folders
    inside it, ``""`` all files. ``search`` leaves those whose name contains it, in the sense of
    :func:`echofs.core.names.found_by`. ``after`` is the cursor of the page before.
    """

    owner_id: str
    folder: str | None = None
    sort: SortKey = SortKey.NAME
    descending: bool = False
    after: str = ""
    limit: int = 100
    below: str = ""
    search: str = ""

    def lists(self, path: str) -> bool:
        """Whether a living file at this path is one of those asked for."""
        return (
            (self.folder is None or parent_of(path) == self.folder)
            and (not self.below or is_below(path, self.below))
            and (not self.search or found_by(path, self.search))
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Files in order; ``next`` is the cursor of the following page, ``""`` at the end."""

    files: tuple[File, ...]
    next: str = ""


class Listed(NamedTuple):
    """What is shown of one file among many: its id, its path, and what its head says."""

    id: str
    path: str
    number: int
    kind: Kind
    size: int
    digest: Digest
    content_type: str
    content_version: int
    updated_at: Timestamp
    created_at: Timestamp

    @classmethod
    def of(cls, file: File) -> Listed:
        """That of a file."""
        head = file.head
        content = head.content
        shown = head.number, head.kind, content.size, content.digest, head.content_type, head.content_version
        return cls(file.id, head.path, *shown, head.created_at, file.created_at)


@dataclass(frozen=True, slots=True)
class ListedPage:
    """The same as :class:`Page` for those who only show it."""

    files: tuple[Listed, ...]
    next: str = ""

    @classmethod
    def of(cls, page: Page) -> ListedPage:
        """That of a page of files."""
        return cls(tuple(map(Listed.of, page.files)), page.next)


class FileReads(ABC):
    """The questions about files and folders that every catalog answers. "Not found" is the same for a missing file, a
    deleted one (where noted) and another user's."""

    @abstractmethod
    def file(self, owner_id: str, file_id: str) -> File:
        """A living file with its head. Linearizable. Raises :class:`NotFound` (also when deleted)."""

    @abstractmethod
    def head(self, owner_id: str, file_id: str) -> File:
        """Like :meth:`file`, but a deleted file is found too: its head is a tombstone. Linearizable."""

    @abstractmethod
    def file_at(self, owner_id: str, path: str) -> File:
        """The living file at exactly this path. Linearizable. Raises :class:`NotFound`."""

    @abstractmethod
    def files(self, query: ListQuery) -> Page:
        """One page of living files. A cursor stays valid while files come and go. Raises :class:`InvalidRequest` for a
        malformed one."""

    def listed(self, query: ListQuery) -> ListedPage:
        """What :meth:`files` answers, for those who only show it: a catalog may have a quicker way to it."""
        return ListedPage.of(self.files(query))

    @abstractmethod
    def folders(self, owner_id: str, parent: str) -> list[str]:
        """Paths of the folders directly inside ``parent`` (``""`` for the root), sorted. A folder exists from the
        first file put below it, or from when it was made, until it is moved or deleted."""

    @abstractmethod
    def versions(self, owner_id: str, file_id: str) -> list[Version]:
        """All versions of a file, the newest first, deleted files included. Raises :class:`NotFound`."""
