"""The SQLite file behind a host's journal: durable by construction, and set aside rather than dropped when damaged.

After a failed flush the kernel may have dropped pages and marked them clean, so that a second flush would succeed
without the bytes being anywhere (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
What SQLite wrote to its log then is doubted: before anything else is acknowledged the log is written anew into the
database itself, with a flush of its own, and begun again. The same is done by the first process that opens the file,
since a log left by a dead one may hold what it could not flush.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from echofs.core.errors import EchoError, InvalidSetting, SpoolFull, Unavailable

FILE = "journal.db"
FORMAT = 1
SETTING = "ECHOFS_DATA_DIR"
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

_log = logging.getLogger(__name__)


class JournalFile:
    """One for each process. Thread-safe. What fails is raised as :class:`Unavailable`, and :class:`SpoolFull` when the
    disk has no room; then nothing was changed.

    Raises :class:`InvalidSetting` when it cannot be opened. A damaged file is moved aside by the first process that
    opens it, and an empty one begun.
    """

    def __init__(self, folder: Path, tables: str) -> None:
        self.path = folder / FILE
        self._tables = tables
        self._turn = threading.Lock()
        self._reading = threading.Lock()
        self._doubted = False
        self._failures: set[int] = set()
        """What was told in the log since the last success."""
        with _refused(folder):
            _make_folder(folder)
            self._using = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                self._open()
            except BaseException:
                os.close(self._using)
                raise

    def _open(self) -> None:
        if _alone(self._using):
            self._inspect()
        # Waits for a process that is inspecting the file just now; those that use it do not stand in the way.
        fcntl.flock(self._using, fcntl.LOCK_SH)
        self._connect()
        self._reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()

    def _connect(self) -> None:
        self._writer = _connection(self.path)
        self._reader = _connection(self.path)
        stat = self.path.stat()
        self._identity = (stat.st_dev, stat.st_ino)

    def _inspect(self) -> None:
        """Make sure of a sound file, with an empty log. Only while no other process uses it."""
        problem = self._problem()
        if problem:
            self._set_aside(problem)
            self._problem()

    def _problem(self) -> str:
        """What is wrong with the file; ``""`` once it is sound and has its tables."""
        # SQLite would let others read it; its log takes the mode of the file. Never while this process has a
        # connection: closing a file ends all locks that its process has on it.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = None
        try:
            connection = _connection(self.path)
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found == "ok":
                self._prepare(connection)
                return ""
            return str(found)
        except sqlite3.DatabaseError as error:
            if not _damaged(error):
                raise
            return str(error)
        finally:
            if connection is not None:
                connection.close()

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (form,) = connection.execute("PRAGMA user_version").fetchone()
        if form not in (0, FORMAT):
            raise InvalidSetting(
                f"{SETTING}: the journal {self.path} is of a newer EchoFS: upgrade this one.", field=SETTING
            )
        if form == 0:
            connection.executescript(f"BEGIN IMMEDIATE; {self._tables} PRAGMA user_version = {FORMAT}; COMMIT;")
        _empty_log(connection)

    def _set_aside(self, problem: str) -> None:
        aside = self.path.with_name(f"{FILE}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}")
        for suffix in ("", "-wal"):
            with suppress(FileNotFoundError):
                Path(f"{self.path}{suffix}").rename(f"{aside}{suffix}")
        Path(f"{self.path}-shm").unlink(missing_ok=True)
        _flush_folder(self.path.parent)
        _log.error(
            "the journal is damaged and was set aside: provisional versions in it are committed only as far as workers "
            "have copies of its entries. Keep the file and check the disk",
            extra={"file": str(aside), "why": problem},
        )

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection inside an exclusive transaction, which is durable when the context ends and undone if anything
        raises."""
        with _in_turn(self._turn), self._translated():
            self._refuse_closed()
            if self._doubted:
                self._renew()
            connection = self._writer
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # Some errors, such as a full disk, have ended the transaction already.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            self._check_place()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for single statements; never waits for a writer."""
        with self._reading, self._translated():
            self._refuse_closed()
            yield self._reader

    def shrink(self, pages: int) -> None:
        """Give up to so many unused pages back to the file system."""
        with _in_turn(self._turn), self._translated():
            self._refuse_closed()
            # The driver takes a single step of what returns no columns, and a step gives back one page.
            self._writer.executescript(f"PRAGMA incremental_vacuum({pages})")

    def close(self) -> None:
        """Idempotent."""
        with self._turn, self._reading:
            self._writer.close()
            self._reader.close()
            using, self._using = self._using, -1
            if using >= 0:
                os.close(using)

    def _refuse_closed(self) -> None:
        if self._using < 0:
            raise Unavailable("This master is stopping; try again.")

    def _renew(self) -> None:
        with self._reading:
            self._writer.close()
            self._reader.close()
            self._connect()
        _empty_log(self._writer)
        self._doubted = False
        _log.info("the journal can be written again", extra={"file": str(self.path)})

    def _check_place(self) -> None:
        """What was written to a file that somebody removed or replaced is not kept anywhere."""
        try:
            stat = self.path.stat()
            os.stat(f"{self.path}-wal")
        except OSError as error:
            raise Unavailable(_REMOVED) from error
        if (stat.st_dev, stat.st_ino) != self._identity:
            raise Unavailable(_REMOVED)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if type(error) not in (sqlite3.OperationalError, sqlite3.DatabaseError):
                raise  # that of a wrong statement
            raise self._meaning(error) from error
        if self._failures:
            self._failures.clear()

    def _meaning(self, error: sqlite3.DatabaseError) -> EchoError:
        code = _code(error)
        if code == sqlite3.SQLITE_FULL:
            return SpoolFull("The disk of this master's journal is full; nothing was accepted. Free some space.")
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return Unavailable("This master's journal is busy; nothing was accepted. Try again shortly.")
        if code == sqlite3.SQLITE_IOERR:
            self._doubted = True
        if code not in self._failures:
            self._failures.add(code)
            _log.error("the journal fails", extra={"file": str(self.path), "why": str(error)})
        return Unavailable("This master's journal cannot be used; nothing was accepted. Its operator must look at it.")


_REMOVED = "This master's journal was removed while it was running; nothing was accepted. Restart the master."


def _connection(path: Path) -> sqlite3.Connection:
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


def _empty_log(connection: sqlite3.Connection) -> None:
    """Write all that the log holds into the database, flush that, and begin the log anew."""
    (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise Unavailable("This master's journal is busy; nothing was accepted. Try again shortly.")


def _code(error: sqlite3.DatabaseError) -> int:
    """The primary result code."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _damaged(error: sqlite3.DatabaseError) -> bool:
    return _code(error) in _DAMAGE


def _alone(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _in_turn(turn: threading.Lock) -> Iterator[None]:
    if not turn.acquire(timeout=BUSY_SECONDS):
        raise Unavailable("This master's journal is busy; nothing was accepted. Try again shortly.")
    try:
        yield
    finally:
        turn.release()


def _make_folder(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(0o700)
        _flush_folder(folder.parent)


def _flush_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def _refused(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or "it cannot be used"
        raise InvalidSetting(f"{SETTING}: the folder {folder} cannot be used: {reason}.", field=SETTING) from error
    except (sqlite3.Error, Unavailable) as error:
        raise InvalidSetting(f"{SETTING}: the journal in {folder} cannot be used: {error}.", field=SETTING) from error
