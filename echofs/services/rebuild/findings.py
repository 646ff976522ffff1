"""What a rebuild found on the workers: more than fits in memory, in a temporary file that goes with the process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from echofs.core import manifest
from echofs.core.histories import Bytes, Candidate
from echofs.core.manifest import Manifest
from echofs.core.models import Digest, Kind

_TABLES = """
CREATE TABLE held (digest TEXT, worker TEXT, PRIMARY KEY (digest, worker)) WITHOUT ROWID;
CREATE TABLE listed (digest TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE manifests (
    digest TEXT PRIMARY KEY, file TEXT, owner TEXT, owner_name TEXT, number INTEGER, parent TEXT, kind TEXT, path TEXT,
    size INTEGER, content TEXT, created_at INTEGER, dot TEXT UNIQUE, role TEXT, raw BLOB
);
CREATE INDEX by_file ON manifests (file, number);
CREATE INDEX by_path ON manifests (owner, path);
CREATE TABLE chunks (digest TEXT PRIMARY KEY, size INTEGER) WITHOUT ROWID;
"""
_FILES = "SELECT DISTINCT file FROM manifests WHERE file > ? ORDER BY file LIMIT ?"
_PAGE = 256
_RECOVERED = "SELECT count(*) FROM manifests WHERE owner = ? AND path = ? AND size = ? AND content = ?"
HEAD, PAST = "head", "past"
_CANDIDATE = "digest, number, parent, kind, size, content, created_at"
_LIVING = f"role = '{HEAD}' AND kind != '{Kind.TOMBSTONE.value}'"


@dataclass(frozen=True, slots=True)
class Claim:
    """A living file that claims a path: the file's id and the manifest of its head."""

    file_id: str
    head: Candidate


class Findings:
    """Not thread-safe. Iterators must be used up or dropped before anything is changed."""

    def __init__(self) -> None:
        # An empty name is a temporary file, spilled from memory when it grows and deleted by SQLite itself.
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Forget everything. Idempotent."""
        self._db.close()

    def add_held(self, worker_id: str, digests: Iterable[Digest]) -> None:
        """A worker says that it holds these chunks."""
        self._many("INSERT OR IGNORE INTO held VALUES (?, ?)", ((digest, worker_id) for digest in digests))

    def drop_held(self, worker_id: str, digest: Digest) -> None:
        """What a worker holds of this chunk is no good."""
        self._db.execute("DELETE FROM held WHERE digest = ? AND worker = ?", (digest, worker_id))

    def add_listed(self, digests: Iterable[Digest]) -> None:
        """These chunks are manifests, if they keep what their kind promises."""
        self._many("INSERT OR IGNORE INTO listed VALUES (?)", ((digest,) for digest in digests))

    def listed(self, after: Digest, limit: int) -> list[Digest]:
        """A page of the manifests, in order."""
        rows = self._db.execute("SELECT digest FROM listed WHERE digest > ? ORDER BY digest LIMIT ?", (after, limit))
        return [digest for (digest,) in rows]

    def count_listed(self) -> int:
        """How many different manifests there are."""
        return self._number("SELECT count(*) FROM listed")

    def holders(self, digest: Digest) -> list[str]:
        """The workers that hold a chunk, sorted."""
        rows = self._db.execute("SELECT worker FROM held WHERE digest = ? ORDER BY worker", (digest,))
        return [worker for (worker,) in rows]

    def add_manifest(self, described: Manifest, raw: bytes, role: str = "") -> bool:
        """Keep a verified manifest; False if another one has its dot, which no two versions share."""
        version = described.version
        row = (
            version.manifest,
            version.file_id,
            described.owner_id,
            described.owner_name,
            version.number,
            described.parent_manifest,
            version.kind.value,
            version.path,
            version.content.size,
            version.content.digest,
            version.created_at,
            f"{version.dot.counter}:{version.dot.origin}",
            role,
            raw,
        )
        statement = f"INSERT OR IGNORE INTO manifests VALUES ({','.join('?' * len(row))})"
        return self._db.execute(statement, row).rowcount == 1

    def manifest(self, digest: Digest) -> Manifest:
        """A manifest that was kept."""
        (raw,) = self._db.execute("SELECT raw FROM manifests WHERE digest = ?", (digest,)).fetchone()
        return manifest.decode(raw, digest)

    def manifest_size(self, digest: Digest) -> int:
        """The length in bytes of a manifest that was kept."""
        return self._number("SELECT length(raw) FROM manifests WHERE digest = ?", digest)

    def files(self) -> Iterator[str]:
        """Every file id, in order. Roles may be set meanwhile."""
        after = ""
        while rows := self._db.execute(_FILES, (after, _PAGE)).fetchall():
            yield from (file_id for (file_id,) in rows)
            (after,) = rows[-1]

    def candidates(self, file_id: str) -> list[tuple[str, Candidate]]:
        """The manifests of a file, each with the owner it names, the first version first."""
        rows = self._db.execute(
            f"SELECT owner, {_CANDIDATE} FROM manifests WHERE file = ? ORDER BY number, created_at, digest", (file_id,)
        )
        return [(row[0], _candidate(row[1:])) for row in rows]

    def recovered(self, owner_id: str, path: str, content: Bytes) -> bool:
        """Whether a file of an earlier attempt has these bytes at this path already."""
        return self._number(_RECOVERED, owner_id, path, *content) > 0

    def set_roles(self, roles: Iterable[tuple[Digest, str]]) -> None:
        """Say which manifests are heads and past versions of the catalog to be; the others are left out."""
        self._many("UPDATE manifests SET role = ? WHERE digest = ?", ((role, digest) for digest, role in roles))

    def contested(self) -> list[tuple[str, str]]:
        """Owners and paths that several living files claim."""
        return self._db.execute(
            f"SELECT owner, path FROM manifests WHERE {_LIVING} GROUP BY owner, path HAVING count(*) > 1"
        ).fetchall()

    def claims(self, owner_id: str, path: str) -> list[Claim]:
        """The living files that claim a path."""
        rows = self._db.execute(
            f"SELECT file, {_CANDIDATE} FROM manifests WHERE owner = ? AND path = ? AND {_LIVING}", (owner_id, path)
        )
        return [Claim(row[0], _candidate(row[1:])) for row in rows]

    def history(self, file_id: str) -> list[Candidate]:
        """The versions chosen for a file, the first one first."""
        rows = self._db.execute(
            f"SELECT {_CANDIDATE} FROM manifests WHERE file = ? AND role != '' ORDER BY number", (file_id,)
        )
        return [_candidate(row) for row in rows]

    def begun(self, file_id: str) -> int:
        """When the earliest version of a file that is left was made."""
        return self._number("SELECT min(created_at) FROM manifests WHERE file = ? AND role != ''", file_id)

    def chosen(self, role: str) -> Iterator[Digest]:
        """The manifests with one role, file by file."""
        rows = self._db.execute("SELECT digest FROM manifests WHERE role = ? ORDER BY file, number", (role,))
        return (digest for (digest,) in rows)

    def owners(self) -> list[tuple[str, str]]:
        """The id of every owner of a chosen version, and the name by which the last of them knew the owner."""
        rows = self._db.execute(
            "SELECT owner, owner_name, max(created_at) FROM manifests WHERE role != '' GROUP BY owner ORDER BY owner"
        )
        return [(owner, name) for owner, name, _ in rows]

    def add_chunks(self, chunks: Iterable[tuple[Digest, int]]) -> None:
        """Chosen versions refer to these chunks of so many plain bytes."""
        self._many("INSERT OR IGNORE INTO chunks VALUES (?, ?)", chunks)

    def chunks(self) -> Iterator[tuple[Digest, int, tuple[str, ...]]]:
        """Every chunk referred to, its size and the workers that hold it, in order."""
        rows = self._db.execute(
            "SELECT chunks.digest, size, worker FROM chunks LEFT JOIN held USING (digest) ORDER BY digest, worker"
        )
        for (digest, size), group in groupby(rows, key=lambda row: (row[0], row[1])):
            yield digest, size, tuple(worker for _, _, worker in group if worker is not None)

    def _many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany(statement, rows)
        self._db.execute("COMMIT")

    def _number(self, statement: str, *values: object) -> int:
        number: int = self._db.execute(statement, values).fetchone()[0]
        return number


def _candidate(row: Sequence[Any]) -> Candidate:
    digest, number, parent, kind, size, content, created_at = row
    return Candidate(digest, number, parent, Kind(kind), (size, content), created_at)
