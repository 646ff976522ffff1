"""A SQLite file that the processes of a host share, for what may be lost at any time.

Nothing is flushed, so a power cut may tear it; but then the host starts anew, and a file from an earlier start is never
opened. Each file has a name of its own, to which a link points. Whoever finds it damaged begins another one and turns
the link; the others see that at their next call.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_LINK = "current"
_LOCK = "begin.lock"
_SUFFIX = ".db"
_BUSY_SECONDS = 1.0
_PRAGMAS = (
    f"busy_timeout={int(_BUSY_SECONDS * 1000)}",
    "journal_mode=WAL",
    "synchronous=OFF",
    "wal_autocheckpoint=2000",
    f"journal_size_limit={16 << 20}",
)
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

_log = logging.getLogger(__name__)


class Damaged(Exception):
    """What was read is not what was written."""


class HostFile:
    """One for each process. Thread-safe. No method raises for a file that cannot be used: it answers with nothing.

    ``boot`` names the present start of the host; ``""``, where that is not known, shares the file with no other
    process. A change of ``tables`` begins a new file.
    """

    def __init__(self, folder: Path, boot: str, tables: str) -> None:
        self._folder = folder
        self._tables = tables
        self._prefix = f"{(boot or secrets.token_hex(16)).replace('-', '')}-{zlib.crc32(tables.encode()):08x}-"
        self._lock = threading.RLock()
        self._name = ""
        self._connection: sqlite3.Connection | None = None
        self._failing = False

    def rows(self, query: str, *values: object) -> list[Any]:
        """The answer to one query."""
        return self.work(lambda connection: connection.execute(query, values).fetchall()) or []

    def change(self, action: Callable[[sqlite3.Connection], T]) -> T | None:
        """Do several things at once or not at all."""

        def whole(connection: sqlite3.Connection) -> T:
            connection.execute("BEGIN IMMEDIATE")
            try:
                done = action(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return done

        return self.work(whole)

    def work(self, action: Callable[[sqlite3.Connection], T]) -> T | None:
        """What ``action`` makes of the file; None if it cannot be used. One that raises :class:`Damaged` has it begun
        anew."""
        with self._lock:
            try:
                done = action(self._opened())
            except (sqlite3.DatabaseError, Damaged, OSError) as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _BUSY:
                    self._give_up(error)
                return None
            self._failing = False
            return done

    def close(self) -> None:
        """Idempotent."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection, self._name = None, ""

    @contextmanager
    def lead(self, name: str) -> Iterator[bool]:
        """Whether this process is the one of the host that does something now. Never waits."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self._folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            yield False
            return
        try:
            yield _locked(fd)
        finally:
            os.close(fd)

    def _opened(self) -> sqlite3.Connection:
        name = self._current()
        if self._connection is None or name != self._name:
            self.close()
            self._name = name if name.startswith(self._prefix) else self._begin(instead_of=name)
            self._connection = _connect(self._folder / self._name)
        return self._connection

    def _current(self) -> str:
        try:
            return os.readlink(self._folder / _LINK)
        except FileNotFoundError:
            return ""

    def _begin(self, *, instead_of: str) -> str:
        """A new, empty file, unless another process has just begun one; its name."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            present = self._current()
            if present != instead_of and present.startswith(self._prefix):
                return present
            name = f"{self._prefix}{secrets.token_hex(4)}{_SUFFIX}"
            self._make(self._folder / name)
            fresh = self._folder / f".{_LINK}-{secrets.token_hex(4)}"
            fresh.symlink_to(name)
            fresh.replace(self._folder / _LINK)
            self._sweep(name)
            return name
        finally:
            os.close(fd)

    def _make(self, path: Path) -> None:
        # SQLite would let others read it; its log takes the mode of the file.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        connection = _connect(path)
        try:
            connection.executescript(f"BEGIN; {self._tables} COMMIT;")
        finally:
            connection.close()

    def _sweep(self, kept: str) -> None:
        """Remove older files. Processes that still have one open keep it until their next call."""
        for path in self._folder.iterdir():
            if _SUFFIX in path.name and not path.name.startswith(kept):
                with suppress(OSError):
                    path.unlink()

    def _give_up(self, error: Exception) -> None:
        """Begin anew after a failure; where that fails too, at the next call."""
        if not self._failing:
            _log.warning(
                "what this host remembers is begun anew", extra={"folder": str(self._folder), "why": str(error)}
            )
        self._failing = True
        broken = self._name
        self.close()
        try:
            self._begin(instead_of=broken)
        except (sqlite3.DatabaseError, OSError) as again:
            _log.warning("nothing can be remembered", extra={"folder": str(self._folder), "why": str(again)})


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").fetchall()
        # The log must be open before anybody unlinks the file.
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
