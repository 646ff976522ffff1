"""What can still be read of a damaged journal: rows before the first unreadable page, and those behind the last."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from echofs.adapters.journal_appends import ADD_FRAME, add_entry
from echofs.core.chunking import DIGEST_BYTES, digest_of
from echofs.core.entries import JournalEntry, decode
from echofs.core.models import ChunkKind


def salvage(damaged: sqlite3.Connection, fresh: sqlite3.Connection) -> tuple[int, int]:
    """Copy what is whole into a fresh journal, in one transaction: how many entries and frames.

    Entries are whole by their digests; frames carry their own checksums, which whoever uses them verifies. Raises
    sqlite3.Error when the fresh one cannot be written.
    """
    entries: dict[int, tuple[JournalEntry, bytes, tuple[str, float]]] = {}
    for place, digest, body, boot, since in _rows(damaged, "entry", "place, digest, body, boot, since"):
        entry = _whole(digest, body)
        if entry is not None:
            known = isinstance(boot, str) and isinstance(since, float)
            entries[place] = entry, body, (boot, since) if known else ("", 0.0)
    frames = 0
    fresh.execute("BEGIN IMMEDIATE")
    for _, (entry, body, arrival) in sorted(entries.items()):
        add_entry(fresh, entry, body, arrival)
    for row in _rows(damaged, "frame", "digest, size, kind, body"):
        if _is_frame(*row):
            fresh.execute(ADD_FRAME, row)
            frames += 1
    fresh.execute("COMMIT")
    return len(entries), frames


def _rows(connection: sqlite3.Connection, table: str, columns: str) -> Iterator[tuple[Any, ...]]:
    last = 0
    try:
        for rowid, *row in connection.execute(f"SELECT rowid, {columns} FROM {table} ORDER BY rowid"):
            last = rowid
            yield tuple(row)
    except sqlite3.DatabaseError:
        yield from _rows_from_the_end(connection, table, columns, last)


def _rows_from_the_end(
    connection: sqlite3.Connection, table: str, columns: str, last: int
) -> Iterator[tuple[Any, ...]]:
    query = f"SELECT {columns} FROM {table} WHERE rowid > ? ORDER BY rowid DESC"
    rows = connection.execute(query, (last,))
    while True:
        try:
            row = next(rows, None)
        except sqlite3.DatabaseError:
            return
        if row is None:
            return
        yield row


def _whole(digest: object, body: object) -> JournalEntry | None:
    if not isinstance(body, bytes) or not isinstance(digest, bytes) or bytes.fromhex(digest_of(body)) != digest:
        return None
    try:
        return decode(body)
    except ValueError:
        return None


def _is_frame(digest: object, size: object, kind: object, body: object) -> bool:
    known = isinstance(kind, int) and kind in set(ChunkKind)
    return known and isinstance(digest, bytes) and len(digest) == DIGEST_BYTES and isinstance(size, int) and bool(body)
