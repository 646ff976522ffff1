"""A copy of the catalog's heads in one SQLite file that all master processes of a host share."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import Any

from echofs.adapters.catalog import cursor
from echofs.adapters.host_file import Damaged, HostFile
from echofs.core.fields import Fields, canonical
from echofs.core.manifest import version_fields, version_of
from echofs.core.models import File
from echofs.core.names import ancestors_of, parent_of
from echofs.ports.catalog import Changes
from echofs.ports.follower import Copy, CopyPage, Follower
from echofs.ports.listing import ListQuery, Page, SortKey
from echofs.ports.runtime import Clock

_TABLES = """
CREATE TABLE head (
    file TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    path TEXT NOT NULL,
    folder TEXT NOT NULL,
    living INTEGER NOT NULL,
    number INTEGER NOT NULL,
    turn INTEGER NOT NULL,
    size INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX head_at ON head (owner, path) WHERE living;
CREATE INDEX head_turn ON head (turn);
CREATE TABLE state (position INTEGER, whole INTEGER NOT NULL, fresh_at REAL, turn INTEGER NOT NULL);
INSERT INTO state VALUES (NULL, 1, NULL, 0);
CREATE TABLE mark (newest INTEGER NOT NULL, asked_at REAL NOT NULL);
"""
# A later version of a file may stand before an earlier one: writers that wait for each other commit in another order
# than they began.
_PUT = """
INSERT INTO head (turn, file, owner, path, folder, living, number, size, updated, checksum, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (file) DO UPDATE SET
    owner = excluded.owner, path = excluded.path, folder = excluded.folder, living = excluded.living,
    number = excluded.number, turn = excluded.turn, size = excluded.size, updated = excluded.updated,
    checksum = excluded.checksum, body = excluded.body
WHERE excluded.number >= head.number
"""
_STATE = "SELECT position, whole, fresh_at, turn FROM state"
_SORTED = {SortKey.NAME: "path", SortKey.SIZE: "size", SortKey.UPDATED: "updated"}
_LEAD = "lead.lock"


class LocalFollower(Follower):
    """``capacity`` bounds the files: those that were changed last are kept. ``boot`` names the present start of the
    host, on whose monotonic clock ages are measured."""

    def __init__(self, folder: Path, *, capacity: int, clock: Clock, boot: str) -> None:
        self._capacity = capacity
        self._clock = clock
        self._file = HostFile(folder, boot, _TABLES)

    def close(self) -> None:
        """Idempotent."""
        self._file.close()

    def head(self, owner_id: str, file_id: str) -> Copy | None:
        return self._one("SELECT checksum, body FROM head WHERE file = ? AND owner = ?", file_id, owner_id)

    def at(self, owner_id: str, path: str) -> Copy | None:
        return self._one("SELECT checksum, body FROM head WHERE path = ? AND owner = ? AND living", path, owner_id)

    def page(self, query: ListQuery, newer: Sequence[File] = ()) -> CopyPage | None:
        after = cursor.decode(query.after, query.sort) if query.after else None
        beyond = _beyond(query, after)
        shown = [file for file in newer if _listed(file, query) and beyond(file)]
        replaced = {file.id for file in newer}
        most = query.limit + 1 + len(replaced)

        def work(connection: sqlite3.Connection) -> CopyPage | None:
            position, whole, fresh_at, _ = connection.execute(_STATE).fetchone()
            if fresh_at is None:
                return None
            rows = connection.execute(*_listing(query, after))
            found = ((checksum, body) for path, checksum, body in rows if query.lists(path))
            files = [file for file in map(_read, islice(found, most)) if file.id not in replaced] + shown
            files.sort(key=lambda file: cursor.place_of(file, query.sort), reverse=query.descending)
            kept, more = tuple(files[: query.limit]), len(files) > query.limit
            onward = cursor.encode(cursor.place_of(kept[-1], query.sort), query.sort) if more else ""
            return CopyPage(Page(kept, onward), self._since(fresh_at), bool(whole), position)

        return self._file.work(work)

    def folders(self, owner_id: str, parent: str) -> list[str]:
        inside = "SELECT DISTINCT folder FROM head WHERE owner = ? AND living AND (? = '' OR instr(folder, ?) = 1)"
        found = {folder for (folder,) in self._file.rows(inside, owner_id, parent, f"{parent}/") if folder}
        above = {each for folder in found for each in (*ancestors_of(folder), folder)}
        return sorted(folder for folder in above if parent_of(folder) == parent)

    def age(self) -> float | None:
        for _, _, fresh_at, _ in self._file.rows(_STATE):
            return None if fresh_at is None else self._since(fresh_at)
        return None

    def position(self) -> int | None:
        return next((position for position, _, _, _ in self._file.rows(_STATE)), None)

    def begin(self, position: int, *, whole: bool) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM head")
            connection.execute("DELETE FROM mark")
            connection.execute("UPDATE state SET position = ?, whole = ?, fresh_at = NULL", (position, whole))

        self._file.change(work)

    def take(self, changes: Changes, after: int, asked_at: float) -> None:
        rows = [_row(file) for file in changes.files]

        def work(connection: sqlite3.Connection) -> None:
            position, whole, fresh_at, turn = connection.execute(_STATE).fetchone()
            if position != after:
                return
            connection.executemany(_PUT, ((turn + place, *row) for place, row in enumerate(rows, start=1)))
            if rows and self._evict(connection):
                whole = 0
            connection.execute("INSERT INTO mark VALUES (?, ?)", (changes.newest, asked_at))
            met = "FROM mark WHERE newest <= ?"
            (reached,) = connection.execute(f"SELECT max(asked_at) {met}", (changes.upto,)).fetchone()
            connection.execute(f"DELETE {met}", (changes.upto,))
            fresh_at = max((at for at in (fresh_at, reached) if at is not None), default=None)
            state = (changes.upto, whole, fresh_at, turn + len(rows))
            connection.execute("UPDATE state SET position = ?, whole = ?, fresh_at = ?, turn = ?", state)

        self._file.change(work)

    def lead(self) -> AbstractContextManager[bool]:
        return self._file.lead(_LEAD)

    def _evict(self, connection: sqlite3.Connection) -> int:
        (count,) = connection.execute("SELECT count(*) FROM head").fetchone()
        oldest = "DELETE FROM head WHERE file IN (SELECT file FROM head ORDER BY turn LIMIT ?)"
        return connection.execute(oldest, (max(count - self._capacity, 0),)).rowcount

    def _one(self, query: str, *values: object) -> Copy | None:
        def work(connection: sqlite3.Connection) -> Copy | None:
            # One statement, so that head and age are of the same moment.
            row = connection.execute(f"SELECT * FROM ({query}), state", values).fetchone()
            if row is None or row[4] is None:
                return None
            return Copy(_read(row[:2]), self._since(row[4]), row[2])

        return self._file.work(work)

    def _since(self, fresh_at: float) -> float:
        return max(self._clock.monotonic() - fresh_at, 0.0)


def _listed(file: File, query: ListQuery) -> bool:
    return not file.deleted and file.owner_id == query.owner_id and query.lists(file.path)


def _beyond(query: ListQuery, after: cursor.Place | None) -> Callable[[File], bool]:
    """Whether a file comes after the place that a listing has reached."""
    if after is None:
        return lambda file: True
    if query.descending:
        return lambda file: cursor.place_of(file, query.sort) < after
    return lambda file: cursor.place_of(file, query.sort) > after


def _listing(query: ListQuery, after: cursor.Place | None) -> tuple[str, list[object]]:
    """Files of the folder, if one is asked for, from that place on: more than the query lists, in its order."""
    column, direction = _SORTED[query.sort], "DESC" if query.descending else "ASC"
    statement = "SELECT path, checksum, body FROM head WHERE owner = ? AND living"
    bound: list[object] = [query.owner_id]
    if query.folder is not None:
        statement += " AND folder = ?"
        bound.append(query.folder)
    if after is not None:
        value, path = after
        statement += f" AND ({column}, path) {'<' if query.descending else '>'} (?, ?)"
        bound += [path if query.sort is SortKey.NAME else value, path]
    return f"{statement} ORDER BY {column} {direction}, path {direction}", bound


def _row(file: File) -> tuple[object, ...]:
    head = file.head
    body = canonical(
        {"owner": file.owner_id, "created": file.created_at, "manifest": head.manifest, **version_fields(head)}
    )
    place = (file.id, file.owner_id, head.path, parent_of(head.path), not file.deleted)
    return (*place, head.number, head.content.size, head.created_at, zlib.crc32(body), body)


def _read(row: Iterable[Any]) -> File:
    checksum, body = row
    if not isinstance(body, bytes) or zlib.crc32(body) != checksum:
        raise Damaged("a head does not have its checksum")
    try:
        fields = Fields.parsed(body, "head")
        version = version_of(fields, fields.digest("manifest"))
        return File(version.file_id, fields.text("owner"), version, fields.number("created"))
    except ValueError as error:
        raise Damaged(str(error)) from error
