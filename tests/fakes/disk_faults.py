"""Disks that fail or lose power at a chosen system call."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from echofs.adapters.stores.disk_calls import DiskCalls

CHANGING = ("create", "write", "flush", "flush_folder", "link", "unlink", "mkdir")


class PowerCut(BaseException):
    """The machine stops here; no clean-up runs."""


class WatchedCalls(DiskCalls):
    """Records the changing calls, and asks ``before(number, name)`` ahead of each one since ``arm``."""

    def __init__(self) -> None:
        self.before: Callable[[int, str], None] | None = None
        self.made: list[tuple[str, str]] = []

    def arm(self, before: Callable[[int, str], None]) -> None:
        self.made = []
        self.before = before

    def __getattribute__(self, name: str) -> Any:
        call = super().__getattribute__(name)
        if name not in CHANGING:
            return call

        def watched(*args: Any) -> Any:
            self.made.append((name, _subject(name, args)))
            if self.before is not None:
                self.before(len(self.made), name)
            return call(*args)

        return watched


def _subject(name: str, args: tuple[Any, ...]) -> str:
    """The path a call is about; for calls on descriptors, what they are open on."""
    if name in ("write", "flush", "flush_folder"):
        return os.readlink(f"/proc/self/fd/{args[0]}")
    return str(args[-1])


def failing_at(number: int, error: int) -> Callable[[int, str], None]:
    """Fail one call, and let the later ones work: the most tempting failure to overlook."""

    def before(at: int, name: str) -> None:
        if at == number:
            raise OSError(error, os.strerror(error))

    return before


def dying_at(number: int) -> Callable[[int, str], None]:
    """Stop for good at one call."""

    def before(at: int, name: str) -> None:
        if at >= number:
            raise PowerCut

    return before


class ForgetfulCalls(WatchedCalls):
    """Remembers what a disk had to keep, so that a power cut can be played: bytes never flushed are gone, and a name
    never flushed comes back or does not, as the file system likes. Knows nothing of files made by other roads."""

    def __init__(self) -> None:
        super().__init__()
        self._files = 0
        self._file_of: dict[int, int] = {}
        self._bytes: dict[int, bytes] = {}
        self._names: dict[str, dict[str, int | None]] = {}

    def create(self, root: int, path: str) -> int:
        fd = super().create(root, path)
        # Inode numbers are used again, files are not.
        self._files += 1
        self._file_of[os.fstat(fd).st_ino] = self._files
        return fd

    def flush(self, fd: int) -> None:
        super().flush(fd)
        self._bytes[self._file_of[os.fstat(fd).st_ino]] = Path(f"/proc/self/fd/{fd}").read_bytes()

    def flush_folder(self, fd: int) -> None:
        super().flush_folder(fd)
        folder = os.readlink(f"/proc/self/fd/{fd}")
        self._names[folder] = self._now_in(Path(folder))

    def _now_in(self, folder: Path) -> dict[str, int | None]:
        return {
            entry.name: None if entry.is_dir() else self._file_of[entry.inode()]
            for entry in os.scandir(folder)
            if entry.is_dir() or entry.inode() in self._file_of
        }

    def survivors(self, folder: Path, target: Path, *, names_kept: bool) -> None:
        """Build in ``target`` what a power cut now leaves of ``folder``."""
        target.mkdir()
        names = self._now_in(folder) if names_kept else self._names.get(str(folder), {})
        for name, file in names.items():
            if file is not None:
                (target / name).write_bytes(self._bytes.get(file, b""))
            elif (folder / name).exists():
                self.survivors(folder / name, target / name, names_kept=names_kept)
