"""The SQLite file behind a host's journal: durable by construction.

After a failed flush the kernel may have dropped pages and marked them clean, so that a second flush would succeed
without the bytes being anywhere (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
What SQLite wrote to its log then is doubted: before anything else is acknowledged the log is written anew into the
database itself, with a flush of its own, and begun again.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from echofs.adapters.journal_folder import (
    BUSY,
    BUSY_SECONDS,
    FILE,
    SETTING,
    Salvage,
    code_of,
    connect,
    empty_log,
    prepare,
    take,
)
from echofs.core.errors import EchoError, InvalidSetting, SpoolFull, Unavailable

_PASSING = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY})
_REMOVED = "This master's journal was removed while it was running; nothing was accepted. Restart the master."
_USELESS = "This master's journal cannot be used; nothing was accepted. Its operator must look at it."

_log = logging.getLogger(__name__)


class _Opened(NamedTuple):
    """Connections, and which file they are open on."""

    writer: sqlite3.Connection
    reader: sqlite3.Connection
    identity: tuple[int, int]

    @classmethod
    def on(cls, path: Path) -> _Opened:
        stat = path.stat()
        return cls(connect(path), connect(path), (stat.st_dev, stat.st_ino))

    def close(self) -> None:
        self.writer.close()
        self.reader.close()


class JournalFile:
    """One for each process. Thread-safe. What fails is raised as :class:`Unavailable`, and :class:`SpoolFull` when the
    disk has no room; then nothing was changed.

    A file that cannot be opened because its disk is full or fails is tried again at each use. Raises
    :class:`InvalidSetting` for whatever does not pass by itself.
    """

    def __init__(self, folder: Path, tables: str, salvage: Salvage) -> None:
        self.path = folder / FILE
        self._tables = tables
        self._salvage = salvage
        self._turn = threading.Lock()
        self._reading = threading.Lock()
        self._opening = threading.Lock()
        self._opened: _Opened | None = None
        self._doubted = False
        self._failures: set[int] = set()
        """What was told in the log since the last success."""
        self._using = take(folder)
        try:
            self._first_open()
        except BaseException:
            os.close(self._using)
            raise

    def _first_open(self) -> None:
        try:
            self._open()
        except (OSError, Unavailable) as error:
            _log.error("the journal cannot be opened yet", extra={"file": str(self.path), "why": str(error)})
        except sqlite3.Error as error:
            if code_of(error) not in _PASSING:
                raise InvalidSetting(
                    f"{SETTING}: the journal {self.path} cannot be used: {error}.", field=SETTING
                ) from error
            _log.error("the journal cannot be opened yet", extra={"file": str(self.path), "why": str(error)})

    def _open(self) -> _Opened:
        with self._opening:
            if self._using < 0:
                raise Unavailable("This master is stopping; try again.")
            if self._opened is None:
                prepare(self._using, self.path, self._tables, self._salvage)
                self._opened = _Opened.on(self.path)
            return self._opened

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection inside an exclusive transaction, which is durable when the context ends and undone if anything
        raises."""
        with _in_turn(self._turn), self._translated():
            opened = self._renewed() if self._doubted else self._open()
            connection = opened.writer
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # Some errors, such as a full disk, have ended the transaction already.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            self._check_place(opened)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for single statements; never waits for a writer."""
        with self._reading, self._translated(accepting=False):
            yield self._open().reader

    def shrink(self, pages: int) -> None:
        """Give up to so many unused pages back to the file system."""
        with _in_turn(self._turn), self._translated():
            # The driver takes a single step of what returns no columns, and a step gives back one page.
            self._open().writer.executescript(f"PRAGMA incremental_vacuum({pages})")

    def close(self) -> None:
        """Idempotent."""
        with self._turn, self._reading, self._opening:
            self._let_go()
            using, self._using = self._using, -1
            if using >= 0:
                os.close(using)

    def _let_go(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def _renewed(self) -> _Opened:
        with self._reading, self._opening:
            self._let_go()
        opened = self._open()
        empty_log(opened.writer)
        self._doubted = False
        _log.info("the journal can be written again", extra={"file": str(self.path)})
        return opened

    def _check_place(self, opened: _Opened) -> None:
        """What was written to a file that somebody removed or replaced is not kept anywhere."""
        try:
            stat = self.path.stat()
            os.stat(f"{self.path}-wal")
        except OSError as error:
            raise Unavailable(_REMOVED) from error
        if (stat.st_dev, stat.st_ino) != opened.identity:
            raise Unavailable(_REMOVED)

    @contextmanager
    def _translated(self, *, accepting: bool = True) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if type(error) not in (sqlite3.OperationalError, sqlite3.DatabaseError):
                raise  # that of a wrong statement
            raise self._meaning(error, accepting) from error
        except OSError as error:
            raise Unavailable(_USELESS) from error
        if self._failures:
            self._failures.clear()

    def _meaning(self, error: sqlite3.DatabaseError, accepting: bool) -> EchoError:
        code = code_of(error)
        if code == sqlite3.SQLITE_FULL and accepting:
            return SpoolFull("The disk of this master's journal is full; nothing was accepted. Free some space.")
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return Unavailable(BUSY)
        if code == sqlite3.SQLITE_IOERR:
            self._doubted = True
        if code not in self._failures:
            self._failures.add(code)
            _log.error("the journal fails", extra={"file": str(self.path), "why": str(error)})
        return Unavailable(_USELESS)


@contextmanager
def _in_turn(turn: threading.Lock) -> Iterator[None]:
    if not turn.acquire(timeout=BUSY_SECONDS):
        raise Unavailable(BUSY)
    try:
        yield
    finally:
        turn.release()
