"""One user's files and folders by path, for the length of one WebDAV request."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from echofs.core.errors import InvalidName, NotFound
from echofs.core.models import File
from echofs.core.names import check_folder, check_path, parent_of
from echofs.ports.listing import FileReads, ListQuery
from echofs.services.accounts import Principal
from echofs.services.files import Files
from echofs.services.folders import Folders
from echofs.services.publishing import Wish
from echofs.services.replacing import GivingWay, Replacing
from echofs.services.streaming import FileReader
from echofs.services.uploads import Declared, Target, Upload, Uploads

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PAGE = 1000
ROOT = ""


@dataclass(frozen=True, slots=True)
class DavParts:
    """The services behind a mounted folder."""

    catalog: FileReads
    uploads: Uploads
    files: Files
    folders: Folders
    replacing: Replacing
    giving_way: GivingWay
    reader: FileReader


class Tree:
    """Paths have no slash at either end; ``ROOT`` is the folder that has everything. Methods raise what the services
    do."""

    def __init__(self, parts: DavParts, principal: Principal, wish: Wish) -> None:
        self._parts = parts
        self._wish = wish
        self.principal = principal

    @property
    def owner_id(self) -> str:
        """Whose files these are."""
        return self.principal.user_id

    def file(self, path: str) -> File | None:
        """The file at exactly this path, if there is one."""
        try:
            return self._parts.catalog.file_at(self.owner_id, check_path(path))
        except (NotFound, InvalidName):
            return None

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder of that path."""
        if path == ROOT:
            return True
        try:
            return check_folder(path) in self._parts.catalog.folders(self.owner_id, parent_of(path))
        except InvalidName:
            return False

    def folders(self, parent: str) -> list[str]:
        """The folders directly inside one."""
        return self._parts.catalog.folders(self.owner_id, parent)

    def files(self, folder: str) -> Iterator[File]:
        """The files directly inside a folder, by name."""
        query = ListQuery(self.owner_id, folder=folder, limit=_PAGE)
        while True:
            page = self._parts.catalog.files(query)
            yield from page.files
            if not page.next:
                return
            query = replace(query, after=page.next)

    def put(self, path: str, declared: Declared, content_type: str, pieces: Iterable[bytes]) -> File:
        """Store the bytes as a new version of what is at the path, or as a new file."""
        upload = self._parts.uploads.begin(Target(self.owner_id, path=path), declared, self._wish)
        if not isinstance(upload, Upload):
            return upload.file
        for piece in pieces:
            upload.write(piece)
        return upload.finish(content_type=content_type).file

    def make_folder(self, path: str) -> None:
        """Make an empty folder, and those above it."""
        self._parts.folders.make(self.owner_id, path)

    def delete_file(self, file: File) -> None:
        """Put a file in the trash."""
        self._parts.files.delete(self.owner_id, file.id, self._wish)

    def delete_folder(self, path: str) -> None:
        """Put all that is in a folder in the trash, in one step."""
        self._parts.folders.delete(self.owner_id, path, self._wish)

    def move_file(self, file: File, path: str) -> None:
        """Give a file another path."""
        self._parts.files.move(self.owner_id, file.id, path, self._wish)

    def move_folder(self, path: str, to: str) -> None:
        """Give a folder another path, in one step with all that is in it."""
        self._parts.folders.move(self.owner_id, path, to, self._wish)

    def copy_file(self, file: File, path: str) -> None:
        """Make another file of the same bytes, or a new version of the file at that path."""
        self._parts.files.copy(self.owner_id, file.id, path, self._wish, replace=True)

    def move_onto(self, file: File, path: str) -> None:
        """Give a file another path, where a file may be, which gets its bytes in the same step."""
        self._parts.replacing.move(self.owner_id, file.id, path, self._wish)

    def giving_way(self, path: str) -> AbstractContextManager[None]:
        """What is at the path is in the trash for what is done within, and comes back if that fails."""
        return self._parts.giving_way.at(self.owner_id, path, self._wish)

    def open(self, file: File) -> io.RawIOBase:
        """A file's bytes, to be read from any place on."""
        return _Bytes(self._parts.reader, file)


class _Bytes(io.RawIOBase):
    """A file's bytes as WsgiDAV reads them: it seeks once to where a range begins, and reads on from there."""

    def __init__(self, reader: FileReader, file: File) -> None:
        self._reader = reader
        self._content = file.head.content
        self._at = 0
        self._pieces: Iterator[bytes] | None = None
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("only places counted from the beginning are needed")
        if offset != self._at:
            self._stop()
            self._at = offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        if not self._rest:
            self._rest = memoryview(self._next_piece())
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        self._at += count
        return count

    def close(self) -> None:
        self._stop()
        super().close()

    def _next_piece(self) -> bytes:
        if self._pieces is None:
            self._pieces = self._reader.stream(self._content, self._at, self._content.size - 1)
        return next(self._pieces, b"")

    def _stop(self) -> None:
        """Give back what is fetched ahead of a reader that wants no more."""
        close = getattr(self._pieces, "close", None)
        if close is not None:
            close()
        self._pieces = None
        self._rest = memoryview(b"")
