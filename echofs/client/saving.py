"""Downloads into local files: written beside the target, verified, and only then put in its place."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from echofs.client.downloads import Download
from echofs.client.errors import Refused, WrongContent
from echofs.client.http import PIECE_BYTES
from echofs.client.values import Version

RESUMED_BYTES = 8 << 20
"""What is larger than this is kept when it breaks off, and gone on with by the next attempt."""

Opening = Callable[[Iterable[bytes]], Download]
"""Begins the download behind the pieces that are there already."""


def save(version: Version, target: Path, begin: Opening, progress: Callable[[int], None] | None = None) -> None:
    """Download one version into ``target``, which is replaced at once, by the whole and verified file.

    What broke off earlier is taken up again. Raises :class:`ClientError` and OSError; then the target is as it was, and
    beside it there may be a hidden file to go on from (:func:`part_of`). Raises :class:`Refused` for a target that is
    no file, such as a device, which would be gone.
    """
    _check(target)
    with _part(version, target) as (file, path):
        download = begin(_known(file, version.size))
        with download:
            told = 0
            for piece in download:
                if progress and not told:
                    told = file.tell()
                    progress(told)
                _write_all(file, piece)
                if progress:
                    progress(len(piece))
        os.replace(path, target)


def part_of(version: Version, target: Path) -> Path:
    """Where a large version is collected before it is ``target``."""
    # The name may be as long as names can be, so that nothing can be added to it.
    name = hashlib.sha256(target.name.encode(errors="surrogateescape")).hexdigest()[:8]
    return target.with_name(f".echofs-{version.digest[:16]}-{name}.part")


def _check(target: Path) -> None:
    if target.exists() and not target.is_file():
        what = "a folder" if target.is_dir() else "no ordinary file"
        raise Refused(f"{target} is {what}: name a file to be written or replaced.", field="target")


def _write_all(file: BinaryIO, piece: bytes) -> None:
    """Write all of it: a disk that is almost full takes a part and says so by nothing but a number."""
    left = memoryview(piece)
    while left:
        left = left[file.write(left) :]


@contextmanager
def _part(version: Version, target: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """The file to write, and its path. It stays only where something is to be gained from it."""
    path = part_of(version, target)
    file = _claimed(path) if version.size > RESUMED_BYTES else None
    kept = file is not None
    if file is None:
        path = _own(target)
        file = _open(path, new=True)
    with file:
        try:
            yield file, path
        except BaseException as error:
            if not kept or isinstance(error, WrongContent) or not os.fstat(file.fileno()).st_size:
                path.unlink(missing_ok=True)
            raise


def _claimed(path: Path) -> BinaryIO | None:
    """The file at ``path``, which nobody else writes, moves or removes as long as it is open; None if somebody else is
    at it: then this download goes its own way."""
    while True:
        file = _open(path, new=False)
        if not _locked(file):
            file.close()
            return None
        # Between opening and locking another process may have finished: then this is its target.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path, follow_symlinks=False)):
                return file
        file.close()


def _own(target: Path) -> Path:
    return target.with_name(f".echofs-{secrets.token_hex(8)}.part")


def _open(path: Path, *, new: bool) -> BinaryIO:
    # In a folder that others can write to, a link in this place could lead anywhere.
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | (os.O_EXCL if new else 0)
    return open(os.open(path, flags, 0o666), "r+b", buffering=0)


def _locked(file: BinaryIO) -> bool:
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _known(file: BinaryIO, size: int) -> Iterator[bytes]:
    """What was collected earlier; behind it the file goes on."""
    if os.fstat(file.fileno()).st_size > size:
        file.truncate(0)
    while piece := file.read(PIECE_BYTES):
        yield piece
