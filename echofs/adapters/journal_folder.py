"""Taking possession of a host's journal: one process after the other, and set aside rather than dropped when damaged.

The first process that opens the file begins its log anew, since one left by a dead process may hold what that could not
flush (see ``journal_file``).
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from echofs.core.errors import InvalidSetting, Unavailable

FILE = "journal.db"
FORMAT = 1
SETTING = "ECHOFS_DATA_DIR"
BUSY = "This master's journal is busy; nothing was accepted. Try again shortly."
BUSY_SECONDS = 4.0
"""How long a writer waits for the writers before it."""
_LOCK = "using.lock"
_LOG_PAGES = 4000
"""SQLite's log is copied into the database when it has grown to this many pages, about 16 MiB."""
_PRAGMAS = (
    f"busy_timeout={int(BUSY_SECONDS * 1000)}",
    "journal_mode=WAL",
    # In WAL mode NORMAL forgets acknowledged commits in a power cut; FULL syncs before every commit returns.
    "synchronous=FULL",
    f"wal_autocheckpoint={_LOG_PAGES}",
    f"journal_size_limit={64 << 20}",
)
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

Salvage = Callable[[sqlite3.Connection, sqlite3.Connection], tuple[int, int]]
"""Copies from a damaged journal into a fresh one; how many entries and frames. Raises sqlite3.Error."""

_log = logging.getLogger(__name__)


def take(folder: Path) -> int:
    """A descriptor to hold while the journal is used; the folder is made if it is missing. Raises
    :class:`InvalidSetting`."""
    try:
        _make(folder)
        return os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        reason = error.strerror or "it cannot be used"
        raise InvalidSetting(f"{SETTING}: the folder {folder} cannot be used: {reason}.", field=SETTING) from error


def prepare(using: int, path: Path, tables: str, salvage: Salvage) -> None:
    """Make sure of a sound file with its tables, by the first process that uses it; the others wait for that.

    A damaged file is moved aside, and a fresh one begun with what can be read of it. Raises :class:`InvalidSetting` for
    a file of a newer EchoFS, and for a damaged one that other processes use; OSError and sqlite3.Error when the disk
    fails.
    """
    if _alone(using):
        problem = _problem(path, tables)
        if problem:
            aside = _set_aside(path)
            _problem(path, tables)
            _report(aside, problem, _salvaged(aside, path, salvage))
    # Waits for a process that is inspecting the file just now; those that use it do not stand in the way.
    fcntl.flock(using, fcntl.LOCK_SH)
    try:
        with closing(connect(path)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.DatabaseError as error:
        if not _damaged(error):
            raise
        raise InvalidSetting(
            f"{SETTING}: the journal {path} is damaged ({error}). Stop all masters of this host, then start them.",
            field=SETTING,
        ) from error


def connect(path: Path) -> sqlite3.Connection:
    """A connection whose commits are durable. Raises sqlite3.Error."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        if path.stat().st_size == 0:
            # Lets the file shrink when the spool has been emptied. Later it would be a change of its own.
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def empty_log(connection: sqlite3.Connection) -> None:
    """Write all that the log holds into the database, flush that, and begin the log anew. Raises sqlite3.Error, and
    :class:`Unavailable` while others are in the way."""
    (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise Unavailable(BUSY)


def code_of(error: sqlite3.Error) -> int:
    """The primary result code."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _problem(path: Path, tables: str) -> str:
    """What is wrong with the file; ``""`` once it is sound and has its tables."""
    # SQLite would let others read it; its log takes the mode of the file. Never while this process has a connection:
    # closing a file ends all locks that its process has on it.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    try:
        with closing(connect(path)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                return str(found)
            _make_tables(connection, path, tables)
            return ""
    except sqlite3.DatabaseError as error:
        if not _damaged(error):
            raise
        return str(error)


def _make_tables(connection: sqlite3.Connection, path: Path, tables: str) -> None:
    (form,) = connection.execute("PRAGMA user_version").fetchone()
    if form not in (0, FORMAT):
        raise InvalidSetting(f"{SETTING}: the journal {path} is of a newer EchoFS: upgrade this one.", field=SETTING)
    if form == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {tables} PRAGMA user_version = {FORMAT}; COMMIT;")
    empty_log(connection)


def _set_aside(path: Path) -> Path:
    aside = path.with_name(f"{FILE}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}")
    for suffix in ("", "-wal"):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
    Path(f"{path}-shm").unlink(missing_ok=True)
    _flush(path.parent)
    return aside


def _salvaged(aside: Path, path: Path, salvage: Salvage) -> str:
    try:
        with closing(sqlite3.connect(aside, isolation_level=None)) as damaged, closing(connect(path)) as fresh:
            entries, frames = salvage(damaged, fresh)
    except sqlite3.Error as error:
        return f"nothing ({error})"
    return f"{entries} entries and {frames} frames"


def _report(aside: Path, problem: str, salvaged: str) -> None:
    _log.error(
        "the journal is damaged and was set aside: what was not salvaged is committed only as far as workers have "
        "copies of its entries. Keep the file and check the disk",
        extra={"file": str(aside), "why": problem, "salvaged": salvaged},
    )


def _damaged(error: sqlite3.Error) -> bool:
    return code_of(error) in _DAMAGE


def _alone(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(0o700)
        _flush(folder.parent)


def _flush(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
