"""A journal in one SQLite file that all master processes of a host share."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from echofs.adapters.journal_appends import Append, Share, add, singly
from echofs.adapters.journal_file import JournalFile
from echofs.adapters.journal_salvage import salvage
from echofs.adapters.journal_tables import NEWEST, TABLES
from echofs.core.chunking import digest_of
from echofs.core.entries import Delivered, JournalEntry, decode, encode, placed
from echofs.core.errors import EchoError, Unavailable
from echofs.core.models import ChunkKind, Digest, Dot, IdempotencyRecord
from echofs.ports.chunks import Frame
from echofs.ports.journal import EntryCopy, Journal, Task
from echofs.ports.runtime import Clock

_SHRUNK_PAGES = 4096
"""Unused pages given back at a time, once the spool is empty: 16 MiB, so that nobody waits for long."""
_ENTRY = "SELECT place, digest, body FROM entry "
_OF_FILE = _ENTRY + "WHERE owner = ? AND file = ? ORDER BY place"
_HEAD = f"{_OF_FILE} DESC LIMIT 1"
_AT = f"SELECT place, digest, body FROM entry AS e WHERE owner = ? AND path = ? AND living AND {NEWEST}"
_HEADS = f"SELECT place, digest, body FROM entry AS e WHERE owner = ? AND {NEWEST} ORDER BY place"
_STALE_COPIES = """
SELECT place, digest FROM copied WHERE worker = ? AND place NOT IN (SELECT place FROM entry) ORDER BY place LIMIT ?
"""

_log = logging.getLogger(__name__)


class LocalJournal(Journal):
    """``limit`` bounds the bytes of entries and frames. ``boot`` names the present start of the host, on whose
    monotonic clock ages are measured. Raises :class:`InvalidSetting` when ``folder`` cannot be used."""

    def __init__(self, folder: Path, *, limit: int, clock: Clock, boot: str, share: Share = singly) -> None:
        self._limit = limit
        self._clock = clock
        self._boot = boot
        self._folder = folder
        self._file = JournalFile(folder, TABLES, salvage)
        self._append = share(self._add)
        self._damaged: set[int] = set()

    def close(self) -> None:
        """Idempotent."""
        self._file.close()

    def append(self, entry: JournalEntry, frames: Sequence[Frame] = ()) -> None:
        self._share(Append.of(entry, frames))

    def spool(self, frames: Sequence[Frame]) -> None:
        if frames:
            self._share(Append.of(None, frames))

    def frames(self, digests: Collection[Digest]) -> dict[Digest, Frame]:
        found: dict[Digest, Frame] = {}
        for digest in digests:
            with self._file.reading() as connection:
                query = "SELECT size, kind, body FROM frame WHERE digest = ?"
                row = connection.execute(query, (bytes.fromhex(digest),)).fetchone()
            if row is not None:
                found[digest] = Frame(digest, row[0], (row[2],), ChunkKind(row[1]))
        return found

    def head(self, owner_id: str, file_id: str) -> JournalEntry | None:
        return self._first(_HEAD, owner_id, file_id)

    def at(self, owner_id: str, path: str) -> JournalEntry | None:
        return self._first(_AT + " ORDER BY place DESC LIMIT 1", owner_id, path)

    def of_file(self, owner_id: str, file_id: str) -> list[JournalEntry]:
        return [entry for _, entry in self._select(_OF_FILE, owner_id, file_id)]

    def heads(self, owner_id: str) -> list[JournalEntry]:
        return [entry for _, entry in self._select(_HEADS, owner_id)]

    def pending(self, after: int = 0, limit: int = 1000) -> list[tuple[int, JournalEntry]]:
        return self._select(_ENTRY + "WHERE place > ? ORDER BY place", after, limit=limit)

    def answered(self, owner_id: str, key: str) -> IdempotencyRecord | None:
        entry = self._first(_ENTRY + "WHERE owner = ? AND key = ? ORDER BY place LIMIT 1", owner_id, key)
        return entry.idempotency if entry else None

    def settle(self, dots: Collection[Dot]) -> None:
        rows = [(dot.origin, dot.counter) for dot in dots]
        self._write_all("DELETE FROM entry WHERE origin = ? AND counter = ?", rows)

    def spooled(self, after: Digest = "", limit: int = 256) -> list[Digest]:
        query = "SELECT digest FROM frame WHERE digest > ? ORDER BY digest LIMIT ?"
        with self._file.reading() as connection:
            rows = connection.execute(query, (bytes.fromhex(after), limit)).fetchall()
        return [digest.hex() for (digest,) in rows]

    def drop(self, delivered: Collection[Delivered]) -> None:
        if not delivered:
            return
        with self._file.writing() as connection:
            self._note_places(connection, delivered)
            keys = [(bytes.fromhex(one.digest),) for one in delivered]
            connection.executemany("DELETE FROM brought WHERE digest = ?", keys)
            connection.executemany("DELETE FROM frame WHERE digest = ?", keys)
        if not self.spooled_bytes():
            self._file.shrink(_SHRUNK_PAGES)

    def uncopied(self, limit: int = 64) -> list[tuple[int, JournalEntry]]:
        return self._select(_ENTRY + "WHERE place NOT IN (SELECT place FROM copied) ORDER BY place", limit=limit)

    def note_copies(self, copies: Collection[EntryCopy]) -> None:
        rows = [(copy.place, copy.worker_id, bytes.fromhex(copy.digest)) for copy in copies]
        self._write_all("INSERT OR REPLACE INTO copied (place, worker, digest) VALUES (?, ?, ?)", rows)

    def stale_copies(self, worker_id: str, limit: int = 256) -> list[EntryCopy]:
        with self._file.reading() as connection:
            rows = connection.execute(_STALE_COPIES, (worker_id, limit)).fetchall()
        return [EntryCopy(place, digest.hex(), worker_id) for place, digest in rows]

    def forget_copies(self, copies: Collection[EntryCopy]) -> None:
        rows = [(copy.place, copy.worker_id) for copy in copies]
        self._write_all("DELETE FROM copied WHERE place = ? AND worker = ?", rows)

    def depth(self) -> int:
        return int(self._single("SELECT depth FROM taken")[0])

    def oldest_age(self) -> float:
        with self._file.reading() as connection:
            row = connection.execute("SELECT boot, since FROM entry ORDER BY place LIMIT 1").fetchone()
        if row is None:
            return 0.0
        since = row[1] if row[0] == self._boot else 0.0
        return max(self._clock.monotonic() - since, 0.0)

    def spooled_bytes(self) -> int:
        return int(self._single("SELECT frames FROM taken")[0])

    @contextmanager
    def lead(self, task: Task = Task.REPLAY) -> Iterator[bool]:
        try:
            fd = os.open(self._folder / f"{task}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(f"This master's journal cannot be led ({error.strerror}).") from error
        try:
            yield _locked(fd)
        finally:
            os.close(fd)

    def _share(self, append: Append) -> None:
        refusal = self._append(append)
        if refusal is not None:
            raise refusal

    def _add(self, appends: Sequence[Append]) -> list[EchoError | None]:
        """Make all of them durable with one flush, but those for which there is no room."""
        with self._file.writing() as connection:
            arrival = (self._boot, self._clock.monotonic())
            return [add(connection, append, self._limit, arrival) for append in appends]

    def _note_places(self, connection: sqlite3.Connection, delivered: Collection[Delivered]) -> None:
        """Have the entries that bring these chunks say where they lie now."""
        by_place: dict[int, dict[Digest, Delivered]] = {}
        for one in delivered:
            query = "SELECT place FROM brought WHERE digest = ?"
            for (place,) in connection.execute(query, (bytes.fromhex(one.digest),)):
                by_place.setdefault(place, {})[one.digest] = one
        for place, by_digest in by_place.items():
            entry = self._read(*connection.execute(_ENTRY + "WHERE place = ?", (place,)).fetchone())
            if entry is not None:
                body = encode(placed(entry, by_digest))
                change = "UPDATE entry SET digest = ?, body = ? WHERE place = ?"
                connection.execute(change, (bytes.fromhex(digest_of(body)), body, place))

    def _first(self, query: str, *values: object) -> JournalEntry | None:
        found = self._select(query, *values, limit=1)
        return found[0][1] if found else None

    def _select(self, query: str, *values: object, limit: int | None = None) -> list[tuple[int, JournalEntry]]:
        found: list[tuple[int, JournalEntry]] = []
        with self._file.reading() as connection, closing(connection.execute(query, values)) as rows:
            for place, digest, body in rows:
                entry = self._read(place, digest, body)
                if entry is not None:
                    found.append((place, entry))
                if len(found) == limit:
                    break
        return found

    def _read(self, place: int, digest: bytes, body: bytes) -> JournalEntry | None:
        """An entry as it was appended. One that rotted stays where it is, for its operator, and counts as pending."""
        try:
            if bytes.fromhex(digest_of(body)) != digest:
                raise ValueError("its bytes do not have its digest")
            return decode(body)
        except ValueError as error:
            if place not in self._damaged:
                self._damaged.add(place)
                _log.error("an entry of the journal is damaged", extra={"place": place, "why": str(error)})
            return None

    def _write_all(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        if rows:
            with self._file.writing() as connection:
                connection.executemany(statement, rows)

    def _single(self, query: str) -> Any:
        with self._file.reading() as connection:
            return connection.execute(query).fetchone()


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
