"""Which segment holds each value, in an SQLite file beside the segments.

The index is a cache of what the segments say, with one exception: it alone knows what was deleted. Puts are committed
without waiting for the disk, since the segments can tell them again after a power cut; a delete waits, and makes every
put before it durable too, so that nothing deleted comes back. Only the loss of the whole file brings deleted values
back, as waste.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from echofs.adapters.stores.disk_calls import FILE_MODE
from echofs.adapters.stores.disk_entries import HEAD_BYTES, Entry

FILE = "index.db"
IN_MEMORY = Path(":memory:")
_FORMAT = 1
_TABLES = f"""
BEGIN;
CREATE TABLE segment (
    id INTEGER PRIMARY KEY,
    scanned INTEGER NOT NULL,
    stamp INTEGER NOT NULL,
    live INTEGER NOT NULL DEFAULT 0,
    dead INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX wasteful ON segment (id) WHERE dead > live;
CREATE TABLE value (
    key TEXT PRIMARY KEY,
    segment INTEGER NOT NULL,
    at INTEGER NOT NULL,
    size INTEGER NOT NULL,
    stamp INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TRIGGER added AFTER INSERT ON value BEGIN
    UPDATE segment SET live = live + new.size + {HEAD_BYTES} WHERE id = new.segment;
END;
CREATE TRIGGER moved AFTER UPDATE ON value BEGIN
    UPDATE segment SET live = live - old.size - {HEAD_BYTES}, dead = dead + old.size + {HEAD_BYTES}
    WHERE id = old.segment;
    UPDATE segment SET live = live + new.size + {HEAD_BYTES} WHERE id = new.segment;
END;
CREATE TRIGGER removed AFTER DELETE ON value BEGIN
    UPDATE segment SET live = live - old.size - {HEAD_BYTES}, dead = dead + old.size + {HEAD_BYTES}
    WHERE id = old.segment;
END;
PRAGMA user_version = {_FORMAT};
COMMIT;
"""
_SCANNED = """
INSERT INTO segment (id, scanned, stamp) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET scanned = max(scanned, excluded.scanned), stamp = max(stamp, excluded.stamp)
"""
# A copy made by compaction has the stamp of its original and must win over it.
_PUT = """
INSERT INTO value (key, segment, at, size, stamp) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE
SET segment = excluded.segment, at = excluded.at, size = excluded.size, stamp = excluded.stamp
WHERE excluded.stamp >= stamp AND (segment, at) <> (excluded.segment, excluded.at)
"""
_MOVE = "UPDATE value SET segment = ?, at = ? WHERE key = ? AND segment = ? AND at = ?"
_PLACE = "SELECT segment, at, size, stamp FROM value WHERE key = ?"
_LIST = "SELECT key, segment, at, size, stamp FROM value WHERE key > ? AND key >= ? AND key < ? ORDER BY key LIMIT ?"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value lies: ``at`` is its offset, ``size`` its length in bytes."""

    segment: int
    at: int
    size: int
    stamp: int


class Index:
    """Thread-safe. Methods raise sqlite3.Error, also after :meth:`close`.

    Raises OSError, and sqlite3.DatabaseError when the file is damaged or of another format: it can then be made again
    from the segments.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        if path != IN_MEMORY:
            # SQLite would let others read it; its log takes the mode of the file.
            os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        # The root is locked for one process, which spares the index its own locks on every statement.
        self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        (form,) = self._connection.execute("PRAGMA user_version").fetchone()
        if form == 0:
            self._connection.executescript(_TABLES)
        elif form != _FORMAT:
            raise sqlite3.DatabaseError("the index is of another format")

    def close(self) -> None:
        """Idempotent."""
        with self._lock:
            self._connection.close()

    def place(self, key: str) -> Place | None:
        """Where a value lies, if there is one."""
        with self._lock:
            row = self._connection.execute(_PLACE, (key,)).fetchone()
        return None if row is None else Place(*row)

    def places(self, keys: Collection[str]) -> dict[str, Place]:
        """Where those values lie that there are."""
        with self._lock:
            rows = {key: self._connection.execute(_PLACE, (key,)).fetchone() for key in keys}
        return {key: Place(*row) for key, row in rows.items() if row is not None}

    def put(self, segment: int, scanned: int, entries: Sequence[Entry]) -> None:
        """Note entries of a segment that was read or written up to ``scanned``. Idempotent; older entries than those
        known are passed over."""
        newest = max((entry.stamp for entry in entries), default=0)
        rows = [(entry.key, segment, entry.at, entry.size, entry.stamp) for entry in entries]
        with self._committing():
            self._connection.execute(_SCANNED, (segment, scanned, newest))
            self._connection.executemany(_PUT, rows)

    def delete(self, key: str) -> None:
        """Forget a value, durably. Idempotent."""
        with self._committing(durably=True):
            self._connection.execute("DELETE FROM value WHERE key = ?", (key,))

    def move(self, source: int, target: int, scanned: int, moves: Sequence[tuple[Entry, Entry]]) -> None:
        """Point values that still lie in segment ``source`` to their copies in ``target``, durably."""
        newest = max(copy.stamp for _, copy in moves)
        rows = [(target, copy.at, copy.key, source, old.at) for old, copy in moves]
        with self._committing(durably=True):
            self._connection.execute(_SCANNED, (target, scanned, newest))
            self._connection.executemany(_MOVE, rows)

    def page(self, space: str, prefix: str, after: str, limit: int) -> list[tuple[str, Place]]:
        """Keys of a space and where their values lie, in key order."""
        first = f"{space}/{prefix}"
        # No key has a character beyond z, so this is greater than all that begin with the prefix.
        bounds = (f"{space}/{after}", first, f"{first}\x7f", limit)
        with self._lock:
            rows = self._connection.execute(_LIST, bounds).fetchall()
        return [(key, Place(*place)) for key, *place in rows]

    def scanned(self) -> dict[int, int]:
        """Up to which offset the entries of each segment are known."""
        with self._lock:
            return dict(self._connection.execute("SELECT id, scanned FROM segment").fetchall())

    def last_stamp(self) -> int:
        """The largest stamp ever noted."""
        with self._lock:
            (stamp,) = self._connection.execute("SELECT coalesce(max(stamp), 0) FROM segment").fetchone()
        return int(stamp)

    def wasteful(self) -> list[int]:
        """Segments of which more is dead than alive."""
        with self._lock:
            rows = self._connection.execute("SELECT id FROM segment WHERE dead > live ORDER BY id").fetchall()
        return [segment for (segment,) in rows]

    def empty(self, segment: int) -> bool:
        """Whether no value lies in a segment any more."""
        with self._lock:
            row = self._connection.execute("SELECT live FROM segment WHERE id = ?", (segment,)).fetchone()
        return row is not None and row[0] == 0

    def forget(self, segment: int) -> int:
        """Drop a segment that is gone, with the values that lay in it; how many those were. Idempotent."""
        empty = self.empty(segment)
        with self._committing():
            # To look for values of one segment is to look at all values.
            lost = 0 if empty else self._connection.execute("DELETE FROM value WHERE segment = ?", (segment,)).rowcount
            self._connection.execute("DELETE FROM segment WHERE id = ?", (segment,))
        return lost

    @contextmanager
    def _committing(self, *, durably: bool = False) -> Iterator[None]:
        with self._lock:
            if durably:
                self._connection.execute("PRAGMA synchronous = FULL")
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield
                    self._connection.execute("COMMIT")
                except BaseException:
                    self._roll_back()
                    raise
            finally:
                if durably:
                    self._connection.execute("PRAGMA synchronous = NORMAL")

    def _roll_back(self) -> None:
        # Some errors, such as a full disk, have ended the transaction already.
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
