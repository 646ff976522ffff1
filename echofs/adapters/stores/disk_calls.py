"""The system calls on which a disk store's durability hangs, in one place, so that tests can make any of them fail.

Paths are relative to an open root folder: a file system mounted over the root while the process runs is never written
to by mistake. Every call raises OSError.
"""

from __future__ import annotations

import fcntl
import os

FILE_MODE = 0o600
FOLDER_MODE = 0o700
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_CREATE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_DIRECT: int = getattr(os, "O_DIRECT", 0)


class DiskCalls:
    """Thin and stateless; one per store."""

    def create(self, root: int, path: str) -> int:
        """A descriptor for writing a file that did not exist, readable by its owner only."""
        return os.open(path, _CREATE_FLAGS, FILE_MODE, dir_fd=root)

    def open(self, root: int, path: str) -> int:
        """A descriptor for reading. Never blocks, not even on a foreign pipe, and follows no link at the end."""
        return os.open(path, _READ_FLAGS, dir_fd=root)

    def open_folder(self, root: int, path: str) -> int:
        """A descriptor for flushing or listing a folder."""
        return os.open(path, _FOLDER_FLAGS, dir_fd=root)

    def write_directly(self, fd: int, *, on: bool) -> bool:
        """Let writes go past the page cache, or no longer; whether the file system does so. They then need whole pages
        of memory and whole blocks of the file."""
        if not _DIRECT:
            return False
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
        try:
            fcntl.fcntl(fd, fcntl.F_SETFL, flags | _DIRECT if on else flags & ~_DIRECT)
        except OSError:
            return False
        return on

    def write(self, fd: int, data: memoryview, at: int) -> int:
        """Write some of the bytes to an offset; how many."""
        return os.pwrite(fd, data, at)

    def read(self, fd: int, size: int, at: int) -> bytes:
        """Read up to ``size`` bytes from an offset; empty at the end of the file."""
        return os.pread(fd, size, at)

    def flush(self, fd: int) -> None:
        """Wait until a file's bytes and length are on the medium.

        fdatasync leaves out what is not needed to read the bytes back: times. The name is made durable by
        :meth:`flush_folder`.
        """
        if hasattr(os, "fdatasync"):
            os.fdatasync(fd)
        else:
            os.fsync(fd)

    def flush_folder(self, fd: int) -> None:
        """Wait until the names in a folder are on the medium."""
        os.fsync(fd)

    def link(self, root: int, source: str, target: str) -> None:
        """Give a file a second name; FileExistsError if it is taken, also by a race."""
        os.link(source, target, src_dir_fd=root, dst_dir_fd=root)

    def unlink(self, root: int, path: str) -> None:
        """Remove a name."""
        os.unlink(path, dir_fd=root)

    def mkdir(self, root: int, path: str) -> None:
        """Make a folder for its owner only; FileExistsError if it is there."""
        os.mkdir(path, FOLDER_MODE, dir_fd=root)
