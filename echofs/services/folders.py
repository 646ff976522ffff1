"""A user's folders: made and listed by themselves, moved, copied and ended with everything below them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from echofs.core.chunking import EMPTY_DIGEST
from echofs.core.errors import CatalogUnavailable, HeadMoved, InvalidName, InvalidRequest
from echofs.core.goals import Ask, Goal
from echofs.core.models import Content, File, Kind, Level
from echofs.core.names import check_folder, is_below, moved_path
from echofs.ports.catalog import MOST_TOGETHER, Catalog, FolderChange
from echofs.ports.journal import Journal
from echofs.ports.listing import ListQuery
from echofs.services.drafting import Draft
from echofs.services.levels import Levels
from echofs.services.parents import Place
from echofs.services.publishing import LAGGING, Wish
from echofs.services.steps import Plan, Steps

STRONG = Ask(Level.STRONG.value, (Goal(Level.STRONG),))
"""The level of everything here."""
ATTEMPTS = 5
"""How often a folder is looked at that others keep changing."""
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Done:
    """How many ``files`` a step concerned. Whatever has reached ``position`` in the catalog's changes has all of it;
    ``reason`` says where reads may lag behind it."""

    files: int
    position: int
    reason: str = ""


class Folders:
    """Another user's folder is not found. Thread-safe.

    All of it is strong: without the catalog it raises :class:`CatalogUnavailable`. What concerns the files below a
    folder happens to all of them in one step, or to none.
    """

    def __init__(self, catalog: Catalog, journal: Journal, levels: Levels, steps: Steps) -> None:
        self._catalog = catalog
        self._journal = journal
        self._levels = levels
        self._steps = steps

    def inside(self, owner_id: str, parent: str) -> list[str]:
        """Paths of the folders directly inside another (``""``: the root), sorted, empty ones too."""
        return self._catalog.folders(owner_id, check_folder(parent, field="parent"))

    def make(self, owner_id: str, path: str) -> tuple[str, bool]:
        """Make a folder and all above it: its path, and whether it is new. Idempotent. Raises :class:`InvalidName` and
        :class:`NameTaken`."""
        path = _named(path)
        return path, self._catalog.make_folder(owner_id, path)

    def move(self, owner_id: str, path: str, to: str, wish: Wish) -> Done:
        """Give a folder, with everything below it, another path.

        Raises :class:`InvalidName`, :class:`InvalidRequest` (into itself, or too many files), :class:`NotFound`,
        :class:`NameTaken`, :class:`HeadMoved` when others kept changing it, and what replication raises.
        """

        def plan(file: File) -> Plan:
            target = moved_path(file.path, change.path, change.to)
            return file, Draft(Kind.MOVE, target, file.head.content, file.head.content_type)

        change = _between(owner_id, path, to)
        return self._carry_out(change, plan, wish)

    def copy(self, owner_id: str, path: str, to: str, wish: Wish) -> Done:
        """Make a folder again at another path, with new files of the same bytes. No byte is sent. Raises like
        :meth:`move`."""

        def plan(file: File) -> Plan:
            target = moved_path(file.path, change.path, change.to)
            return None, Draft(Kind.CONTENT, target, file.head.content, file.head.content_type)

        change = _between(owner_id, path, to, keep=True)
        return self._carry_out(change, plan, wish)

    def delete(self, owner_id: str, path: str, wish: Wish) -> Done:
        """End a folder and everything below it. Raises like :meth:`move`."""

        def plan(file: File) -> Plan:
            nothing = Content(0, EMPTY_DIGEST, file.head.content.chunk_size)
            return file, Draft(Kind.TOMBSTONE, file.path, nothing, file.head.content_type)

        return self._carry_out(FolderChange(owner_id, _named(path)), plan, wish, stores=False)

    def _carry_out(
        self, change: FolderChange, plan: Callable[[File], Plan], wish: Wish, *, stores: bool = True
    ) -> Done:
        place = Place(change.owner_id, path=f"{change.path}/")
        self._levels.plan(STRONG, place, size=0, stores=stores)
        for _ in range(ATTEMPTS):
            files = self._below(change.owner_id, change.path)
            self._check_settled(change, files)
            try:
                step = self._steps.make(change.owner_id, [plan(file) for file in files], wish, change)
                break
            except HeadMoved:
                continue
        else:
            raise HeadMoved("Others kept changing what is in this folder; nothing was changed. Try again.")
        position = self._position()
        return Done(len(files), position or 0, "" if step.told and position is not None else LAGGING)

    def _position(self) -> int | None:
        """A place in the catalog's changes by which all is there that was committed; None if it cannot be told."""
        try:
            return self._catalog.changes(0, 1).newest if self._catalog.follows else 0
        except CatalogUnavailable:
            return None

    def _below(self, owner_id: str, folder: str) -> Sequence[File]:
        found: list[File] = []
        after = ""
        while True:
            page = self._catalog.files(ListQuery(owner_id, below=folder, after=after, limit=PAGE))
            found += page.files
            if len(found) > MOST_TOGETHER:
                raise InvalidRequest(
                    f"More than {MOST_TOGETHER} files are below this folder: take the folders inside it one by one.",
                    field="path",
                )
            if not page.next:
                return found
            after = page.next

    def _check_settled(self, change: FolderChange, files: Sequence[File]) -> None:
        """Raise unless the catalog has every version of these files that this host has accepted."""
        if not self._journal.depth():
            return
        committed = {file.id: file.head.dot for file in files}
        for entry in self._journal.heads(change.owner_id):
            version = entry.version
            inside = is_below(version.path, change.path) or version.file_id in committed
            # The journal forgets an entry a moment after it was committed.
            if inside and not (entry.deletes or committed.get(version.file_id) == version.dot):
                raise CatalogUnavailable(
                    "A file in this folder was written while the catalog was away and is not committed yet; nothing was"
                    " changed. Try again soon."
                )


def _named(path: str, field: str = "path") -> str:
    """A folder's path. Raises :class:`InvalidName` for the root, which is no folder of its own."""
    named = check_folder(path, field=field)
    if not named:
        raise InvalidName("The path is empty: name a folder.", field=field)
    return named


def _between(owner_id: str, path: str, to: str, *, keep: bool = False) -> FolderChange:
    path, to = _named(path), _named(to, "to")
    if to == path or is_below(to, path):
        raise InvalidRequest("A folder cannot go into itself; nothing was changed.", field="to")
    return FolderChange(owner_id, path, to, keep)
