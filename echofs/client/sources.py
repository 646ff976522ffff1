"""What can be uploaded: bytes, a local file, an open binary file, or pieces from anywhere."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from echofs.client.errors import Refused
from echofs.client.http import PIECE_BYTES

Content = bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO | Iterable[bytes]


class Source(Protocol):
    """Content on its way. ``length`` in bytes is None when nobody knows; ``again`` says that it can be read from its
    beginning more than once."""

    length: int | None
    again: bool
    identity: str
    """What tells it from all other content, also in a later program; ``""`` where nothing does."""

    def pieces(self, start: int = 0) -> Iterator[bytes]:
        """The content from byte ``start`` on. Raises OSError."""


class BytesSource:
    """Bytes in memory."""

    again = True
    identity = ""

    def __init__(self, content: bytes | bytearray | memoryview) -> None:
        self._content = memoryview(content).cast("B")
        self.length: int | None = len(self._content)

    def pieces(self, start: int = 0) -> Iterator[bytes]:
        for first in range(start, len(self._content), PIECE_BYTES):
            yield bytes(self._content[first : first + PIECE_BYTES])


class PathSource:
    """A local file, as long as it is when the upload begins."""

    again = True

    def __init__(self, path: Path) -> None:
        self._path = path
        found = path.stat()
        self.length: int | None = found.st_size
        self.identity = f"{path.resolve()}\0{found.st_size}\0{found.st_mtime_ns}"

    def pieces(self, start: int = 0) -> Iterator[bytes]:
        try:
            file = self._path.open("rb", buffering=0)
        except OSError as error:
            raise _unreadable(str(self._path), error) from error
        with file:
            file.seek(start)
            yield from _read(file, (self.length or 0) - start, str(self._path))


class FileSource:
    """An open binary file from where it stands; one that cannot seek is read once."""

    identity = ""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        seekable = getattr(file, "seekable", None)
        self.again = bool(seekable and seekable())
        self.length: int | None = None
        if self.again:
            self._start = file.tell()
            self.length = file.seek(0, os.SEEK_END) - self._start
            file.seek(self._start)

    def pieces(self, start: int = 0) -> Iterator[bytes]:
        if self.again:
            self._file.seek(self._start + start)
        yield from _read(self._file, None if self.length is None else self.length - start, "the file")


class PiecesSource:
    """Pieces that come once."""

    again = False
    identity = ""
    length: int | None = None

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)

    def pieces(self, start: int = 0) -> Iterator[bytes]:
        return self._pieces


def source_of(content: Content) -> Source:
    """How to read ``content``; text is the path of a local file. Raises OSError, and TypeError for what holds no
    bytes."""
    if isinstance(content, bytes | bytearray | memoryview):
        return BytesSource(content)
    if isinstance(content, str | os.PathLike):
        return PathSource(Path(content))
    if hasattr(content, "read"):
        return FileSource(cast(BinaryIO, content))
    return PiecesSource(content)


class Hashed:
    """Pieces that are counted and hashed as they go by; ``digest`` is their SHA-256 in hexadecimal."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._whole = hashlib.sha256()
        self.length = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._whole.update(piece)
            self.length += len(piece)
            yield piece

    @property
    def digest(self) -> str:
        return self._whole.hexdigest()


def _read(file: BinaryIO, length: int | None, name: str) -> Iterator[bytes]:
    """What a file holds, ``length`` bytes of it if that is known. Raises :class:`Refused` when it cannot be read or
    became shorter: an OSError would pass for one of the connection's."""
    left = length
    while left is None or left > 0:
        try:
            piece = file.read(PIECE_BYTES if left is None else min(PIECE_BYTES, left))
        except OSError as error:
            raise _unreadable(name, error) from error
        if not piece:
            break
        if left is not None:
            left -= len(piece)
        yield piece
    if left:
        raise Refused(f"{name} became shorter while it was read; nothing was stored.")


def _unreadable(name: str, error: OSError) -> Refused:
    return Refused(f"{name} cannot be read ({error.strerror}); nothing was stored.")
