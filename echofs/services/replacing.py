"""Putting something in the place of something else: all at once where that is one step, and else so that what was there
comes back if it fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from echofs.core.chunking import EMPTY_DIGEST
from echofs.core.errors import EchoError, HeadMoved, NameTaken, NotFound
from echofs.core.models import Content, File, Kind, Level
from echofs.core.names import check_path
from echofs.core.session_tokens import Line
from echofs.ports.listing import FileReads, ListQuery
from echofs.ports.runtime import Clock
from echofs.services.drafting import Draft
from echofs.services.files import Files
from echofs.services.folders import STRONG, Folders
from echofs.services.levels import Levels
from echofs.services.parents import Parents, Place
from echofs.services.publishing import LAGGING, Published, Wish
from echofs.services.recovery import Recovery
from echofs.services.steps import Made, Steps
from echofs.services.tally import Tally
from echofs.services.uploads import check_match

ATTEMPTS = 5
"""How often a move that replaces a file may lose against others before its client is asked to try again."""
_PAGE = 1000

_log = logging.getLogger(__name__)


class Replacing:
    """Moves files onto others. Thread-safe."""

    def __init__(
        self,
        files: Files,
        parents: Parents,
        levels: Levels,
        steps: Steps,
        clock: Clock,
        zones: Callable[[], Mapping[str, str]],
        *,
        wanted: int,
    ) -> None:
        self._files = files
        self._parents = parents
        self._levels = levels
        self._steps = steps
        self._clock = clock
        self._zones = zones
        self._wanted = wanted

    def move(
        self, owner_id: str, file_id: str, path: str, wish: Wish, if_match: tuple[str, ...] | None = None
    ) -> Published:
        """Move a file to a path where another may be. That one gets the bytes as a new version, and in the same step
        the file that is moved goes to the trash: nobody ever sees the path without a file.

        It needs the catalog, and onto a file it is strong. Raises what :meth:`Files.move` does, but no
        :class:`NameTaken`; :class:`CatalogUnavailable`; :class:`HeadMoved` when others kept changing the files; and
        :class:`QuotaExceeded` where not both fit, the new version and the file in the trash.
        """
        target = check_path(path)
        course = self._levels.course(STRONG, Place(owner_id, file_id), size=0)
        for _ in range(ATTEMPTS):
            source = self._parents.find(Place(owner_id, file_id), course)
            there = self._parents.find(Place(owner_id, path=target), course)
            try:
                if source is None or there is None or there.id == source.id:
                    return self._files.move(owner_id, file_id, target, wish, if_match)
                check_match(source, if_match)
                step = self._steps.make(owner_id, [_onto(source, there), _end(source)], wish)
            except (HeadMoved, NameTaken):
                continue
            return self._published(step, wish)
        raise HeadMoved("Others kept changing these files; nothing was changed. Try again.")

    def _published(self, step: Made, wish: Wish) -> Published:
        file, ended = step.files
        version = file.head
        tally = Tally(self._zones).including([step.manifests[version.manifest]])
        receipt = tally.receipt(
            version,
            Level.STRONG,
            asked=wish.ask.text,
            wanted=self._wanted,
            seconds=self._clock.monotonic() - wish.started,
            reason="" if step.told else LAGGING,
        )
        return Published(file, receipt, Line.of(version), ended=ended)


@dataclass(frozen=True, slots=True)
class _Gone:
    """What went to the trash from a path."""

    files: tuple[File, ...]
    folders: tuple[str, ...]


class GivingWay:
    """Has files and folders give way to what no single step can put in their place. Thread-safe."""

    def __init__(self, catalog: FileReads, files: Files, folders: Folders, recovery: Recovery) -> None:
        self._catalog = catalog
        self._files = files
        self._folders = folders
        self._recovery = recovery

    @contextmanager
    def at(self, owner_id: str, path: str, wish: Wish) -> Iterator[None]:
        """What is at the path, if anything, is in the trash for what is done within, and comes back if that raises an
        :class:`EchoError`, as far as that is possible then. Raises what deleting it does."""
        gone = self._end(owner_id, path, wish)
        try:
            yield
        except EchoError:
            self._put_back(owner_id, gone, wish)
            raise

    def _end(self, owner_id: str, path: str, wish: Wish) -> _Gone:
        folders = tuple(self._tree(owner_id, path))
        if folders:
            gone = _Gone(tuple(self._below(owner_id, path)), folders)
            self._folders.delete(owner_id, path, wish)
            return gone
        try:
            file = self._catalog.file_at(owner_id, path)
        except NotFound:
            return _Gone((), ())
        self._files.delete(owner_id, file.id, wish)
        return _Gone((file,), ())

    def _put_back(self, owner_id: str, gone: _Gone, wish: Wish) -> None:
        missing = 0
        for path in gone.folders:
            try:
                self._folders.make(owner_id, path)
            except EchoError:
                missing += 1
        for file in gone.files:
            try:
                self._recovery.restore(owner_id, file.id, wish)
            except EchoError:
                missing += 1
        if missing:
            _log.warning("what was to be replaced stays in the trash", extra={"missing": missing})

    def _tree(self, owner_id: str, path: str) -> Iterator[str]:
        """A folder, if there is one, and all below it, the outer ones first."""
        parent = path.rpartition("/")[0]
        waiting = [each for each in self._catalog.folders(owner_id, parent) if each == path]
        while waiting:
            found = waiting.pop()
            yield found
            waiting += self._catalog.folders(owner_id, found)

    def _below(self, owner_id: str, folder: str) -> Iterator[File]:
        after = ""
        while True:
            page = self._catalog.files(ListQuery(owner_id, below=folder, after=after, limit=_PAGE))
            yield from page.files
            if not page.next:
                return
            after = page.next


def _onto(source: File, there: File) -> tuple[File, Draft]:
    return there, Draft(Kind.CONTENT, there.path, source.head.content, source.head.content_type)


def _end(file: File) -> tuple[File, Draft]:
    nothing = Content(0, EMPTY_DIGEST, file.head.content.chunk_size)
    return file, Draft(Kind.TOMBSTONE, file.path, nothing, file.head.content_type)
