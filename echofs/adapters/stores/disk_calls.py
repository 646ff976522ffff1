"""The system calls on which a disk store's durability hangs, in one place, so that tests can make any of them fail.

Paths are relative to an open root folder: a file system mounted over the root while the process runs is never written
to by mistake. Every call raises OSError.
"""

from __future__ import annotations

import os

FILE_MODE = 0o600
FOLDER_MODE = 0o700
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_CREATE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class DiskCalls:
    """Thin and stateless; one per store."""

    def create(self, root: int, path: str) -> int:
        """A descriptor for a file that did not exist, readable by its owner only."""
        return os.open(path, _CREATE_FLAGS, FILE_MODE, dir_fd=root)

    def open(self, root: int, path: str) -> int:
        """A descriptor for reading. Never blocks, not even on a foreign pipe, and follows no link at the end."""
        return os.open(path, _READ_FLAGS, dir_fd=root)

    def open_folder(self, root: int, path: str) -> int:
        """A descriptor for flushing or listing a folder."""
        return os.open(path, _FOLDER_FLAGS, dir_fd=root)

    def write(self, fd: int, data: memoryview) -> int:
        """Write some of the bytes; how many."""
        return os.write(fd, data)

    def read(self, fd: int, size: int) -> bytes:
        """Read up to ``size`` bytes; empty at the end of the file."""
        return os.read(fd, size)

    def begin_flush(self, fd: int) -> None:
        """Let the kernel start writing a file out without waiting for it. Promises nothing."""
        # Of the two calls that do this, only posix_fadvise is in the standard library. Pages under way to the disk are
        # dirty and therefore stay in the cache, in spite of the advice's name.
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)

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

    def rename(self, root: int, source: str, target: str) -> None:
        """Give a file its name, replacing another file of that name in the same instant."""
        os.rename(source, target, src_dir_fd=root, dst_dir_fd=root)

    def link(self, root: int, source: str, target: str) -> None:
        """Give a file a second name; FileExistsError if it is taken, also by a race."""
        os.link(source, target, src_dir_fd=root, dst_dir_fd=root)

    def unlink(self, root: int, path: str) -> None:
        """Remove a name."""
        os.unlink(path, dir_fd=root)

    def mkdir(self, root: int, path: str) -> None:
        """Make a folder for its owner only; FileExistsError if it is there."""
        os.mkdir(path, FOLDER_MODE, dir_fd=root)

    def rmdir(self, root: int, path: str) -> None:
        """Remove an empty folder."""
        os.rmdir(path, dir_fd=root)
