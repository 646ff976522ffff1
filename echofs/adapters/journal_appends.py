"""What is appended to a host's journal, and when it may not be."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from echofs.adapters.journal_tables import NEWEST
from echofs.core.chunking import digest_of
from echofs.core.entries import JournalEntry, encode
from echofs.core.errors import EchoError, HeadMoved, IdempotencyKeyReused, SpoolFull
from echofs.core.models import Dot
from echofs.ports.chunks import Frame

_ADD_ENTRY = """
INSERT INTO entry (origin, counter, owner, file, path, living, key, boot, since, digest, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# Written anew even when present: the copy that is there may be rotten.
ADD_FRAME = """
INSERT INTO frame (digest, size, kind, body) VALUES (?, ?, ?, ?)
ON CONFLICT (digest) DO UPDATE SET size = excluded.size, kind = excluded.kind, body = excluded.body
"""
_FILES_AT = f"SELECT file FROM entry AS e WHERE owner = ? AND path = ? AND living AND {NEWEST}"
_NEWEST_DOT = "SELECT origin, counter FROM entry WHERE owner = ? AND file = ? ORDER BY place DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Append:
    """What one caller wants to be made durable, prepared outside of any lock."""

    entry: JournalEntry | None
    body: bytes
    frames: Sequence[tuple[bytes, int, int, bytes]]

    @classmethod
    def of(cls, entry: JournalEntry | None, frames: Sequence[Frame]) -> Append:
        """Of an entry, frames, or both."""
        rows = [(bytes.fromhex(one.digest), one.size, int(one.kind), b"".join(one.parts)) for one in frames]
        return cls(entry, encode(entry) if entry else b"", rows)

    @property
    def taken(self) -> int:
        """How much of the journal's size it takes."""
        return len(self.body) + sum(len(frame[-1]) for frame in self.frames)


Handle = Callable[[Sequence[Append]], Sequence[EchoError | None]]
Share = Callable[[Handle], Callable[[Append], EchoError | None]]
"""Makes of what handles many appends what takes one: callers that come at the same time may share a flush."""


def singly(handle: Handle) -> Callable[[Append], EchoError | None]:
    """Every append has a flush of its own."""
    return lambda append: handle([append])[0]


def add(connection: sqlite3.Connection, append: Append, limit: int, arrival: tuple[str, float]) -> EchoError | None:
    """Insert an entry and its frames; the refusal if another writer was faster, if its key is in use, or if with them
    the journal would have more than ``limit`` bytes. What is there already is accepted. ``arrival`` is a boot and the
    time on its clock."""
    if append.entry is not None:
        if _known(connection, append.entry.version.dot):
            return None
        if _answered(connection, append.entry):
            return IdempotencyKeyReused("This Idempotency-Key was used already.", field="Idempotency-Key")
        if _passed_by(connection, append.entry):
            return HeadMoved("Another writer was faster; nothing was changed. Try again.")
    entries, frames = connection.execute("SELECT entries, frames FROM taken").fetchone()
    if entries + frames + append.taken > limit:
        return SpoolFull(
            "This master's spool is full; nothing was accepted. Try again when workers and catalog answer again, or "
            "raise SPOOL_SIZE.",
            retry_after=5,
        )
    connection.executemany(ADD_FRAME, append.frames)
    if append.entry is not None:
        add_entry(connection, append.entry, append.body, arrival)
    return None


def add_entry(connection: sqlite3.Connection, entry: JournalEntry, body: bytes, arrival: tuple[str, float]) -> None:
    """Insert an entry that came at ``arrival``. Raises sqlite3.Error."""
    version = entry.version
    key = entry.idempotency.key if entry.idempotency else None
    names = (version.dot.origin, version.dot.counter, entry.owner_id, version.file_id, version.path)
    row = (*names, not entry.deletes, key, *arrival, bytes.fromhex(digest_of(body)), body)
    place = connection.execute(_ADD_ENTRY, row).lastrowid
    brought = {(bytes.fromhex(chunk.digest), place) for chunk in entry.chunks}
    connection.executemany("INSERT INTO brought VALUES (?, ?)", brought)


def _known(connection: sqlite3.Connection, dot: Dot) -> bool:
    query = "SELECT 1 FROM entry WHERE origin = ? AND counter = ?"
    return connection.execute(query, (dot.origin, dot.counter)).fetchone() is not None


def _answered(connection: sqlite3.Connection, entry: JournalEntry) -> bool:
    """Whether another entry has its Idempotency-Key."""
    if entry.idempotency is None:
        return False
    query = "SELECT 1 FROM entry WHERE owner = ? AND key = ? LIMIT 1"
    return connection.execute(query, (entry.owner_id, entry.idempotency.key)).fetchone() is not None


def _passed_by(connection: sqlite3.Connection, entry: JournalEntry) -> bool:
    """Whether the host has a newer version of the file, or another file at its path."""
    version, parent = entry.version, entry.parent_dot
    newest = connection.execute(_NEWEST_DOT, (entry.owner_id, version.file_id)).fetchone()
    if newest is not None and (parent is None or newest != (parent.origin, parent.counter)):
        return True
    there = connection.execute(_FILES_AT, (entry.owner_id, version.path)).fetchall() if not entry.deletes else []
    return any(file != version.file_id for (file,) in there)
