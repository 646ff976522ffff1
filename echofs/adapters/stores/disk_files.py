"""Durable files below one root folder: how a value gets onto a disk so that a crash at any call leaves it whole or
absent. What values mean, and the errors callers see, is the business of ``disk.py``; here everything raises OSError.

The order is the one of DESIGN.md section 4: temp file, write, flush, rename (link, to create exclusively), flush of the
folder. After a failed flush the kernel may have dropped the dirty pages and marked them clean, so that a second flush
would succeed without the bytes being anywhere (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX
ATC 2020): such a file is removed, never flushed again and never given its name.
"""

from __future__ import annotations

import itertools
import os
import secrets
import stat
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from echofs.adapters.stores.disk_calls import DiskCalls
from echofs.adapters.stores.disk_direct import DirectWriter

TEMP_FOLDER = ".unfinished"
"""The leading dot keeps it apart from every space a caller may name."""
_STAMP_STEP = 1000


@dataclass(slots=True)
class Staged:
    """A durable temp file waiting for its name.

    ``stamp_kept`` says whether the file system can tell two writes of the same second apart, on which etags rely;
    ``moved`` whether the file has got its name by renaming.
    """

    path: str
    size: int
    etag: str
    stamp_kept: bool
    moved: bool = False


def etag_of(info: os.stat_result) -> str:
    """Modification stamp, size and inode number.

    Every write gets a stamp of its own, so the etag changes with each of them, however quickly they follow each
    other, and is never that of an earlier value, not even an equal one. It costs no read of the value.
    """
    return f"{info.st_mtime_ns:x}-{info.st_size:x}-{info.st_ino:x}"


class DurableFiles:
    """Reads and durable writes below the folder open as ``root``. Thread-safe.

    Descriptors are open only during a call: at most one per value or folder of a batch, and never both at once. Keeping
    folders open was measured to gain nothing, and a fresh descriptor, opened before the change it must make durable,
    cannot miss a write error because another thread's flush was told about it first.
    """

    def __init__(self, root: int, calls: DiskCalls) -> None:
        self.root = root
        self.calls = calls
        self._direct = DirectWriter(calls)
        self._token = secrets.token_hex(4)
        self._serial = itertools.count()
        self._stamp_lock = threading.Lock()
        self._last_stamp = 0
        self._growing = threading.Lock()
        self._durable_folders: set[str] = set()

    def close(self) -> None:
        """Let go of the root. Idempotent; later calls fail with EBADF."""
        root, self.root = self.root, -1
        if root >= 0:
            os.close(root)

    @contextmanager
    def staged(self, values: Sequence[bytes | memoryview]) -> Iterator[list[Staged]]:
        """Durable temp files holding the values, in order. Those not moved are removed on leaving, whatever
        happens."""
        paths: list[str] = []
        temps: list[Staged] = []
        try:
            with ExitStack() as opened:
                written = [self._write_temp(value, paths, opened) for value in values]
                # Flushing only after all writes have begun lets one journal commit carry several files: a quarter
                # faster for 16 values of 4 KiB than flushing each in turn.
                for path, (fd, stamp) in zip(paths, written, strict=True):
                    self.calls.flush(fd)
                    info = os.fstat(fd)
                    temps.append(Staged(path, info.st_size, etag_of(info), info.st_mtime_ns == stamp))
            yield temps
        finally:
            moved = {temp.path for temp in temps if temp.moved}
            for path in paths:
                if path not in moved:
                    with suppress(OSError):
                        self.calls.unlink(self.root, path)

    def _write_temp(self, value: bytes | memoryview, paths: list[str], opened: ExitStack) -> tuple[int, int]:
        # The token keeps names apart from those a crash left behind (in a container every process may have the same
        # id), the process id from those of a forked copy.
        path = f"{TEMP_FOLDER}/{self._token}-{os.getpid()}-{next(self._serial)}"
        fd = self.calls.create(self.root, path)
        opened.callback(os.close, fd)
        paths.append(path)
        rest = memoryview(value).cast("B")
        rest = rest[self._direct.write(fd, rest) :]
        while rest:
            rest = rest[self.calls.write(fd, rest) :]
        stamp = self._next_stamp()
        os.utime(fd, ns=(stamp, stamp))
        self.calls.begin_flush(fd)
        return fd, stamp

    def _next_stamp(self) -> int:
        """Nanoseconds that look like the present time but strictly grow, in steps every current file system can
        keep."""
        with self._stamp_lock:
            now = time.time_ns() // _STAMP_STEP * _STAMP_STEP
            self._last_stamp = max(self._last_stamp + _STAMP_STEP, now)
            return self._last_stamp

    @contextmanager
    def changing(self, folders: Iterable[str]) -> Iterator[None]:
        """Flush each distinct folder once after names in it were changed. If this raises, nothing may be
        acknowledged."""
        with ExitStack() as opened:
            fds = []
            for folder in dict.fromkeys(folders):
                fds.append(self.calls.open_folder(self.root, folder))
                opened.callback(os.close, fds[-1])
            yield
            for fd in fds:
                self.calls.flush_folder(fd)

    def replace(self, temp: Staged, path: str) -> None:
        """Give a temp file its name, whatever was there. Durable only at the end of :meth:`changing`."""
        self.calls.rename(self.root, temp.path, path)
        temp.moved = True

    def create(self, temp: Staged, path: str) -> bool:
        """Give a temp file its name unless the name is taken; whether it was free."""
        try:
            self.calls.link(self.root, temp.path, path)
        except FileExistsError:
            return False
        return True

    def remove(self, path: str) -> None:
        """Remove a file. Idempotent. Durable only at the end of :meth:`changing`."""
        with suppress(FileNotFoundError):
            self.calls.unlink(self.root, path)

    def make_folder(self, space: str, fan: str) -> None:
        """Make sure that ``space/fan`` exists and survives a crash. Cheap from the second time on."""
        folder = f"{space}/{fan}"
        if folder in self._durable_folders:
            return
        with self._growing:
            if space not in self._durable_folders:
                self._grow(space, ".")
                there = self.entries(space)
                # A process that died between making a folder and flushing its parent may have left one that a power
                # cut would still take away, with the values in it.
                with self.changing([space]):
                    pass
                self._durable_folders.update([space, *(f"{space}/{entry}" for entry in there)])
            if folder not in self._durable_folders:
                self._grow(folder, space)
                self._durable_folders.add(folder)

    def forget_folders(self) -> None:
        """Make folders again that somebody removed, at the next write."""
        with self._growing:
            self._durable_folders.clear()
        with suppress(OSError):
            self.prepare()

    def _grow(self, folder: str, parent: str) -> None:
        made = False
        try:
            with self.changing([parent]), suppress(FileExistsError):
                self.calls.mkdir(self.root, folder)
                made = True
        except OSError:
            if made:
                # Made anew, it is flushed anew; left there, the next flush of the parent might lie.
                with suppress(OSError):
                    self.calls.rmdir(self.root, folder)
            raise

    def read(self, path: str, limit: int) -> tuple[bytes, os.stat_result]:
        """The first ``limit`` bytes of a file. FileNotFoundError also for what is no plain file."""
        fd = self.calls.open(self.root, path)
        try:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode):
                raise FileNotFoundError(path)
            return self._read(fd, min(info.st_size, limit)), info
        finally:
            os.close(fd)

    def _read(self, fd: int, size: int) -> bytes:
        data = self.calls.read(fd, size)
        while len(data) < size and (more := self.calls.read(fd, size - len(data))):
            data += more
        return data

    def stat(self, path: str) -> os.stat_result:
        """FileNotFoundError also for what is no plain file."""
        info = os.stat(path, dir_fd=self.root, follow_symlinks=False)
        if not stat.S_ISREG(info.st_mode):
            raise FileNotFoundError(path)
        return info

    def entries(self, folder: str) -> list[str]:
        """Names in a folder, unsorted; none if it is missing or no folder."""
        try:
            fd = self.calls.open_folder(self.root, folder)
        except (FileNotFoundError, NotADirectoryError):
            return []
        try:
            return os.listdir(fd)
        finally:
            os.close(fd)

    def prepare(self) -> None:
        """Make the temp folder. Idempotent."""
        with suppress(FileExistsError):
            self.calls.mkdir(self.root, TEMP_FOLDER)

    def clear(self) -> None:
        """Remove what a crash left unfinished. Only for the sole user of the root, before the first write."""
        for name in self.entries(TEMP_FOLDER):
            # A disk that went read-only must still open, for reading.
            with suppress(OSError):
                self.calls.unlink(self.root, f"{TEMP_FOLDER}/{name}")
